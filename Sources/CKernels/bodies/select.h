// Neighbours are counted in tables of their own, or a run of equal weights (the
// zeros of a pruned layer) would wait for each addition.
static void NAME(count_high)(const float *values, size_t count, uint32_t *counts) {
  enum { buckets = 1 << 15 };
  const char *high = (const char *)values + 2;
  for (size_t i = 0; i < count; i++) {
    uint16_t bits;
    memcpy(&bits, high + i * sizeof(float), sizeof bits);
    counts[(i & 3) * buckets + (bits & 0x7fff)]++;
  }
}

static void NAME(count_low)(const float *values, size_t count, uint32_t bucket,
                            uint32_t *counts) {
  for (size_t i = 0; i < count; i += LANES) {
    size_t some = count - i < LANES ? count - i : LANES;
    f32x16 x = some == LANES ? NAME(load_f32)(values + i)
                             : NAME(load_some)(PARE_F32, values, i, some);
    i32x16 magnitude = NAME(as_i32)(x) & MAGNITUDE;
    uint32_t inside = NAME(bits)(magnitude >> 16 == (i32x16)(int32_t)bucket);
    inside &= (1u << some) - 1;
    for (; inside; inside &= inside - 1) {
      uint16_t low;
      memcpy(&low, values + i + __builtin_ctz(inside), sizeof low);
      counts[low]++;
    }
  }
}

// A word of 64 results is moved by `shift` and added to two words.
INLINE void NAME(put)(uint64_t *words, size_t at, uint64_t word, size_t bits) {
  size_t shift = at % 64;
  words[at / 64] |= word << shift;
  if (shift != 0 && shift + bits > 64) words[at / 64 + 1] |= word >> (64 - shift);
}

static size_t NAME(mask)(const float *values, size_t count, int32_t threshold, int32_t ties,
                         uint64_t *words, size_t offset) {
  size_t equal = 0;
  for (size_t i = 0; i < count; i += 64) {
    size_t some = count - i < 64 ? count - i : 64;
    uint64_t word = 0, tied = 0;
    for (size_t j = 0; j < some; j += LANES) {
      size_t left = some - j < LANES ? some - j : LANES;
      f32x16 x = left == LANES ? NAME(load_f32)(values + i + j)
                               : NAME(load_some)(PARE_F32, values, i + j, left);
      i32x16 magnitude = NAME(as_i32)(x) & MAGNITUDE;
      uint32_t present = (1u << left) - 1;
      word |= (uint64_t)(NAME(bits)(magnitude > threshold) & present) << j;
      tied |= (uint64_t)(NAME(bits)(magnitude == ties) & present) << j;
    }
    equal += (size_t)__builtin_popcountll(tied);
    NAME(put)(words, offset + i, word, some);
  }
  return equal;
}

static void NAME(apply_mask)(const float *values, size_t count, const uint64_t *words,
                             size_t offset, float *out) {
  for (size_t i = 0; i < count; i += 64) {
    size_t some = count - i < 64 ? count - i : 64;
    size_t at = offset + i, shift = at % 64;
    uint64_t word = words[at / 64] >> shift;
    if (shift != 0 && shift + some > 64) word |= words[at / 64 + 1] << (64 - shift);
    for (size_t j = 0; j < some; j += LANES, word >>= LANES) {
      size_t left = some - j < LANES ? some - j : LANES;
      i32x16 kept = NAME(spread)((uint32_t)word & 0xffff);
      if (left == LANES) {
        i32x16 bits = NAME(as_i32)(NAME(load_f32)(values + i + j)) & kept;
        NAME(store_f32)(out + i + j, NAME(as_f32)(bits));
      } else {
        i32x16 bits = NAME(as_i32)(NAME(load_some)(PARE_F32, values, i + j, left)) & kept;
        NAME(store_some)(out + i + j, NAME(as_f32)(bits), left);
      }
    }
  }
}
