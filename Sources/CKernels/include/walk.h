/// Second-order compression of a layer: factors of its inputs' products, and a walk over its columns
/// that makes up for each in those that follow.
///
/// W is m × n, H = X Xᵀ + λI is n × n in the order of the walk backwards, and H = L Lᵀ with L lower.
/// With D = W − Q, ‖D X‖² + λ‖D‖² = Σⱼ (Σ_{i ≥ j} Dᵢ Lᵢⱼ)², so going from the last column to the first,
/// the best weight for column j is Wⱼ + Sⱼ / Lⱼⱼ with Sⱼ = Σ_{i > j} Dᵢ Lᵢⱼ. That is the update of
/// OBS (Hassibi and Stork, 1993), as GPTQ (Frantar et al., 2022) and SparseGPT (Frantar and
/// Alistarh, 2023) make it, without an inverse.
#ifndef PARE_WALK_H
#define PARE_WALK_H
#include <stddef.h>
#include <stdint.h>

/// c[i][j] −= Σ_l a[i][l] · b[j][l], i < m, j < n, l < k; rows of f64, strides in numbers.
void pare_subtract_rows(
    int level, size_t m, size_t n, size_t k, const double *a, size_t a_stride, const double *b,
    size_t b_stride, double *c, size_t c_stride);

/// Columns that are walked over at once, and rows.
enum { PARE_WALK_COLUMNS = 128, PARE_WALK_ROWS = 16 };

/// Some columns of the walk: L's rows and columns that belong to them.
typedef struct {
  const float *factor;
  size_t stride, columns;
} pare_walk_block;

/// The points that weights are rounded to. Column j of a block belongs to group `groups[j]`, whose
/// scales, zeros and minima are those from `groups[j] · stride` on, one a row. A point is
/// scale · (code − zero) with whole codes from `low` to `high`; where `minima` is not NULL, it is
/// scale · code + minimum, and codes are the `level_count` ascending `levels` where that is not 0.
typedef struct {
  const float *scales, *zeros, *minima, *levels;
  size_t level_count;
  const uint32_t *groups;
  size_t stride;
  float low, high;
} pare_walk_grid;

/// What would be lost by zeroing each weight once the columns before have been walked over, for
/// `rows` ≤ 16 rows of a block: (Wⱼ Lⱼⱼ + Sⱼ)², where Sⱼ takes the block's columns before j as
/// made up for. All rows are `row_stride` apart.
void pare_walk_scores(
    int level, const pare_walk_block *block, size_t rows, const float *weights, const float *sums,
    size_t row_stride, float *scores);

/// Walks over a block, from its last column to its first, for `rows` ≤ 16 rows. `results` gets Q and
/// `differences` D. Weights whose `kept` is 0 become 0 (NULL for none); where `m` is not 0, of each
/// `m` columns, counted from the block's last, the `n` with the highest scores stay (of a shorter group
/// n / m of it, rounded up). What stays is rounded to the grid, or, where there is none, given the
/// best value. `results` may be `weights`.
void pare_walk(
    int level, const pare_walk_block *block, size_t rows, const float *weights, const float *sums,
    size_t row_stride, const uint8_t *kept, size_t n, size_t m, const pare_walk_grid *grid,
    float *results, float *differences);

/// Solves some columns of X L Lᵀ = B in place, for `rows` ≤ 16 rows of a block: first Y Lᵀ = B, with
/// `back` X L = Y. Other blocks' parts have been subtracted already.
void pare_solve_rows(
    int level, const pare_walk_block *block, int back, size_t rows, float *values,
    size_t row_stride);

/// Scales and zeros of groups of a row's weights, so that Σ hⱼ (wⱼ − w′ⱼ)² is small: the best of
/// `steps` shrinkings of the extremes by 1 % each, from which codes and scale are then fitted in turn,
/// and then of zeros and scales about the best.
/// w′ = scale · (clamp(rint(w / scale) + zero) − zero) with codes from `low` to `high`; where
/// `is_symmetric`, zero is 0. `importance` has h, or is NULL for 1.
void pare_fit_groups(
    int level, const float *weights, const float *importance, size_t count, size_t group,
    int is_symmetric, int low, int high, int steps, float *scales, int32_t *zeros);
#endif
