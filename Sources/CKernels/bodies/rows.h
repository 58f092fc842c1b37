// Rows by one input.
#include "codes.h"
#pragma STDC FP_CONTRACT ON

INLINE f32x16 NAME(rounded_row)(f32x16 values) {
  // To the nearest whole number, by adding 1.5·2²³.
  return (values + 12582912.0f) - 12582912.0f;
}

INLINE float NAME(row_sum)(f32x16 lanes) {
  f32x16 v = lanes;
  v += __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
  v += __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
  v += __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
  return v[0] + v[1];
}

static void NAME(prepare_row)(size_t k, const float *values, pare_row_input *input) {
  size_t padded = (k + 511) / 512 * 512;
  for (size_t i = 0; i < padded; i += 32) {
    f32x16 x[2];
    for (int h = 0; h < 2; h++) {
      size_t at = i + 16 * (size_t)h;
      x[h] = at + 16 <= k ? NAME(load_f32)(values + at)
             : at < k     ? NAME(load_some)(PARE_F32, values, at, k - at)
                          : (f32x16)0;
    }
    NAME(store_f32)(
        input->pairs + i, __builtin_shufflevector(x[0], x[1], 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20,
                                                  22, 24, 26, 28, 30));
    NAME(store_f32)(
        input->pairs + i + 16,
        __builtin_shufflevector(x[0], x[1], 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29,
                                31));
    f32x16 a = NAME(as_f32)(NAME(as_i32)(x[0]) & MAGNITUDE);
    f32x16 b = NAME(as_f32)(NAME(as_i32)(x[1]) & MAGNITUDE);
    // A NaN is larger than all, and so is found.
    i32x16 bits = __builtin_elementwise_max(NAME(as_i32)(a), NAME(as_i32)(b));
    int32_t most = __builtin_reduce_max(bits);
    float largest;
    memcpy(&largest, &most, sizeof largest);
    float scale = largest > 1e-30f ? largest / 32639 : 0, inverse = scale > 0 ? 1 / scale : 0;
    if (most >= INFINITE) scale = __builtin_nanf(""), inverse = 0;
    float sum = 0;
    for (int h = 0; h < 2; h++) {
      i32x16 codes = most >= INFINITE
                         ? (i32x16)0
                         : __builtin_convertvector(NAME(rounded_row)(x[h] * inverse), i32x16);
      typedef int16_t i16x16 __attribute__((ext_vector_type(16)));
      i16x16 narrow = __builtin_convertvector(codes, i16x16);
      memcpy(input->codes + i + 16 * h, &narrow, sizeof narrow);
      i16x16 high = (narrow + 128) >> 8;
      i8x16 upper = __builtin_convertvector(high, i8x16);
      i8x16 lower = __builtin_convertvector(narrow - high * 256, i8x16);
      memcpy(input->high + i + 16 * h, &upper, sizeof upper);
      memcpy(input->low + i + 16 * h, &lower, sizeof lower);
      size_t place = i / 128 * 128 + 64 * (size_t)h + i % 128 / 2;
      memcpy(input->high4 + place, &upper, sizeof upper);
      memcpy(input->low4 + place, &lower, sizeof lower);
      float part = scale * (float)__builtin_reduce_add(codes);
      input->sums16[i / 16 + (size_t)h] = part;
      input->scales16[i / 16 + (size_t)h] = scale;
      sum += part;
    }
    input->scales32[i / 32] = scale;
    input->sums32[i / 32] = sum;
  }
}

// Sums of products of neighbours.
INLINE i32x16 NAME(pairs)(i16x32 a, i16x32 b) {
#if LEVEL == 2
  typedef short s16x32 __attribute__((vector_size(64)));
  typedef int s32x16 __attribute__((vector_size(64)));
  s16x32 x, y;
  memcpy(&x, &a, sizeof x);
  memcpy(&y, &b, sizeof y);
  s32x16 sums = __builtin_ia32_pmaddwd512(x, y);
  i32x16 result;
  memcpy(&result, &sums, sizeof result);
  return result;
#elif LEVEL == 1
  typedef short s16x16 __attribute__((vector_size(32)));
  typedef int s32x8 __attribute__((vector_size(32)));
  s16x16 x[2], y[2];
  memcpy(x, &a, sizeof x);
  memcpy(y, &b, sizeof y);
  s32x8 sums[2] = {__builtin_ia32_pmaddwd256(x[0], y[0]), __builtin_ia32_pmaddwd256(x[1], y[1])};
  i32x16 result;
  memcpy(&result, sums, sizeof result);
  return result;
#else
  i32x16 sums;
  for (int i = 0; i < 16; i++)
    sums[i] = (int32_t)a[2 * i] * b[2 * i] + (int32_t)a[2 * i + 1] * b[2 * i + 1];
  return sums;
#endif
}

INLINE i16x32 NAME(codes_at)(const int16_t *at) {
  i16x32 codes;
  memcpy(&codes, at, sizeof codes);
  return codes;
}

// The f16 numbers at the beginning of sixteen blocks.
INLINE f32x16 NAME(halves_of)(const uint8_t *at, size_t size) {
#if LEVEL == 2
  typedef int s32x16 __attribute__((vector_size(64)));
  const i32x16 lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  i32x16 offsets = lane * (int32_t)size;
  s32x16 index, none = {0};
  memcpy(&index, &offsets, sizeof index);
  s32x16 words = __builtin_ia32_gathersiv16si(none, (const int *)at, index, (uint16_t)-1, 1);
  i32x16 all;
  memcpy(&all, &words, sizeof all);
  return NAME(from_f16)(__builtin_convertvector(all, u16x16));
#else
  f32x16 values;
  for (size_t i = 0; i < 16; i++) values[i] = half_at(at + i * size);
  return values;
#endif
}

// The products of one block's codes, not scaled.
INLINE f32x16 NAME(small_block)(int format, const uint8_t *at, const int16_t *x) {
  i16x32 codes = format == PARE_Q8_0   ? NAME(signed_wide_at)(at + 2)
                 : format == PARE_Q4_0 ? NAME(nibbles_at)(at + 2)
                 : format == PARE_Q4_1 ? NAME(nibbles_at)(at + 4)
                 : format == PARE_Q5_0 ? NAME(nibbles_at)(at + 6) | NAME(sixteens)(u32_at(at + 2))
                                       : NAME(nibbles_at)(at + 8) | NAME(sixteens)(u32_at(at + 4));
  return __builtin_convertvector(NAME(pairs)(codes, NAME(codes_at)(x)), f32x16);
}

// Rows of blocks of 32 that begin with a scale, and perhaps a minimum: sixteen blocks at a time.
INLINE float NAME(row_of_small)(
    int format, size_t size, const uint8_t *at, size_t k, const pare_row_input *input) {
  int has_minimum = format == PARE_Q4_1 || format == PARE_Q5_1;
  float offset = format == PARE_Q4_0 ? 8 : format == PARE_Q5_0 ? 16 : 0;
  f32x16 sums[2] = {(f32x16)0, (f32x16)0}, rest = (f32x16)0;
  size_t blocks = k / 32, block = 0;
  for (; block + 16 <= blocks; block += 16, at += 16 * size) {
    f32x16 scale = NAME(halves_of)(at, size);
    f32x16 sum_of_input = NAME(load_f32)(input->sums32 + block);
    float scales[16];
    NAME(store_f32)(scales, scale * NAME(load_f32)(input->scales32 + block));
    if (offset > 0) rest -= scale * offset * sum_of_input;
    if (has_minimum) rest += NAME(halves_of)(at + 2, size) * sum_of_input;
    const int16_t *x = input->codes + block * 32;
    for (size_t i = 0; i < 16; i += 4) {
      const uint8_t *from = at + i * size;
      FETCH(from);
      if (4 * size > 64) FETCH(from + 64);
      sums[0] += NAME(small_block)(format, from, x + 32 * i) * scales[i];
      sums[1] += NAME(small_block)(format, from + size, x + 32 * i + 32) * scales[i + 1];
      sums[0] += NAME(small_block)(format, from + 2 * size, x + 32 * i + 64) * scales[i + 2];
      sums[1] += NAME(small_block)(format, from + 3 * size, x + 32 * i + 96) * scales[i + 3];
    }
  }
  float more = 0;
  for (; block < blocks; block++, at += size) {
    float scale = half_at(at);
    if (offset > 0) more -= scale * offset * input->sums32[block];
    if (has_minimum) more += half_at(at + 2) * input->sums32[block];
    sums[0] += NAME(small_block)(format, at, input->codes + block * 32) *
               (scale * input->scales32[block]);
  }
  return NAME(row_sum)(sums[0] + sums[1] + rest) + more;
}

// Q4_K, and Q5_K, whose fifth bits stand before the others.
INLINE float NAME(row_of_k)(
    int format, size_t size, const uint8_t *at, size_t k, const pare_row_input *input) {
  f32x16 sums[2] = {(f32x16)0, (f32x16)0}, rest = (f32x16)0;
  for (size_t block = 0; block < k / 256; block++, at += size) {
    for (size_t line = 0; line < size; line += 64) FETCH(at + line);
    uint32_t words[4];
    scales_and_minima(at + 4, words);
    u8x16 bytes;
    memcpy(&bytes, words, sizeof bytes);
    float d = half_at(at), m = -half_at(at + 2), factors[16];
    const f32x16 unit = {d, d, d, d, d, d, d, d, m, m, m, m, m, m, m, m};
    float x[16];
    memcpy(x, input->scales32 + 8 * block, 32);
    memcpy(x + 8, input->sums32 + 8 * block, 32);
    f32x16 factor =
        __builtin_convertvector(__builtin_convertvector(bytes, i32x16), f32x16) * unit *
        NAME(load_f32)(x);
    NAME(store_f32)(factors, factor);
    rest += __builtin_shufflevector(factor, (f32x16)0, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
                                    19, 20, 21, 22, 23);
    const int16_t *codes = input->codes + 256 * block;
    i16x32 fifth = format == PARE_Q5_K ? NAME(wide_at)(at + 16) : (i16x32)0;
    for (int j = 0; j < 4; j++) {
      i16x32 wide = NAME(wide_at)(at + (format == PARE_Q5_K ? 48 : 16) + 32 * j);
      i16x32 first = wide & 15, second = wide >> 4;
      if (format == PARE_Q5_K) {
        first |= (fifth >> (2 * j) & 1) << 4;
        second |= (fifth >> (2 * j + 1) & 1) << 4;
      }
      i32x16 low = NAME(pairs)(first, NAME(codes_at)(codes + 64 * j));
      i32x16 high = NAME(pairs)(second, NAME(codes_at)(codes + 64 * j + 32));
      sums[0] += __builtin_convertvector(low, f32x16) * factors[2 * j];
      sums[1] += __builtin_convertvector(high, f32x16) * factors[2 * j + 1];
    }
  }
  return NAME(row_sum)(sums[0] + sums[1] + rest);
}

INLINE float NAME(q6_k_row)(const uint8_t *at, size_t k, const pare_row_input *input) {
  f32x16 sums[2] = {(f32x16)0, (f32x16)0}, rest = (f32x16)0;
  for (size_t block = 0; block < k / 256; block++, at += 210) {
    for (size_t line = 0; line < 210; line += 64) FETCH(at + line);
    i8x16 bytes;
    memcpy(&bytes, at + 192, sizeof bytes);
    f32x16 scale = __builtin_convertvector(__builtin_convertvector(bytes, i32x16), f32x16) *
                   half_at(at + 208);
    rest -= scale * NAME(load_f32)(input->sums16 + 16 * block);
    scale *= NAME(load_f32)(input->scales16 + 16 * block);
    const int16_t *codes = input->codes + 256 * block;
    for (int half = 0; half < 2; half++) {
      i16x32 low[2] = {
          NAME(wide_at)(at + 64 * half), NAME(wide_at)(at + 64 * half + 32)};
      i16x32 high = NAME(wide_at)(at + 128 + 32 * half);
#define PART(j, four, two)                                                                     \
  do {                                                                                         \
    i32x16 sum = NAME(pairs)((four) | (two), NAME(codes_at)(codes + 128 * half + 32 * (j)));   \
    f32x16 factor = __builtin_shufflevector(                                                   \
        scale, scale, 2 * (j), 2 * (j), 2 * (j), 2 * (j), 2 * (j), 2 * (j), 2 * (j), 2 * (j),  \
        2 * (j) + 1, 2 * (j) + 1, 2 * (j) + 1, 2 * (j) + 1, 2 * (j) + 1, 2 * (j) + 1,          \
        2 * (j) + 1, 2 * (j) + 1);                                                             \
    sums[(j) % 2] += __builtin_convertvector(sum, f32x16) * factor;                            \
  } while (0)
      PART(0, low[0] & 15, high << 4 & 0x30);
      PART(1, low[1] & 15, high << 2 & 0x30);
      PART(2, low[0] >> 4, high & 0x30);
      PART(3, low[1] >> 4, high >> 2 & 0x30);
#undef PART
      scale = __builtin_shufflevector(scale, scale, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5,
                                      6, 7);
    }
  }
  return NAME(row_sum)(sums[0] + sums[1] + rest * 32);
}

static void NAME(multiply_block_rows)(
    int format, const uint8_t *rows, size_t row_bytes, size_t count, size_t k,
    const pare_row_input *input, float *out) {
#define EACH(row)                                   \
  for (size_t r = 0; r < count; r++) {              \
    const uint8_t *at = rows + r * row_bytes;       \
    out[r] = row;                                   \
  }                                                 \
  break
  switch (format) {
  case PARE_Q8_0: EACH(NAME(row_of_small)(PARE_Q8_0, 34, at, k, input));
  case PARE_Q4_0: EACH(NAME(row_of_small)(PARE_Q4_0, 18, at, k, input));
  case PARE_Q4_1: EACH(NAME(row_of_small)(PARE_Q4_1, 20, at, k, input));
  case PARE_Q5_0: EACH(NAME(row_of_small)(PARE_Q5_0, 22, at, k, input));
  case PARE_Q5_1: EACH(NAME(row_of_small)(PARE_Q5_1, 24, at, k, input));
  case PARE_Q4_K: EACH(NAME(row_of_k)(PARE_Q4_K, 144, at, k, input));
  case PARE_Q5_K: EACH(NAME(row_of_k)(PARE_Q5_K, 176, at, k, input));
  case PARE_Q6_K: EACH(NAME(q6_k_row)(at, k, input));
  }
#undef EACH
}

INLINE f32x16 NAME(numbers_at)(int kind, const void *row, size_t i) {
#if LEVEL == 2
  if (kind == PARE_F16) {
    u16x16 bits;
    memcpy(&bits, (const uint16_t *)row + i, sizeof bits);
    return NAME(from_f16)(bits);
  }
#endif
  return NAME(load)(kind, row, i);
}

// Thirty-two neighbours: bf16 as the even and the odd of them, others in their order.
INLINE void NAME(two_at)(int kind, const void *row, size_t i, f32x16 two[2]) {
  if (kind == PARE_BF16) {
    u32x16 words;
    memcpy(&words, (const uint16_t *)row + i, sizeof words);
    two[0] = NAME(as_f32)((i32x16)(words << 16));
    two[1] = NAME(as_f32)((i32x16)(words & 0xffff0000));
  } else {
    two[0] = NAME(numbers_at)(kind, row, i);
    two[1] = NAME(numbers_at)(kind, row, i + 16);
  }
}

// The products of one row or of two neighbours, whose numbers are perhaps fetched a page before they
// are read. The order of additions is the same for all.
INLINE void NAME(numbers_rows)(
    int kind, int count, int fetches, const uint8_t *at, size_t step, size_t k, const pare_row_input *input,
    float *out) {
  const float *x = kind == PARE_BF16 ? input->pairs : input->values;
  const size_t size = kind == PARE_F32 ? 4 : 2;
  f32x16 sums[2][2] = {{(f32x16)0, (f32x16)0}, {(f32x16)0, (f32x16)0}};
  size_t i = 0;
  for (; i + 32 <= k; i += 32) {
    f32x16 first = NAME(load_f32)(x + i), second = NAME(load_f32)(x + i + 16);
    for (int r = 0; r < count; r++) {
      const uint8_t *row = at + (size_t)r * step;
      if (fetches) NAME(prefetch)(row + i * size, 32 * size);
      f32x16 two[2];
      NAME(two_at)(kind, row, i, two);
      sums[r][0] += two[0] * first;
      sums[r][1] += two[1] * second;
    }
  }
  for (; i < k; i += 16) {
    size_t some = k - i < 16 ? k - i : 16;
    f32x16 rest = NAME(load_some)(PARE_F32, input->values, i, some);
    for (int r = 0; r < count; r++)
      sums[r][0] += NAME(load_some)(kind, at + (size_t)r * step, i, some) * rest;
  }
  for (int r = 0; r < count; r++) out[r] = NAME(row_sum)(sums[r][0] + sums[r][1]);
}

static void NAME(multiply_rows)(
    int kind, int in_pairs, const void *rows, size_t stride, size_t count, size_t k,
    const pare_row_input *input, float *out) {
  const uint8_t *at = rows;
  size_t step = stride * (kind == PARE_F32 ? 4 : 2), r = 0;
#define EACH(kind)                                                                          \
  do {                                                                                      \
    for (; in_pairs && r + 2 <= count; r += 2)                                              \
      NAME(numbers_rows)(kind, 2, 1, at + r * step, step, k, input, out + r);               \
    for (; r < count; r++)                                                                  \
      NAME(numbers_rows)(kind, 1, in_pairs, at + r * step, step, k, input, out + r);        \
  } while (0)
  if (kind == PARE_F32) EACH(PARE_F32);
  else if (kind == PARE_BF16) EACH(PARE_BF16);
  else EACH(PARE_F16);
#undef EACH
}
