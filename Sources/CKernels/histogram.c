#include "lanes.h"
#define BODY "bodies/histogram.h"
#include "levels.h"

void pare_histogram(int level, int kind, const void *values, size_t count, float lower,
                    float upper, float inverse, uint32_t bins, uint64_t *counts,
                    uint64_t outside[3]) {
  DISPATCH(histogram, kind, values, count, lower, upper, inverse, bins, counts, outside)
}
