// Blocks of weights into panels, without a detour by f32 where weights of a scale are few enough to
// be looked up: the same digits as those of `pare_dequantize` in panels. Each function reads
// some blocks of one row, the first at `at`, and writes a line of each chunk.
#include "codes.h"
#pragma STDC FP_CONTRACT OFF

// Where the lines of a row go: each chunk's CHUNK_WORDS behind the one before.
typedef struct {
  int kind;
  int32_t *high, *low;
} NAME(lines);

INLINE void NAME(put_line)(NAME(lines) to, size_t chunk, i32x16 high, i32x16 low) {
  memcpy(to.high + chunk * CHUNK_WORDS, &high, sizeof high);
  if (to.kind == PARE_SPLIT) memcpy(to.low + chunk * CHUNK_WORDS, &low, sizeof low);
}

// 32 weights.
INLINE void NAME(put_weights)(NAME(lines) to, size_t chunk, f32x16 first, f32x16 second) {
  i32x16 high, low = (i32x16)0;
  NAME(halves)(to.kind, NAME(in_order), first, second, &high, &low);
  NAME(put_line)(to, chunk, high, low);
}

// What each of 32 codes stands for.
typedef struct {
  i32x16 high, low;
} NAME(table);

INLINE NAME(table) NAME(table_of)(int kind, f32x16 first, f32x16 second) {
  NAME(table) table = {(i32x16)0, (i32x16)0};
  NAME(halves)(kind, NAME(in_order), first, second, &table.high, &table.low);
  return table;
}

INLINE i32x16 NAME(picked)(i32x16 table, i16x32 codes) {
  typedef short s16x32 __attribute__((vector_size(64)));
  s16x32 from, index;
  memcpy(&from, &table, sizeof from);
  memcpy(&index, &codes, sizeof index);
  from = __builtin_ia32_permvarhi512(from, index);
  i32x16 result;
  memcpy(&result, &from, sizeof result);
  return result;
}

INLINE void NAME(put_codes)(NAME(lines) to, size_t chunk, NAME(table) table, i16x32 codes) {
  NAME(put_line)(
      to, chunk, NAME(picked)(table.high, codes),
      to.kind == PARE_SPLIT ? NAME(picked)(table.low, codes) : (i32x16)0);
}

static const float NAME(counted)[32] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                        11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                        22, 23, 24, 25, 26, 27, 28, 29, 30, 31};

// Blocks of 32 with 4-bit codes, two at a time: the table's halves are theirs.
INLINE void NAME(pack_nibbles)(
    int format, size_t size, const uint8_t *at, size_t count, NAME(lines) to) {
  f32x16 codes = NAME(load_f32)(NAME(counted));
  size_t skip = format == PARE_Q4_1 ? 4 : 2;
  f32x16 levels = format == PARE_Q4_1   ? codes
                  : format == PARE_Q4_0 ? codes - 8
                                        : NAME(signed_floats)(four_bit_levels);
  for (size_t block = 0; block < count; block += 2, at += 2 * size) {
    const uint8_t *next = block + 1 < count ? at + size : at;
    f32x16 first = levels * NAME(half)(at), second = levels * NAME(half)(next);
    if (format == PARE_Q4_1) {
      first += NAME(half)(at + 2);
      second += NAME(half)(next + 2);
    }
    NAME(table) table = NAME(table_of)(to.kind, first, second);
    NAME(put_codes)(to, block, table, NAME(nibbles_at)(at + skip));
    if (block + 1 < count) NAME(put_codes)(to, block + 1, table, NAME(nibbles_at)(next + skip) | 16);
  }
}

INLINE void NAME(pack_five_bits)(
    int format, size_t size, const uint8_t *at, size_t count, NAME(lines) to) {
  f32x16 levels[2] = {NAME(load_f32)(NAME(counted)), NAME(load_f32)(NAME(counted) + 16)};
  size_t skip = format == PARE_Q5_1 ? 4 : 2;
  for (size_t block = 0; block < count; block++, at += size) {
    float d = NAME(half)(at);
    f32x16 weights[2];
    for (int i = 0; i < 2; i++)
      weights[i] = format == PARE_Q5_1 ? levels[i] * d + NAME(half)(at + 2) : (levels[i] - 16) * d;
    NAME(put_codes)(
        to, block, NAME(table_of)(to.kind, weights[0], weights[1]),
        NAME(nibbles_at)(at + skip + 4) | NAME(sixteens)(u32_at(at + skip)));
  }
}

INLINE void NAME(pack_q8_0)(const uint8_t *at, size_t count, NAME(lines) to) {
  for (size_t block = 0; block < count; block++, at += 34) {
    float d = NAME(half)(at);
    NAME(put_weights)(
        to, block, NAME(signed_floats)((const int8_t *)at + 2) * d,
        NAME(signed_floats)((const int8_t *)at + 18) * d);
  }
}

// The eight scales of Q4_K and Q5_K, and eight minima behind them.
INLINE void NAME(k_scales)(const uint8_t *at, float scales[16]) {
  uint32_t words[4];
  scales_and_minima(at + 4, words);
  u8x16 bytes;
  memcpy(&bytes, words, sizeof bytes);
  float d = NAME(half)(at), m = NAME(half)(at + 2);
  const f32x16 unit = {d, d, d, d, d, d, d, d, m, m, m, m, m, m, m, m};
  NAME(store_f32)(
      scales, __builtin_convertvector(__builtin_convertvector(bytes, i32x16), f32x16) * unit);
}

INLINE void NAME(pack_q4_k)(const uint8_t *at, size_t count, NAME(lines) to) {
  f32x16 levels = NAME(load_f32)(NAME(counted));
  for (size_t block = 0; block < count; block++, at += 144) {
    float scales[16];
    NAME(k_scales)(at, scales);
    for (size_t j = 0; j < 8; j += 2) {
      NAME(table) table = NAME(table_of)(
          to.kind, levels * scales[j] - scales[j + 8], levels * scales[j + 1] - scales[j + 9]);
      i16x32 wide = NAME(wide_at)(at + 16 + 16 * j);
      NAME(put_codes)(to, 8 * block + j, table, wide & 15);
      NAME(put_codes)(to, 8 * block + j + 1, table, wide >> 4 | 16);
    }
  }
}

INLINE void NAME(pack_q5_k)(const uint8_t *at, size_t count, NAME(lines) to) {
  f32x16 levels[2] = {NAME(load_f32)(NAME(counted)), NAME(load_f32)(NAME(counted) + 16)};
  for (size_t block = 0; block < count; block++, at += 176) {
    float scales[16];
    NAME(k_scales)(at, scales);
    i16x32 fifth = NAME(wide_at)(at + 16);
    for (size_t j = 0; j < 8; j++) {
      i16x32 wide = NAME(wide_at)(at + 48 + j / 2 * 32);
      i16x32 codes = (j % 2 == 0 ? wide & 15 : wide >> 4) | (fifth >> (int)j & 1) << 4;
      NAME(put_codes)(
          to, 8 * block + j,
          NAME(table_of)(to.kind, levels[0] * scales[j] - scales[j + 8],
                         levels[1] * scales[j] - scales[j + 8]),
          codes);
    }
  }
}

INLINE f32x16 NAME(half_of_codes)(i16x32 codes, int upper) {
  i16x32 moved = upper ? __builtin_shufflevector(codes, codes, 16, 17, 18, 19, 20, 21, 22, 23, 24,
                                                 25, 26, 27, 28, 29, 30, 31, 16, 17, 18, 19, 20, 21,
                                                 22, 23, 24, 25, 26, 27, 28, 29, 30, 31)
                       : codes;
  typedef int16_t i16x16 __attribute__((ext_vector_type(16)));
  i16x16 part;
  memcpy(&part, &moved, sizeof part);
  return __builtin_convertvector(__builtin_convertvector(part, i32x16), f32x16);
}

INLINE void NAME(pack_q6_k)(const uint8_t *at, size_t count, NAME(lines) to) {
  for (size_t block = 0; block < count; block++, at += 210) {
    float scales[16];
    NAME(store_f32)(scales, NAME(signed_floats)((const int8_t *)at + 192) * NAME(half)(at + 208));
    for (size_t half = 0; half < 2; half++) {
      i16x32 low[2] = {NAME(wide_at)(at + 64 * half), NAME(wide_at)(at + 64 * half + 32)};
      i16x32 high = NAME(wide_at)(at + 128 + 32 * half);
      i16x32 codes[4] = {
          (low[0] & 15) | (high << 4 & 0x30), (low[1] & 15) | (high << 2 & 0x30),
          low[0] >> 4 | (high & 0x30), low[1] >> 4 | (high >> 2 & 0x30)};
      for (size_t j = 0; j < 4; j++) {
        i16x32 centred = codes[j] - 32;
        const float *scale = scales + 8 * half + 2 * j;
        NAME(put_weights)(
            to, 8 * block + 4 * half + j, NAME(half_of_codes)(centred, 0) * scale[0],
            NAME(half_of_codes)(centred, 1) * scale[1]);
      }
    }
  }
}

// `count` blocks of a row; false for other formats.
INLINE int NAME(pack_some_blocks)(int format, const uint8_t *at, size_t count, NAME(lines) to) {
  switch (format) {
  case PARE_Q8_0: NAME(pack_q8_0)(at, count, to); return 1;
  case PARE_Q4_0: NAME(pack_nibbles)(PARE_Q4_0, 18, at, count, to); return 1;
  case PARE_Q4_1: NAME(pack_nibbles)(PARE_Q4_1, 20, at, count, to); return 1;
  case PARE_IQ4_NL: NAME(pack_nibbles)(PARE_IQ4_NL, 18, at, count, to); return 1;
  case PARE_Q5_0: NAME(pack_five_bits)(PARE_Q5_0, 22, at, count, to); return 1;
  case PARE_Q5_1: NAME(pack_five_bits)(PARE_Q5_1, 24, at, count, to); return 1;
  case PARE_Q4_K: NAME(pack_q4_k)(at, count, to); return 1;
  case PARE_Q5_K: NAME(pack_q5_k)(at, count, to); return 1;
  case PARE_Q6_K: NAME(pack_q6_k)(at, count, to); return 1;
  default: return 0;
  }
}

static int NAME(pack_blocks)(
    int kind, int format, const uint8_t *at, size_t count, int32_t *high, int32_t *low) {
  if (kind == PARE_SPLIT)
    return NAME(pack_some_blocks)(format, at, count, (NAME(lines)){PARE_SPLIT, high, low});
  return NAME(pack_some_blocks)(format, at, count, (NAME(lines)){PARE_HALF, high, low});
}
