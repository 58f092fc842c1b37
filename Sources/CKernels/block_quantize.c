// ggml's reference quantizers (ggml-quants.c), operation by operation: sums run in
// the order of the weights and nothing is fused, or bytes would differ.
#include <math.h>
#include "blocks.h"
#include "block_numbers.h"

#pragma STDC FP_CONTRACT OFF

enum { SUPER = 256, LEVELS_SPAN = 113 + 127 };
// What is smaller than this is a group of zeros.
static const float nothing = 1e-15f;

// Truncated and held to low...high; NaN gives low.
static inline int held(float value, int low, int high) {
  if (!(value > (float)low)) return low;
  return value >= (float)high ? high : (int)value;
}

// To the nearest integer, ties to even.
static inline int nearest(float value, int low, int high) {
  return held(rintf(value), low, high);
}

// Ties away from zero.
static inline int rounded(float value, int low, int high) {
  return held(roundf(value), low, high);
}

// The value of largest magnitude, the first of several, with its sign.
static float peak(const float *x, int n) {
  float most = 0, value = 0;
  for (int i = 0; i < n; i++)
    if (most < fabsf(x[i])) {
      most = fabsf(x[i]);
      value = x[i];
    }
  return value;
}

static void extremes(const float *x, int n, float *low, float *high) {
  *low = *high = x[0];
  for (int i = 1; i < n; i++) {
    if (x[i] < *low) *low = x[i];
    if (x[i] > *high) *high = x[i];
  }
}

static inline float reciprocal(float d) { return d != 0 ? 1.0f / d : 0.0f; }

// MARK: 32 weights and a scale

static void quantize_q8_0(const float *x, uint8_t *out) {
  float d = fabsf(peak(x, 32)) / 127, inverse = reciprocal(d);
  put_half(out, d);
  for (int i = 0; i < 32; i++) out[2 + i] = (uint8_t)rounded(x[i] * inverse, -128, 127);
}

// Codes of four or five bits: the first half in low nibbles, the second in high
// ones, and the fifth bits together.
static void pack_32(const int *codes, uint8_t *high, uint8_t *low) {
  for (int i = 0; i < 16; i++) low[i] = (uint8_t)((codes[i] & 15) | (codes[i + 16] & 15) << 4);
  if (!high) return;
  memset(high, 0, 4);
  for (int i = 0; i < 32; i++) high[i / 8] |= (uint8_t)(codes[i] >> 4 << i % 8);
}

static void quantize_symmetric(const float *x, int levels, uint8_t *out) {
  float d = peak(x, 32) / (float)-(levels / 2), inverse = reciprocal(d);
  int codes[32];
  for (int i = 0; i < 32; i++)
    codes[i] = held(x[i] * inverse + ((float)(levels / 2) + 0.5f), 0, levels - 1);
  put_half(out, d);
  if (levels == 16) pack_32(codes, NULL, out + 2);
  else pack_32(codes, out + 2, out + 6);
}

static void quantize_affine(const float *x, int levels, uint8_t *out) {
  float low, high;
  extremes(x, 32, &low, &high);
  float d = (high - low) / (float)(levels - 1), inverse = reciprocal(d);
  int codes[32];
  for (int i = 0; i < 32; i++) codes[i] = held((x[i] - low) * inverse + 0.5f, 0, levels - 1);
  put_half(out, d);
  put_half(out + 2, low);
  if (levels == 16) pack_32(codes, NULL, out + 4);
  else pack_32(codes, out + 4, out + 8);
}

// For each whole number from the lowest level to the highest, the last level that is
// not above it.
typedef struct {
  uint8_t below[LEVELS_SPAN];
} level_table;

static level_table table_of_levels(void) {
  level_table table;
  for (int i = 0, level = 0; i < LEVELS_SPAN; i++) {
    if (level < 15 && i + four_bit_levels[0] == four_bit_levels[level + 1]) level++;
    table.below[i] = (uint8_t)level;
  }
  return table;
}

// Levels are whole, so a value lies between those that its floor lies between.
static inline int nearest_level(const level_table *table, float value) {
  if (!(value > four_bit_levels[0])) return 0;
  if (value >= four_bit_levels[15]) return 15;
  int whole = (int)value;
  if ((float)whole > value) whole--;
  int below = table->below[whole - four_bit_levels[0]];
  float under = value - four_bit_levels[below], over = four_bit_levels[below + 1] - value;
  return under < over ? below : below + 1;
}

// Tries fifteen scales about the one that takes the peak to the lowest level.
static void quantize_iq4_nl(const level_table *table, const float *x, uint8_t *out) {
  enum { TRIES = 7 };
  const int8_t *levels = four_bit_levels;
  float most = peak(x, 32), scale = 0, best = 0;
  if (fabsf(most) >= nothing)
    for (int try = -TRIES - 1; try <= TRIES; try++) {
      float inverse = try < -TRIES ? 1.0f / (-most / levels[0]) : (float)(try + levels[0]) / most;
      float products = 0, squares = 0;
      for (int i = 0; i < 32; i++) {
        float q = levels[nearest_level(table, inverse * x[i])], w = x[i] * x[i];
        products += w * q * x[i];
        squares += w * q * q;
      }
      if (try < -TRIES || (squares > 0 && products * products > best * squares)) {
        scale = products / squares;
        best = scale * products;
      }
    }
  float inverse = reciprocal(scale);
  int codes[32];
  for (int i = 0; i < 32; i++) codes[i] = nearest_level(table, inverse * x[i]);
  put_half(out, scale);
  pack_32(codes, NULL, out + 2);
}

static void quantize_mxfp4(const float *x, uint8_t *out) {
  float most = fabsf(peak(x, 32));
  out[0] = most > 0 ? (uint8_t)held(floorf(log2f(most)) - 2 + 127, 0, 255) : 0;
  float d = half_power(out[0]);
  int codes[32];
  for (int i = 0; i < 32; i++) {
    float least = fabsf(four_bit_floats[0] * d - x[i]);
    codes[i] = 0;
    for (int c = 1; c < 16; c++) {
      float error = fabsf(four_bit_floats[c] * d - x[i]);
      if (error < least) {
        least = error;
        codes[i] = c;
      }
    }
  }
  pack_32(codes, NULL, out + 1);
}

// MARK: 256 ternary weights and a scale

static void quantize_tq1_0(const float *x, uint8_t *out) {
  float d = fabsf(peak(x, SUPER)), inverse = reciprocal(d);
  // Each byte's digits lie `stride` weights apart; the last four bytes hold four.
  for (int byte = 0; byte < 52; byte++) {
    int stride = byte < 32 ? 32 : byte < 48 ? 16 : 4;
    int first = byte < 32 ? byte : byte < 48 ? 160 + byte - 32 : 240 + byte - 48;
    int digits = byte < 48 ? 5 : 4, number = 0;
    for (int n = 0; n < digits; n++)
      number = number * 3 + rounded(x[first + n * stride] * inverse, -1, 1) + 1;
    if (digits == 4) number *= 3;
    out[byte] = (uint8_t)((number * 256 + 242) / 243);
  }
  put_half(out + 52, d);
}

static void quantize_tq2_0(const float *x, uint8_t *out) {
  float d = fabsf(peak(x, SUPER)), inverse = reciprocal(d);
  for (int byte = 0; byte < 64; byte++) {
    int codes = 0;
    for (int n = 0; n < 4; n++)
      codes |= (rounded(x[byte / 32 * 128 + byte % 32 + 32 * n] * inverse, -1, 1) + 1) << 2 * n;
    out[byte] = (uint8_t)codes;
  }
  put_half(out + 64, d);
}

// MARK: 256 weights in groups, whose scales have a scale

// Scale and minimum of least weighted error, by least squares for the codes of each
// of `steps` + 1 widths. `minimum` is that of the best so far: later widths start
// from it.
static float fit_affine(const float *x, const float *weights, int n, int top, float first,
                        int steps, int by_magnitude, uint8_t *codes, float *minimum) {
  float low, high, sum_w = 0, sum_x = 0;
  extremes(x, n, &low, &high);
  for (int i = 0; i < n; i++) {
    sum_w += weights[i];
    sum_x += weights[i] * x[i];
  }
  if (low > 0) low = 0;
  *minimum = -low;
  memset(codes, 0, (size_t)n);
  if (high == low) return 0;
  float inverse = (float)top / (high - low), scale = 1 / inverse, least = 0;
  uint8_t tried[32];
  for (int i = 0; i < n; i++) {
    codes[i] = (uint8_t)nearest(inverse * (x[i] - low), 0, top);
    float error = scale * codes[i] + low - x[i];
    least += weights[i] * (by_magnitude ? fabsf(error) : error * error);
  }
  for (int step = 0; step <= steps; step++) {
    inverse = (first + 0.1f * (float)step + (float)top) / (high - low);
    float sum_l = 0, sum_l2 = 0, sum_xl = 0;
    for (int i = 0; i < n; i++) {
      int l = nearest(inverse * (x[i] - low), 0, top);
      float w = weights[i];
      tried[i] = (uint8_t)l;
      sum_l += w * (float)l;
      sum_l2 += w * (float)l * (float)l;
      sum_xl += w * (float)l * x[i];
    }
    float determinant = sum_w * sum_l2 - sum_l * sum_l;
    if (!(determinant > 0)) continue;
    float this_scale = (sum_w * sum_xl - sum_x * sum_l) / determinant;
    float this_low = (sum_l2 * sum_x - sum_l * sum_xl) / determinant;
    if (this_low > 0) {
      this_low = 0;
      this_scale = sum_xl / sum_l2;
    }
    float sum = 0;
    for (int i = 0; i < n; i++) {
      float error = this_scale * tried[i] + this_low - x[i];
      sum += weights[i] * (by_magnitude ? fabsf(error) : error * error);
    }
    if (sum < least) {
      memcpy(codes, tried, (size_t)n);
      least = sum;
      scale = this_scale;
      low = this_low;
    }
  }
  *minimum = -low;
  return scale;
}

static float largest(const float *x, int n) {
  float most = 0;
  for (int i = 0; i < n; i++)
    if (x[i] > most) most = x[i];
  return most;
}

// Two bits a code, neighbours 32 weights apart.
static void pack_twos(const uint8_t *codes, uint8_t *out) {
  for (int i = 0; i < 64; i++) {
    const uint8_t *c = codes + i / 32 * 128 + i % 32;
    out[i] = (uint8_t)(c[0] | c[32] << 2 | c[64] << 4 | c[96] << 6);
  }
}

static void quantize_q2_k(const float *x, uint8_t *out) {
  float scales[16], minima[16], weights[16];
  uint8_t codes[SUPER];
  for (int j = 0; j < 16; j++) {
    for (int i = 0; i < 16; i++) weights[i] = fabsf(x[16 * j + i]);
    scales[j] = fit_affine(x + 16 * j, weights, 16, 3, -0.5f, 15, 1, codes + 16 * j, &minima[j]);
  }
  float top_scale = largest(scales, 16), top_minimum = largest(minima, 16);
  float inverse = top_scale > 0 ? 15.0f / top_scale : 0;
  float inverse_minimum = top_minimum > 0 ? 15.0f / top_minimum : 0;
  for (int j = 0; j < 16; j++)
    out[j] = (uint8_t)(nearest(inverse * scales[j], 0, 15) |
                       nearest(inverse_minimum * minima[j], 0, 15) << 4);
  put_half(out + 80, top_scale > 0 ? top_scale / 15.0f : 0);
  put_half(out + 82, top_minimum > 0 ? top_minimum / 15.0f : 0);
  for (int j = 0; j < 16; j++) {
    float d = half_at(out + 80) * (float)(out[j] & 15), m = half_at(out + 82) * (float)(out[j] >> 4);
    if (d == 0) continue;
    for (int i = 16 * j; i < 16 * j + 16; i++) codes[i] = (uint8_t)nearest((x[i] + m) / d, 0, 3);
  }
  pack_twos(codes, out + 16);
}

// Sixteen weights to -4...3, stored from 0 up: codes of least error weighed by the
// square, then single codes moved while that makes the error less.
static float fit_q3_k(const float *x, uint8_t *codes) {
  float most = peak(x, 16), products = 0, squares = 0;
  memset(codes, 0, 16);
  if (fabsf(most) < nothing) return 0;
  float inverse = -4.0f / most;
  int l[16];
  for (int i = 0; i < 16; i++) {
    l[i] = nearest(inverse * x[i], -4, 3);
    float w = x[i] * x[i];
    products += w * x[i] * (float)l[i];
    squares += w * (float)l[i] * (float)l[i];
  }
  for (int round = 0, changed = 1; round < 5 && changed; round++) {
    changed = 0;
    for (int i = 0; i < 16; i++) {
      float w = x[i] * x[i], p = products - w * x[i] * (float)l[i];
      if (!(p > 0)) continue;
      float s = squares - w * (float)l[i] * (float)l[i];
      int moved = nearest(x[i] * s / p, -4, 3);
      if (moved == l[i]) continue;
      p += w * x[i] * (float)moved;
      s += w * (float)moved * (float)moved;
      if (s > 0 && p * p * squares > products * products * s) {
        l[i] = moved;
        products = p;
        squares = s;
        changed = 1;
      }
    }
  }
  for (int i = 0; i < 16; i++) codes[i] = (uint8_t)(l[i] + 4);
  return squares > 0 ? products / squares : 0;
}

static void quantize_q3_k(const float *x, uint8_t *out) {
  float scales[16];
  uint8_t codes[SUPER], *packed = out + 96;
  for (int j = 0; j < 16; j++) scales[j] = fit_q3_k(x + 16 * j, codes + 16 * j);
  memset(out, 0, 110);
  float most = peak(scales, 16), inverse = most != 0 ? -32.0f / most : 0;
  int whole[16];
  for (int j = 0; j < 16; j++) {
    whole[j] = most != 0 ? nearest(inverse * scales[j], -32, 31) : -32;
    int l = most != 0 ? whole[j] + 32 : 0;
    packed[j % 8] |= (uint8_t)((l & 15) << j / 8 * 4);
    packed[8 + j % 4] |= (uint8_t)(l >> 4 << j / 4 * 2);
  }
  put_half(out + 108, most != 0 ? 1 / inverse : 0);
  for (int j = 0; j < 16; j++) {
    float d = half_at(out + 108) * (float)whole[j];
    if (d == 0) continue;
    for (int i = 16 * j; i < 16 * j + 16; i++)
      codes[i] = (uint8_t)(nearest(x[i] / d, -4, 3) + 4);
  }
  for (int i = 0; i < SUPER; i++) {
    out[i % 32] |= (uint8_t)(codes[i] >> 2 << i / 32);
    codes[i] &= 3;
  }
  pack_twos(codes, out + 32);
}

// Q4_K and Q5_K: eight groups of 32 with scale and minimum of six bits.
static void fit_fours(const float *x, int top, uint8_t *out, uint8_t *codes) {
  float scales[8], minima[8], weights[32];
  for (int j = 0; j < 8; j++) {
    const float *group = x + 32 * j;
    float squares = 0;
    for (int i = 0; i < 32; i++) squares += group[i] * group[i];
    float mean = sqrtf(squares / 32);
    for (int i = 0; i < 32; i++) weights[i] = mean + fabsf(group[i]);
    scales[j] = fit_affine(group, weights, 32, top, top == 15 ? -1.0f : -0.5f,
                           top == 15 ? 20 : 15, 0, codes + 32 * j, &minima[j]);
  }
  float top_scale = largest(scales, 8), top_minimum = largest(minima, 8);
  float inverse = top_scale > 0 ? 63.0f / top_scale : 0;
  float inverse_minimum = top_minimum > 0 ? 63.0f / top_minimum : 0;
  put_half(out, top_scale / 63.0f);
  put_half(out + 2, top_minimum / 63.0f);
  uint8_t *packed = out + 4;
  for (int j = 0; j < 8; j++) {
    int s = nearest(inverse * scales[j], 0, 63), m = nearest(inverse_minimum * minima[j], 0, 63);
    if (j < 4) {
      packed[j] = (uint8_t)s;
      packed[j + 4] = (uint8_t)m;
    } else {
      packed[j + 4] = (uint8_t)((s & 15) | (m & 15) << 4);
      packed[j - 4] |= (uint8_t)(s >> 4 << 6);
      packed[j] |= (uint8_t)(m >> 4 << 6);
    }
    float d = half_at(out) * (float)s, low = half_at(out + 2) * (float)m;
    if (d == 0) continue;
    for (int i = 32 * j; i < 32 * j + 32; i++)
      codes[i] = (uint8_t)nearest((x[i] + low) / d, 0, top);
  }
}

static void quantize_q4_k(const float *x, uint8_t *out) {
  uint8_t codes[SUPER];
  fit_fours(x, 15, out, codes);
  for (int i = 0; i < 128; i++) {
    const uint8_t *c = codes + i / 32 * 64 + i % 32;
    out[16 + i] = (uint8_t)(c[0] | c[32] << 4);
  }
}

static void quantize_q5_k(const float *x, uint8_t *out) {
  uint8_t codes[SUPER];
  fit_fours(x, 31, out, codes);
  memset(out + 16, 0, 32);
  for (int i = 0; i < SUPER; i++) out[16 + i % 32] |= (uint8_t)(codes[i] >> 4 << i / 32);
  for (int i = 0; i < 128; i++) {
    const uint8_t *c = codes + i / 32 * 64 + i % 32;
    out[48 + i] = (uint8_t)((c[0] & 15) | (c[32] & 15) << 4);
  }
}

// Sixteen weights to -32...31, stored from 0 up: the best of nineteen scales, the
// error weighed by the square.
static float fit_q6_k(const float *x, uint8_t *codes) {
  float most = peak(x, 16), scale = 0, best = 0;
  memset(codes, 0, 16);
  if (fabsf(most) < nothing) return 0;
  for (int try = -10; try <= 9; try++) {
    if (try == 0) continue;
    // First the plain one.
    float inverse = try == -10 ? -32.0f / most : -(32.0f + 0.1f * (float)try) / most;
    float products = 0, squares = 0;
    for (int i = 0; i < 16; i++) {
      int l = nearest(inverse * x[i], -32, 31);
      float w = x[i] * x[i];
      products += w * x[i] * (float)l;
      squares += w * (float)l * (float)l;
    }
    if (try != -10 && !(squares > 0 && products * products > best * squares)) continue;
    for (int i = 0; i < 16; i++) codes[i] = (uint8_t)(nearest(inverse * x[i], -32, 31) + 32);
    scale = squares != 0 ? products / squares : 0;
    best = scale * products;
  }
  return scale;
}

static void quantize_q6_k(const float *x, uint8_t *out) {
  float scales[16];
  uint8_t codes[SUPER];
  for (int j = 0; j < 16; j++) scales[j] = fit_q6_k(x + 16 * j, codes + 16 * j);
  float most = peak(scales, 16);
  memset(out, 0, 210);
  if (fabsf(most) < nothing) return;
  float inverse = -128.0f / most;
  put_half(out + 208, 1 / inverse);
  for (int j = 0; j < 16; j++) {
    int whole = nearest(inverse * scales[j], -128, 127);
    out[192 + j] = (uint8_t)whole;
    float d = half_at(out + 208) * (float)whole;
    if (d == 0) continue;
    for (int i = 16 * j; i < 16 * j + 16; i++)
      codes[i] = (uint8_t)(nearest(x[i] / d, -32, 31) + 32);
  }
  for (int i = 0; i < 64; i++) {
    const uint8_t *c = codes + i / 32 * 128 + i % 32;
    uint8_t *low = out + i / 32 * 64 + i % 32;
    low[0] = (uint8_t)((c[0] & 15) | (c[64] & 15) << 4);
    low[32] = (uint8_t)((c[32] & 15) | (c[96] & 15) << 4);
    out[128 + i] = (uint8_t)(c[0] >> 4 | c[32] >> 4 << 2 | c[64] >> 4 << 4 | c[96] >> 4 << 6);
  }
}

int pare_quantizes(int format) {
  switch (format) {
  case PARE_Q1_0: case PARE_Q2_0: case PARE_IQ4_XS: case PARE_NVFP4: return 0;
  default: return 1;
  }
}

#define EACH(weights, size, call)                                                 \
  for (; count >= (weights); count -= (weights), x += (weights), out += (size)) { \
    call;                                                                         \
  }                                                                               \
  break

void pare_quantize_blocks(int format, const float *x, size_t count, uint8_t *out) {
  const level_table table = table_of_levels();
  switch (format) {
  case PARE_Q8_0: EACH(32, 34, quantize_q8_0(x, out));
  case PARE_Q4_0: EACH(32, 18, quantize_symmetric(x, 16, out));
  case PARE_Q5_0: EACH(32, 22, quantize_symmetric(x, 32, out));
  case PARE_Q4_1: EACH(32, 20, quantize_affine(x, 16, out));
  case PARE_Q5_1: EACH(32, 24, quantize_affine(x, 32, out));
  case PARE_Q2_K: EACH(256, 84, quantize_q2_k(x, out));
  case PARE_Q3_K: EACH(256, 110, quantize_q3_k(x, out));
  case PARE_Q4_K: EACH(256, 144, quantize_q4_k(x, out));
  case PARE_Q5_K: EACH(256, 176, quantize_q5_k(x, out));
  case PARE_Q6_K: EACH(256, 210, quantize_q6_k(x, out));
  case PARE_IQ4_NL: EACH(32, 18, quantize_iq4_nl(&table, x, out));
  case PARE_TQ1_0: EACH(256, 54, quantize_tq1_0(x, out));
  case PARE_TQ2_0: EACH(256, 66, quantize_tq2_0(x, out));
  case PARE_MXFP4: EACH(32, 17, quantize_mxfp4(x, out));
  }
}
