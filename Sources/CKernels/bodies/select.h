// Neighbours are counted in tables of their own, or a run of equal weights (the
// zeros of a pruned layer) would wait for each addition.
static void NAME(count_high)(const float *values, size_t count, uint32_t *counts) {
  enum { buckets = 1 << 15, step = 16 };
  uint32_t *tables[4] = {counts, counts + buckets, counts + 2 * buckets, counts + 3 * buckets};
  size_t i = 0;
  for (; i + step <= count; i += step) {
    NAME(prefetch)(values + i, step * sizeof values[0]);
#pragma clang loop unroll(full)
    for (size_t j = 0; j < step; j += 2) {
      uint64_t two;
      memcpy(&two, values + i + j, sizeof two);
      tables[j & 3][two >> 16 & 0x7fff]++;
      tables[(j & 3) + 1][two >> 48 & 0x7fff]++;
    }
  }
  for (; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, values + i, sizeof bits);
    tables[i & 3][bits >> 16 & 0x7fff]++;
  }
}

static void NAME(count_low)(const float *values, size_t count, uint32_t bucket,
                            uint32_t *counts) {
  for (size_t i = 0; i < count; i += LANES) {
    size_t some = count - i < LANES ? count - i : LANES;
    f32x16 x = some == LANES ? NAME(load_f32)(values + i)
                             : NAME(load_some)(PARE_F32, values, i, some);
    NAME(prefetch)(values + i, LANES * sizeof values[0]);
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

static size_t NAME(collect)(const float *values, size_t count, int32_t low, int32_t high,
                            uint64_t *words, float *out, uint32_t *places, size_t *below) {
  size_t taken = 0, under = 0;
  for (size_t i = 0; i < count; i += 64) {
    uint64_t inside = 0, lower = 0;
    NAME(prefetch)(values + i, 64 * sizeof values[0]);
    for (size_t j = i; j < i + 64 && j < count; j += LANES) {
      size_t left = count - j < LANES ? count - j : LANES;
      f32x16 x = left == LANES ? NAME(load_f32)(values + j)
                               : NAME(load_some)(PARE_F32, values, j, left);
      i32x16 magnitude = NAME(as_i32)(x) & MAGNITUDE;
      uint32_t present = (1u << left) - 1, less = NAME(bits)(magnitude < low) & present;
      lower |= (uint64_t)less << (j - i);
      inside |= (uint64_t)(NAME(bits)(magnitude <= high) & present & ~less) << (j - i);
    }
    under += (size_t)__builtin_popcountll(lower);
    words[i / 64] = ~lower & (count - i < 64 ? (1ull << (count - i)) - 1 : ~0ull);
    for (; inside; inside &= inside - 1, taken++) {
      size_t place = i + (size_t)__builtin_ctzll(inside);
      out[taken] = values[place];
      places[taken] = (uint32_t)place;
    }
  }
  *below += under;
  return taken;
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
    NAME(prefetch)(values + i, 64 * sizeof values[0]);
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

static void NAME(stored)(const float *values, size_t count, uint64_t *words) {
  for (size_t i = 0; i < count; i += 64) {
    uint64_t word = 0;
    for (size_t j = i; j < i + 64 && j < count; j += LANES) {
      size_t left = count - j < LANES ? count - j : LANES;
      f32x16 x = left == LANES ? NAME(load_f32)(values + j)
                               : NAME(load_some)(PARE_F32, values, j, left);
      word |= (uint64_t)NAME(bits)(NAME(as_i32)(x) != 0) << (j - i);
    }
    words[i / 64] = word;
  }
}

static int NAME(are_pruned)(const float *values, const float *before, const uint64_t *kept,
                            size_t count) {
  i32x16 difference = 0;
  for (size_t i = 0; i < count; i += LANES) {
    size_t left = count - i < LANES ? count - i : LANES;
    f32x16 x, y;
    if (left == LANES) {
      x = NAME(load_f32)(values + i);
      y = NAME(load_f32)(before + i);
    } else {
      x = NAME(load_some)(PARE_F32, values, i, left);
      y = NAME(load_some)(PARE_F32, before, i, left);
    }
    i32x16 value = NAME(as_i32)(x), original = NAME(as_i32)(y);
    i32x16 stays = kept ? NAME(spread)((uint32_t)(kept[i / 64] >> i % 64) & 0xffff) : -1;
    difference |= ((value ^ original) & stays) | ((value & MAGNITUDE) & ~stays);
  }
  return NAME(bits)(difference != 0) == 0;
}

static void NAME(apply_mask)(const float *values, size_t count, const uint64_t *words,
                             size_t offset, float *out, int stream) {
  for (size_t i = 0; i < count; i += 64) {
    size_t some = count - i < 64 ? count - i : 64;
    size_t at = offset + i, shift = at % 64;
    NAME(prefetch)(values + i, 64 * sizeof values[0]);
    uint64_t word = words[at / 64] >> shift;
    if (shift != 0 && shift + some > 64) word |= words[at / 64 + 1] << (64 - shift);
    for (size_t j = 0; j < some; j += LANES, word >>= LANES) {
      size_t left = some - j < LANES ? some - j : LANES;
      i32x16 kept = NAME(spread)((uint32_t)word & 0xffff);
      if (left == LANES) {
        i32x16 bits = NAME(as_i32)(NAME(load_f32)(values + i + j)) & kept;
        if (stream) NAME(stream_f32)(out + i + j, NAME(as_f32)(bits));
        else NAME(store_f32)(out + i + j, NAME(as_f32)(bits));
      } else {
        i32x16 bits = NAME(as_i32)(NAME(load_some)(PARE_F32, values, i + j, left)) & kept;
        NAME(store_some)(out + i + j, NAME(as_f32)(bits), left);
      }
    }
  }
  if (stream) NAME(drain)();
}
