#include "lanes.h"
#define BODY "bodies/scan.h"
#include "levels.h"

void pare_scan(int level, int kind, const void *values, size_t count, float pivot,
               float scale, int32_t threshold, uint64_t *mask, pare_moments *out) {
  DISPATCH(scan, kind, values, count, pivot, scale, threshold, mask, out)
}
