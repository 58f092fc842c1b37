#include "lanes.h"
#define BODY "bodies/select.h"
#include "levels.h"

void pare_count_high(int level, const float *values, size_t count, uint32_t *counts) {
  DISPATCH(count_high, values, count, counts)
}

void pare_count_low(int level, const float *values, size_t count, uint32_t bucket,
                    uint32_t *counts) {
  DISPATCH(count_low, values, count, bucket, counts)
}

size_t pare_mask(int level, const float *values, size_t count, int32_t threshold, int32_t ties,
                 uint64_t *words, size_t offset) {
  DISPATCH(mask, values, count, threshold, ties, words, offset)
}

void pare_apply_mask(int level, const float *values, size_t count, const uint64_t *words,
                     size_t offset, float *out) {
  DISPATCH(apply_mask, values, count, words, offset, out)
}

static uint32_t magnitude_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits & MAGNITUDE;
}

// A radix search of 11, 10 and 10 bits: few enough buckets to be cleared for a row.
uint32_t pare_select(const float *values, size_t count, size_t k, size_t *below) {
  const uint32_t shifts[] = {20, 10, 0}, widths[] = {11, 10, 10};
  uint32_t prefix = 0, counts[1 << 11];
  size_t before = 0;
  for (int round = 0; round < 3; round++) {
    uint32_t shift = shifts[round], size = 1u << widths[round];
    uint64_t above = (uint64_t)shift + widths[round];
    memset(counts, 0, size * sizeof counts[0]);
    for (size_t i = 0; i < count; i++) {
      uint32_t bits = magnitude_bits(values[i]);
      if ((uint64_t)bits >> above == (uint64_t)prefix >> above)
        counts[bits >> shift & (size - 1)]++;
    }
    uint32_t bucket = 0;
    while (bucket + 1 < size && before + counts[bucket] <= k) before += counts[bucket++];
    prefix |= bucket << shift;
  }
  *below = before;
  return prefix;
}
