// f32 to blocks, sixteen lanes at a time. Each function reads the weights of one block
// from `x` and writes its bytes.
#include "block_fit.h"

INLINE void NAME(put_bytes)(uint8_t *out, i32x16 codes) {
  u8x16 bytes = __builtin_convertvector(codes, u8x16);
  memcpy(out, &bytes, sizeof bytes);
}

INLINE i32x16 NAME(unsigned_codes)(const uint8_t *at) {
  u8x16 bytes;
  memcpy(&bytes, at, sizeof bytes);
  return __builtin_convertvector(bytes, i32x16);
}

// Truncated and held to `low`...`high`; NaN gives `low`.
INLINE i32x16 NAME(held)(f32x16 value, float low, float high) {
  value = value > low ? value : (f32x16)low;
  value = value >= high ? (f32x16)high : value;
  return NAME(whole)(value);
}

// Ties away from zero: what is less than a half from the next is not carried over.
INLINE i32x16 NAME(rounded)(f32x16 value, float low, float high) {
  value = value > low ? value : (f32x16)low;
  value = value >= high ? (f32x16)high : value;
  i32x16 half = 0x3effffff | (NAME(as_i32)(value) & ~MAGNITUDE);
  return NAME(whole)(value + NAME(as_f32)(half));
}

// The largest magnitude of `n` weights, a multiple of 16; NaNs do not count.
INLINE float NAME(most)(const float *x, int n) {
  f32x16 most = 0;
  for (int i = 0; i < n; i += 16) {
    f32x16 magnitude = NAME(magnitude)(NAME(load_f32)(x + i));
    most = magnitude > most ? magnitude : most;
  }
  return NAME(largest)(most);
}

// The first of 32 weights with the largest magnitude.
INLINE float NAME(peak)(const float *x) {
  float most = NAME(most)(x, 32);
  uint32_t at = NAME(bits)(NAME(magnitude)(NAME(load_f32)(x)) == most) |
                NAME(bits)(NAME(magnitude)(NAME(load_f32)(x + 16)) == most) << 16;
  return most > 0 && at ? x[__builtin_ctz(at)] : 0;
}

INLINE void NAME(quantize_q8_0)(const float *x, uint8_t *out) {
  float d = NAME(most)(x, 32) / 127, inverse = reciprocal(d);
  put_half(out, d);
  for (int i = 0; i < 32; i += 16)
    NAME(put_bytes)(out + 2 + i, NAME(rounded)(NAME(load_f32)(x + i) * inverse, -128, 127));
}

// Codes of four or five bits: the first half in low nibbles, the second in high
// ones, and the fifth bits together.
INLINE void NAME(pack_32)(i32x16 first, i32x16 second, uint8_t *high, uint8_t *low) {
  NAME(put_bytes)(low, (first & 15) | (second & 15) << 4);
  if (!high) return;
  uint32_t fifth = NAME(bits)((first & 16) != 0) | NAME(bits)((second & 16) != 0) << 16;
  memcpy(high, &fifth, sizeof fifth);
}

INLINE void NAME(quantize_symmetric)(const float *x, int levels, uint8_t *out) {
  float d = NAME(peak)(x) / (float)-(levels / 2), inverse = reciprocal(d);
  float middle = (float)(levels / 2) + 0.5f, top = (float)(levels - 1);
  put_half(out, d);
  i32x16 first = NAME(held)(NAME(load_f32)(x) * inverse + middle, 0, top);
  i32x16 second = NAME(held)(NAME(load_f32)(x + 16) * inverse + middle, 0, top);
  if (levels == 16) NAME(pack_32)(first, second, NULL, out + 2);
  else NAME(pack_32)(first, second, out + 2, out + 6);
}

INLINE void NAME(quantize_affine)(const float *x, int levels, uint8_t *out) {
  f32x16 a = NAME(load_f32)(x), b = NAME(load_f32)(x + 16);
  float low = NAME(smallest)(b < a ? b : a), high = NAME(largest)(b > a ? b : a);
  // The sign of a zero, and whether a NaN counts, is as the first of them has it.
  if (low == 0 || high == 0 || NAME(any)((a != a) | (b != b))) extremes(x, 32, &low, &high);
  float d = (high - low) / (float)(levels - 1), inverse = reciprocal(d);
  float top = (float)(levels - 1);
  put_half(out, d);
  put_half(out + 2, low);
  i32x16 first = NAME(held)((a - low) * inverse + 0.5f, 0, top);
  i32x16 second = NAME(held)((b - low) * inverse + 0.5f, 0, top);
  if (levels == 16) NAME(pack_32)(first, second, NULL, out + 4);
  else NAME(pack_32)(first, second, out + 4, out + 8);
}

INLINE i32x16 NAME(nearest_float)(f32x16 x, float d) {
  f32x16 least = NAME(magnitude)(four_bit_floats[0] * d - x);
  i32x16 codes = 0;
  for (int c = 1; c < 16; c++) {
    f32x16 error = NAME(magnitude)(four_bit_floats[c] * d - x);
    i32x16 better = error < least;
    least = better ? error : least;
    codes = better ? (i32x16)c : codes;
  }
  return codes;
}

INLINE void NAME(quantize_mxfp4)(const float *x, uint8_t *out) {
  float most = NAME(most)(x, 32);
  out[0] = most > 0 ? (uint8_t)held(floorf(log2f(most)) - 2 + 127, 0, 255) : 0;
  float d = half_power(out[0]);
  NAME(pack_32)(NAME(nearest_float)(NAME(load_f32)(x), d),
                NAME(nearest_float)(NAME(load_f32)(x + 16), d), NULL, out + 1);
}

INLINE i32x16 NAME(ternary)(const float *x, float inverse) {
  return NAME(rounded)(NAME(load_f32)(x) * inverse, -1, 1) + 1;
}

INLINE void NAME(quantize_tq1_0)(const float *x, uint8_t *out) {
  float d = NAME(most)(x, SUPER), inverse = reciprocal(d);
  // Each byte's digits lie `stride` weights apart; the last four bytes hold four.
  for (int byte = 0; byte < 48; byte += 16) {
    int stride = byte < 32 ? 32 : 16, first = byte < 32 ? byte : 160;
    i32x16 number = 0;
    for (int n = 0; n < 5; n++)
      number = number * 3 + NAME(ternary)(x + first + n * stride, inverse);
    NAME(put_bytes)(out + byte, (number * 256 + 242) / 243);
  }
  int32_t digits[16];
  i32x16 last = NAME(ternary)(x + 240, inverse);
  memcpy(digits, &last, sizeof digits);
  for (int i = 0; i < 4; i++) {
    int number = 0;
    for (int n = 0; n < 4; n++) number = number * 3 + digits[i + 4 * n];
    out[48 + i] = (uint8_t)((number * 3 * 256 + 242) / 243);
  }
  put_half(out + 52, d);
}

INLINE void NAME(quantize_tq2_0)(const float *x, uint8_t *out) {
  float d = NAME(most)(x, SUPER), inverse = reciprocal(d);
  for (int byte = 0; byte < 64; byte += 16) {
    i32x16 codes = 0;
    for (int n = 0; n < 4; n++)
      codes |= NAME(ternary)(x + byte / 32 * 128 + byte % 32 + 32 * n, inverse) << 2 * n;
    NAME(put_bytes)(out + byte, codes);
  }
  put_half(out + 64, d);
}

// Codes of a group of `n`, whose scale has been rounded.
INLINE void NAME(code)(const float *x, int n, float d, float m, float low, float high,
                       uint8_t *codes) {
  if (d == 0) return;
  for (int i = 0; i < n; i += 16)
    NAME(put_bytes)(
        codes + i, NAME(whole)(NAME(nearest)((NAME(load_f32)(x + i) + m) / d, low, high) - low));
}

// What follows once scales are stored: weights are coded by the scales as they are read,
// where those are not 0; `found` has the codes of the others.
INLINE void NAME(finish_q2_k)(const float *x, const f32x16 *found, uint8_t *out) {
  uint8_t codes[SUPER];
  NAME(turn_back)(found, 16, codes);
  for (int j = 0; j < 16; j++)
    NAME(code)(x + 16 * j, 16, half_at(out + 80) * (float)(out[j] & 15),
               half_at(out + 82) * (float)(out[j] >> 4), 0, 3, codes + 16 * j);
  pack_twos(codes, out + 16);
}

INLINE void NAME(quantize_q2_k)(const float *x, uint8_t *out) {
  f32x16 turned[16], weights[16], found[16], minimum;
  NAME(turn)(x, 16, turned);
  for (int i = 0; i < 16; i++) weights[i] = NAME(magnitude)(turned[i]);
  f32x16 scale = NAME(fit_affine)(turned, weights, 16, 3, -0.5f, 0.1f, 15, 1, found, &minimum);
  float scales[16], minima[16];
  NAME(store_f32)(scales, scale);
  NAME(store_f32)(minima, minimum);
  store_q2_k_scales(scales, minima, out);
  NAME(finish_q2_k)(x, found, out);
}

// `whole` has the scales as they are read.
INLINE void NAME(finish_q3_k)(const float *x, const f32x16 *found, const int *whole,
                              uint8_t *out) {
  uint8_t codes[SUPER];
  NAME(turn_back)(found, 16, codes);
  for (int j = 0; j < 16; j++)
    NAME(code)(x + 16 * j, 16, half_at(out + 108) * (float)whole[j], 0, -4, 3, codes + 16 * j);
  for (int i = 0; i < SUPER; i++) {
    out[i % 32] |= (uint8_t)(codes[i] >> 2 << i / 32);
    codes[i] &= 3;
  }
  pack_twos(codes, out + 32);
}

INLINE void NAME(quantize_q3_k)(const float *x, uint8_t *out) {
  f32x16 turned[16], found[16];
  NAME(turn)(x, 16, turned);
  float scales[16];
  int whole[16];
  NAME(store_f32)(scales, NAME(fit_q3_k)(turned, found));
  store_q3_k_scales(scales, whole, out);
  NAME(finish_q3_k)(x, found, whole, out);
}

// One block of Q4_K or Q5_K, whose codes are found.
INLINE void NAME(finish_fours)(const float *x, int top, uint8_t *codes, uint8_t *at) {
  for (int j = 0; j < 8; j++) {
    float s, m;
    scale_and_minimum(at + 4, j, &s, &m);
    NAME(code)(x + 32 * j, 32, half_at(at) * s, half_at(at + 2) * m, 0, (float)top,
               codes + 32 * j);
  }
  if (top == 15) pack_fours(codes, at + 16);
  else pack_fives(codes, at + 16);
}

// One block or two, turned; a second block that is missing is zeros.
INLINE void NAME(turn_pair)(const float *x, int blocks, f32x16 *turned) {
  float pair[2 * SUPER];
  memset(pair, 0, sizeof pair);
  memcpy(pair, x, (size_t)blocks * SUPER * sizeof(float));
  NAME(turn)(pair, 32, turned);
}

// Q4_K and Q5_K, one block or two: eight groups of 32 with scale and minimum of six
// bits.
INLINE void NAME(quantize_fours)(const float *x, int blocks, int top, uint8_t *out) {
  f32x16 turned[32], weights[32], found[32], minimum, squares = 0;
  float scales[16], minima[16];
  uint8_t codes[2 * SUPER];
  NAME(turn_pair)(x, blocks, turned);
  for (int i = 0; i < 32; i++) squares += turned[i] * turned[i];
  f32x16 mean = __builtin_elementwise_sqrt(squares / 32);
  for (int i = 0; i < 32; i++) weights[i] = mean + NAME(magnitude)(turned[i]);
  f32x16 scale = NAME(fit_affine)(turned, weights, 32, (float)top, top == 15 ? -1.0f : -0.5f,
                                  0.1f, top == 15 ? 20 : 15, 0, found, &minimum);
  NAME(store_f32)(scales, scale);
  NAME(store_f32)(minima, minimum);
  NAME(turn_back)(found, 32, codes);
  for (int block = 0; block < blocks; block++) {
    uint8_t *at = out + block * (top == 15 ? 144 : 176);
    store_six_bits(scales + 8 * block, minima + 8 * block, at);
    NAME(finish_fours)(x + SUPER * block, top, codes + SUPER * block, at);
  }
}

// Errors weigh as much as the square, or where there is importance, as that says.
INLINE void NAME(quantize_q6_k)(const float *x, const float *importance, uint8_t *out) {
  f32x16 turned[16], weights[16], found[16];
  NAME(turn)(x, 16, turned);
  if (importance) NAME(turn)(importance, 16, weights);
  else
    for (int i = 0; i < 16; i++) weights[i] = turned[i] * turned[i];
  float scales[16];
  uint8_t codes[SUPER];
  NAME(store_f32)(scales, NAME(fit_symmetric)(turned, weights, 16, 32, found));
  if (!store_q6_k_scales(scales, out)) return;
  NAME(turn_back)(found, 16, codes);
  for (int j = 0; j < 16; j++)
    NAME(code)(x + 16 * j, 16, half_at(out + 208) * (float)(int8_t)out[192 + j], 0, -32, 31,
               codes + 16 * j);
  pack_sixes(codes, out);
}

#include "block_weighted.h"

#define EACH(weights, size, call)                                                 \
  for (; count >= (weights); count -= (weights), x += (weights), out += (size)) { \
    call;                                                                         \
  }                                                                               \
  break

static void NAME(quantize_blocks)(int format, const float *x, size_t count, uint8_t *out) {
  const level_table table = table_of_levels();
  switch (format) {
  case PARE_Q8_0: EACH(32, 34, NAME(quantize_q8_0)(x, out));
  case PARE_Q4_0: EACH(32, 18, NAME(quantize_symmetric)(x, 16, out));
  case PARE_Q5_0: EACH(32, 22, NAME(quantize_symmetric)(x, 32, out));
  case PARE_Q4_1: EACH(32, 20, NAME(quantize_affine)(x, 16, out));
  case PARE_Q5_1: EACH(32, 24, NAME(quantize_affine)(x, 32, out));
  case PARE_Q2_K: EACH(256, 84, NAME(quantize_q2_k)(x, out));
  case PARE_Q3_K: EACH(256, 110, NAME(quantize_q3_k)(x, out));
  case PARE_Q4_K:
    for (; count >= 512; count -= 512, x += 512, out += 288) NAME(quantize_fours)(x, 2, 15, out);
    EACH(256, 144, NAME(quantize_fours)(x, 1, 15, out));
  case PARE_Q5_K:
    for (; count >= 512; count -= 512, x += 512, out += 352) NAME(quantize_fours)(x, 2, 31, out);
    EACH(256, 176, NAME(quantize_fours)(x, 1, 31, out));
  case PARE_Q6_K: EACH(256, 210, NAME(quantize_q6_k)(x, NULL, out));
  case PARE_IQ4_NL: EACH(32, 18, quantize_iq4_nl(&table, x, NULL, out));
  case PARE_TQ1_0: EACH(256, 54, NAME(quantize_tq1_0)(x, out));
  case PARE_TQ2_0: EACH(256, 66, NAME(quantize_tq2_0)(x, out));
  case PARE_MXFP4: EACH(32, 17, NAME(quantize_mxfp4)(x, out));
  }
}
#undef EACH

#define EACH(weights, size, call)                                                 \
  for (size_t row = 0; row < rows; row++)                                         \
    for (size_t i = 0; i < columns; i += (weights), x += (weights), out += (size)) \
      call;                                                                       \
  break

static void NAME(quantize_weighted)(int format, const float *x, const float *importance,
                                    size_t rows, size_t columns, uint8_t *out) {
  const level_table table = table_of_levels();
  switch (format) {
  case PARE_Q4_0: case PARE_Q4_1: case PARE_Q5_0: case PARE_Q5_1:
    for (size_t row = 0; row < rows; row++, x += columns)
      out = NAME(weigh_row)(format, x, importance, columns, out);
    break;
  case PARE_Q4_K: case PARE_Q5_K:
    for (size_t row = 0; row < rows; row++, x += columns)
      out = NAME(weigh_row_of_pairs)(format == PARE_Q4_K ? 15 : 31, x, importance, columns, out);
    break;
  case PARE_Q2_K: EACH(256, 84, NAME(weigh_q2_k)(x, importance + i, out));
  case PARE_Q3_K: EACH(256, 110, NAME(weigh_q3_k)(x, importance + i, out));
  case PARE_Q6_K: EACH(256, 210, NAME(quantize_q6_k)(x, importance + i, out));
  case PARE_IQ4_NL: EACH(32, 18, quantize_iq4_nl(&table, x, importance + i, out));
  }
}
#undef EACH
