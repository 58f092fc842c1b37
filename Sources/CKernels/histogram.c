#include "lanes.h"
/// Counters of one table: the pairs of 64 bins, half of a usual first cache.
enum { PARE_TABLE = 64 * 64 };
#define BODY "bodies/histogram.h"
#include "levels.h"

void pare_histogram(int level, int kind, const void *values, size_t count, float lower,
                    float upper, float inverse, uint32_t bins, int inside, uint64_t *counts,
                    uint64_t outside[3]) {
  DISPATCH(histogram, kind, values, count, lower, upper, inverse, bins, inside, counts, outside)
}
