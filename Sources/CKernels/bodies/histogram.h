enum { NAME(step) = 1024, NAME(pair_bits) = 7, NAME(pair_bins) = 1 << NAME(pair_bits) };

// The bins of sixteen values. `maximum` before `minimum`, each keeping its second
// operand for a NaN, puts NaN into bin 0.
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

// The last values, and any number of bins.
INLINE void NAME(histogram_single)(int kind, const void *values, size_t start, size_t count,
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

// Two values are counted by one addition: the table is indexed by the pair of
// their bins, and its rows and columns are summed at the end.
INLINE size_t NAME(histogram_pairs)(int kind, const void *values, size_t count, float lower,
                                    float upper, float inverse, uint32_t bins, uint64_t *counts,
                                    uint64_t outside[3]) {
  uint32_t tables[2][NAME(pair_bins) * NAME(pair_bins)];
  uint16_t index[NAME(step) / 2];
  memset(tables, 0, sizeof tables);
  const f32x16 low = lower, high = upper;
  i32x16 below = 0, above = 0, unordered = 0;
  size_t i = 0;
  for (; i + NAME(step) <= count; i += NAME(step)) {
    for (size_t j = 0; j < NAME(step); j += 2 * LANES) {
      f32x16 a = NAME(load)(kind, values, i + j), b = NAME(load)(kind, values, i + j + LANES);
      i32x16 rows = NAME(bins)(a, lower, inverse, (float)(bins - 1));
      i32x16 columns = NAME(bins)(b, lower, inverse, (float)(bins - 1));
      u16x16 pairs = __builtin_convertvector(rows << NAME(pair_bits) | columns, u16x16);
      memcpy(index + j / 2, &pairs, sizeof pairs);
      below -= (a < low) + (b < low);
      above -= (a > high) + (b > high);
      unordered -= (a != a) + (b != b);
    }
    for (size_t j = 0; j < NAME(step) / 2; j += 4) {
      uint64_t four;
      memcpy(&four, index + j, sizeof four);
      tables[0][four & 0xffff]++;
      tables[1][four >> 16 & 0xffff]++;
      tables[0][four >> 32 & 0xffff]++;
      tables[1][four >> 48]++;
    }
  }
  for (int lane = 0; lane < LANES; lane++) {
    outside[0] += (uint64_t)below[lane];
    outside[1] += (uint64_t)above[lane];
    outside[2] += (uint64_t)unordered[lane];
  }
  for (uint32_t row = 0; row < bins; row++)
    for (uint32_t column = 0; column < bins; column++) {
      uint32_t pair = row << NAME(pair_bits) | column;
      uint64_t both = (uint64_t)tables[0][pair] + tables[1][pair];
      counts[row] += both;
      counts[column] += both;
    }
  return i;
}

INLINE void NAME(histogram_kind)(int kind, const void *values, size_t count, float lower,
                                 float upper, float inverse, uint32_t bins, uint64_t *counts,
                                 uint64_t outside[3]) {
  size_t done = 0;
  uint64_t out[3] = {0};
  if (bins <= NAME(pair_bins) && count >= 32 * NAME(step))
    done = NAME(histogram_pairs)(kind, values, count, lower, upper, inverse, bins, counts, out);
  NAME(histogram_single)(kind, values, done, count, lower, upper, inverse, bins, counts, out);
  // What lies outside was held to the bins at the ends; take it out again.
  counts[0] -= out[0] + out[2];
  counts[bins - 1] -= out[1];
  for (int i = 0; i < 3; i++) outside[i] += out[i];
}

static void NAME(histogram)(int kind, const void *values, size_t count, float lower, float upper,
                            float inverse, uint32_t bins, uint64_t *counts,
                            uint64_t outside[3]) {
  switch (kind) {
  case PARE_BF16:
    NAME(histogram_kind)(PARE_BF16, values, count, lower, upper, inverse, bins, counts, outside);
    break;
  case PARE_F16:
    NAME(histogram_kind)(PARE_F16, values, count, lower, upper, inverse, bins, counts, outside);
    break;
  default:
    NAME(histogram_kind)(PARE_F32, values, count, lower, upper, inverse, bins, counts, outside);
  }
}
