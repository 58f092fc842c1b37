#include "lanes.h"
#define BODY "bodies/quantize.h"
#include "levels.h"

void pare_measure_group(int level, const float *values, size_t count, pare_group *out) {
  DISPATCH(measure_group, values, count, out)
}

void pare_fit_scale(int level, const float *values, size_t count, float scale, float zero,
                    float low, float high, pare_fit *out) {
  DISPATCH(fit_scale, values, count, scale, zero, low, high, out)
}

double pare_quantize(int level, const float *values, size_t count, float scale, float zero,
                     float low, float high, float *out) {
  DISPATCH(quantize, values, count, scale, zero, low, high, out)
}

void pare_scale_errors(int level, const float *values, size_t count, float scale, float zero,
                       float low, float high, const float *factor, size_t factors,
                       double *errors) {
  DISPATCH(scale_errors, values, count, scale, zero, low, high, factor, factors, errors)
}

void pare_weighted_errors(int level, const float *values, const float *weights, size_t count,
                          float low, float high, const float *scale, size_t scales,
                          double *errors) {
  DISPATCH(weighted_errors, values, weights, count, low, high, scale, scales, errors)
}

double pare_ternarize(int level, const float *values, size_t count, float scale, float threshold,
                      float *out) {
  DISPATCH(ternarize, values, count, scale, threshold, out)
}

void pare_compare(int level, const float *first, const float *second, size_t count,
                  pare_difference *out) {
  DISPATCH(compare, first, second, count, out)
}

void pare_add_magnitudes(int level, const float *row, size_t count, float *sums,
                         float *maxima) {
  DISPATCH(add_magnitudes, row, count, sums, maxima)
}
