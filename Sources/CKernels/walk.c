#include "walk.h"
#include "lanes.h"

#define BODY "bodies/walk.h"
#include "levels.h"

void pare_subtract_rows(
    int level, size_t m, size_t n, size_t k, const double *a, size_t a_stride, const double *b,
    size_t b_stride, double *c, size_t c_stride) {
  DISPATCH(subtract_rows, m, n, k, a, a_stride, b, b_stride, c, c_stride)
}

void pare_walk_scores(
    int level, const pare_walk_block *block, size_t rows, const float *weights, const float *sums,
    size_t row_stride, float *scores) {
  DISPATCH(walk_scores, block, rows, weights, sums, row_stride, scores)
}

void pare_walk(
    int level, const pare_walk_block *block, size_t rows, const float *weights, const float *sums,
    size_t row_stride, const uint8_t *kept, size_t n, size_t m, const pare_walk_grid *grid,
    float *results, float *differences) {
  DISPATCH(walk, block, rows, weights, sums, row_stride, kept, n, m, grid, results, differences)
}

void pare_solve_rows(
    int level, const pare_walk_block *block, int back, size_t rows, float *values,
    size_t row_stride) {
  DISPATCH(solve_rows, block, back, rows, values, row_stride)
}

void pare_fit_groups(
    int level, const float *weights, const float *importance, size_t count, size_t group,
    int is_symmetric, int low, int high, int steps, float *scales, int32_t *zeros) {
  DISPATCH(
      fit_groups, weights, importance, count, group, is_symmetric, low, high, steps, scales, zeros)
}
