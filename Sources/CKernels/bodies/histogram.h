// Values whose bins are found before they are counted.
enum { NAME(step) = 1024 };

// The bins of sixteen values. NaN falls into bin 0, as a comparison with it is false.
INLINE i32x16 NAME(bins)(f32x16 x, float lower, float inverse, float top) {
  f32x16 t = (x - (f32x16)lower) * (f32x16)inverse;
  t = t > (f32x16)0.0f ? t : (f32x16)0.0f;
  t = t < (f32x16)top ? t : (f32x16)top;
  return __builtin_convertvector(t, i32x16);
}

INLINE void NAME(count_outside)(f32x16 x, float lower, float upper, uint32_t present,
                                uint64_t outside[3]) {
  outside[0] += (uint64_t)__builtin_popcount(NAME(bits)(x < (f32x16)lower) & present);
  outside[1] += (uint64_t)__builtin_popcount(NAME(bits)(x > (f32x16)upper) & present);
  outside[2] += (uint64_t)__builtin_popcount(NAME(bits)(x != x) & present);
}

// Few values, or very many bins.
INLINE void NAME(histogram_plain)(int kind, const void *values, size_t start, size_t count,
                                  float lower, float upper, float inverse, uint32_t bins,
                                  uint64_t *counts, uint64_t outside[3]) {
  for (size_t i = start; i < count; i += LANES) {
    size_t some = count - i < LANES ? count - i : LANES;
    f32x16 x = NAME(load_some)(kind, values, i, some);
    NAME(count_outside)(x, lower, upper, (1u << some) - 1, outside);
    i32x16 bin = NAME(bins)(x, lower, inverse, (float)(bins - 1));
    int32_t index[LANES];
    memcpy(index, &bin, sizeof index);
    for (size_t j = 0; j < some; j++) counts[index[j]]++;
  }
}

// Adds 1 for each index to one of two tables in turn, so that equal neighbours do
// not wait for each other.
INLINE void NAME(count_indices)(const uint16_t *index, size_t count, uint32_t *even,
                                uint32_t *odd) {
  for (size_t j = 0; j < count; j += 4) {
    uint64_t four;
    memcpy(&four, index + j, sizeof four);
    even[four & 0xffff]++;
    odd[four >> 16 & 0xffff]++;
    even[four >> 32 & 0xffff]++;
    odd[four >> 48]++;
  }
}

#if LEVEL == 2
// Counters of up to 64 bins as planes of bits: bit b of plane k, in each of eight lanes, is bit
// k of how many values have fallen into bin b. A value is a word with the bit of its bin; sixteen
// vectors of them are added by carry-save adders (Harley and Seal; Muła, Kurz and Lemire, 2018),
// where a table would need a load, an addition and a store for each value.
enum { NAME(planes) = 24, NAME(batch) = 16 };

typedef struct {
  u64x8 plane[NAME(planes)];
  // Carries out of the first four planes, which are added sixteen at a time.
  u64x8 carry[NAME(batch)];
  size_t batches;
} NAME(counters);

// Adds two words to a plane; returns what they carry to the next.
INLINE u64x8 NAME(add_planes)(u64x8 *low, u64x8 a, u64x8 b) {
  u64x8 half = a ^ b, carry = (a & b) | (half & *low);
  *low ^= half;
  return carry;
}

// Adds sixteen words to four planes; returns what they carry.
INLINE u64x8 NAME(add_batch)(u64x8 plane[4], const u64x8 words[NAME(batch)]) {
  u64x8 two[8], four[4], eight[2];
#pragma clang loop unroll(full)
  for (int i = 0; i < 8; i++) two[i] = NAME(add_planes)(&plane[0], words[2 * i], words[2 * i + 1]);
#pragma clang loop unroll(full)
  for (int i = 0; i < 4; i++) four[i] = NAME(add_planes)(&plane[1], two[2 * i], two[2 * i + 1]);
#pragma clang loop unroll(full)
  for (int i = 0; i < 2; i++) eight[i] = NAME(add_planes)(&plane[2], four[2 * i], four[2 * i + 1]);
  return NAME(add_planes)(&plane[3], eight[0], eight[1]);
}

INLINE void NAME(add_rest)(u64x8 *plane, int planes, u64x8 carry) {
  for (int k = 0; k < planes; k++) {
    u64x8 next = plane[k] & carry;
    plane[k] ^= carry;
    carry = next;
  }
}

// Counts whole steps of 128 values, of at most 2^27; returns how many. A lane holds two values'
// bins, as 32-bit numbers.
INLINE size_t NAME(histogram_planes)(int kind, int inside, const void *values, size_t count,
                                     float lower, float upper, float inverse, uint32_t bins,
                                     uint64_t *counts, uint64_t outside[3]) {
  enum { step = 8 * NAME(batch) };
  const float top = (float)(bins - 1);
  const size_t size = kind == PARE_F32 ? 4 : 2;
  NAME(counters) c = {0};
  u64x8 low[4] = {0};
  size_t i = 0;
  if (count > 1 << 27) count = 1 << 27;
  for (; i + step <= count; i += step) {
    NAME(prefetch)((const char *)values + i * size, step * size);
    u64x8 words[NAME(batch)];
#pragma clang loop unroll(full)
    for (size_t j = 0; j < step / LANES; j++) {
      f32x16 x = NAME(load)(kind, values, i + j * LANES);
      i32x16 bin = NAME(bins)(x, lower, inverse, top);
      u64x8 two;
      memcpy(&two, &bin, sizeof two);
      words[2 * j] = (u64x8)1 << (two & 0xffffffff);
      words[2 * j + 1] = (u64x8)1 << (two >> 32);
      if (!inside) NAME(count_outside)(x, lower, upper, 0xffff, outside);
    }
    c.carry[c.batches++ % NAME(batch)] = NAME(add_batch)(low, words);
    if (c.batches % NAME(batch) == 0)
      NAME(add_rest)(c.plane + 8, NAME(planes) - 8, NAME(add_batch)(c.plane + 4, c.carry));
  }
  memcpy(c.plane, low, sizeof low);
  for (size_t k = 0; k < c.batches % NAME(batch); k++)
    NAME(add_rest)(c.plane + 4, NAME(planes) - 4, c.carry[k]);
  for (int plane = 0; plane < NAME(planes); plane++)
    for (uint32_t bin = 0; bin < bins; bin++)
      for (int lane = 0; lane < 8; lane++)
        counts[bin] += (c.plane[plane][lane] >> bin & 1) << plane;
  return i;
}
#endif

// With few bins two values are counted by one addition: the table is indexed by
// the pair of their bins, and its rows and columns are summed at the end. One
// table then, as two would not fit in the first cache; equal pairs are rarer.
INLINE size_t NAME(histogram_steps)(int kind, int pairs, int inside, const void *values,
                                    size_t count, float lower, float upper, float inverse,
                                    uint32_t bins, uint64_t *counts, uint64_t outside[3]) {
  uint32_t even[PARE_TABLE], odd[PARE_TABLE];
  uint16_t index[NAME(step)];
  const uint32_t used = pairs ? bins * bins : bins;
  memset(even, 0, used * sizeof even[0]);
  if (!pairs) memset(odd, 0, used * sizeof odd[0]);
  const float top = (float)(bins - 1);
  size_t i = 0;
  const size_t size = kind == PARE_F32 ? 4 : 2;
  for (; i + NAME(step) <= count; i += NAME(step)) {
    for (size_t j = 0; j < NAME(step); j += 2 * LANES) {
      NAME(prefetch)((const char *)values + (i + j) * size, 2 * LANES * size);
      f32x16 a = NAME(load)(kind, values, i + j), b = NAME(load)(kind, values, i + j + LANES);
      i32x16 first = NAME(bins)(a, lower, inverse, top);
      i32x16 second = NAME(bins)(b, lower, inverse, top);
      if (pairs) {
        u16x16 pair = __builtin_convertvector(first * (int32_t)bins + second, u16x16);
        memcpy(index + j / 2, &pair, sizeof pair);
      } else {
        u16x16 half[2] = {__builtin_convertvector(first, u16x16),
                          __builtin_convertvector(second, u16x16)};
        memcpy(index + j, half, sizeof half);
      }
      if (!inside) {
        NAME(count_outside)(a, lower, upper, 0xffff, outside);
        NAME(count_outside)(b, lower, upper, 0xffff, outside);
      }
    }
    NAME(count_indices)(index, pairs ? NAME(step) / 2 : NAME(step), even, pairs ? even : odd);
  }
  for (uint32_t k = 0; k < used; k++) {
    uint64_t both = (uint64_t)even[k] + (pairs ? 0 : odd[k]);
    if (pairs) counts[k / bins] += both;
    counts[pairs ? k % bins : k] += both;
  }
  return i;
}

INLINE void NAME(histogram_kind)(int kind, const void *values, size_t count, float lower,
                                 float upper, float inverse, uint32_t bins, int inside,
                                 uint64_t *counts, uint64_t outside[3]) {
  size_t done = 0;
  uint64_t out[3] = {0};
  if (count < 16 * NAME(step) || bins > PARE_TABLE) {
    done = 0;
#if LEVEL == 2
  } else if (bins <= 64) {
    done = inside ? NAME(histogram_planes)(kind, 1, values, count, lower, upper, inverse, bins,
                                           counts, out)
                  : NAME(histogram_planes)(kind, 0, values, count, lower, upper, inverse, bins,
                                           counts, out);
#endif
  } else if (bins * bins <= PARE_TABLE) {
    done = inside ? NAME(histogram_steps)(kind, 1, 1, values, count, lower, upper, inverse, bins,
                                          counts, out)
                  : NAME(histogram_steps)(kind, 1, 0, values, count, lower, upper, inverse, bins,
                                          counts, out);
  } else {
    done = NAME(histogram_steps)(kind, 0, inside, values, count, lower, upper, inverse, bins,
                                 counts, out);
  }
  NAME(histogram_plain)(kind, values, done, count, lower, upper, inverse, bins, counts, out);
  // What lies outside was held to the bins at the ends; take it out again.
  counts[0] -= out[0] + out[2];
  counts[bins - 1] -= out[1];
  for (int i = 0; i < 3; i++) outside[i] += out[i];
}

static void NAME(histogram)(int kind, const void *values, size_t count, float lower, float upper,
                            float inverse, uint32_t bins, int inside, uint64_t *counts,
                            uint64_t outside[3]) {
  switch (kind) {
  case PARE_BF16:
    NAME(histogram_kind)(PARE_BF16, values, count, lower, upper, inverse, bins, inside, counts,
                         outside);
    break;
  case PARE_F16:
    NAME(histogram_kind)(PARE_F16, values, count, lower, upper, inverse, bins, inside, counts,
                         outside);
    break;
  default:
    NAME(histogram_kind)(PARE_F32, values, count, lower, upper, inverse, bins, inside, counts,
                         outside);
  }
}
