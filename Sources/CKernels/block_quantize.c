// ggml's reference quantizers (ggml-quants.c), operation by operation: sums run in
// the order of the weights and nothing is fused, or bytes would differ.
#include <math.h>
#include "blocks.h"
#include "block_numbers.h"
#include "lanes.h"

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

static float sum_of_squares(const float *x, size_t n) {
  float sum = 0;
  for (size_t i = 0; i < n; i++) sum += x[i] * x[i];
  return sum;
}

static inline float reciprocal(float d) { return d != 0 ? 1.0f / d : 0.0f; }

// MARK: 32 weights and a scale

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

// Tries fifteen scales about the one that takes the peak to the lowest level. Errors
// weigh as much as the square, or where there is importance, as that says.
static void quantize_iq4_nl(const level_table *table, const float *x, const float *importance,
                            uint8_t *out) {
  enum { TRIES = 7 };
  const int8_t *levels = four_bit_levels;
  float most = peak(x, 32), scale = 0, best = 0, weights[32];
  float variance = sum_of_squares(x, 32) * (2.0f / 32);
  for (int i = 0; i < 32; i++)
    weights[i] = importance ? importance[i] * sqrtf(variance + x[i] * x[i]) : x[i] * x[i];
  if (fabsf(most) >= nothing)
    for (int try = -TRIES - 1; try <= TRIES; try++) {
      float inverse = try < -TRIES ? 1.0f / (-most / levels[0]) : (float)(try + levels[0]) / most;
      float products = 0, squares = 0;
      for (int i = 0; i < 32; i++) {
        float q = levels[nearest_level(table, inverse * x[i])], w = weights[i];
        products += w * q * x[i];
        squares += w * q * q;
      }
      if (try < -TRIES || (squares > 0 && products * products > best * squares)) {
        // Without any importance ggml has NaN here.
        scale = squares != 0 ? products / squares : 0;
        best = scale * products;
      }
    }
  float inverse = reciprocal(scale);
  int codes[32];
  for (int i = 0; i < 32; i++) codes[i] = nearest_level(table, inverse * x[i]);
  put_half(out, scale);
  for (int i = 0; i < 16; i++) out[2 + i] = (uint8_t)(codes[i] | codes[i + 16] << 4);
}

// MARK: 256 weights in groups, whose scales have a scale

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

static void store_q2_k_scales(const float *scales, const float *minima, uint8_t *out) {
  float top_scale = largest(scales, 16), top_minimum = largest(minima, 16);
  float inverse = top_scale > 0 ? 15.0f / top_scale : 0;
  float inverse_minimum = top_minimum > 0 ? 15.0f / top_minimum : 0;
  for (int j = 0; j < 16; j++)
    out[j] = (uint8_t)(nearest(inverse * scales[j], 0, 15) |
                       nearest(inverse_minimum * minima[j], 0, 15) << 4);
  put_half(out + 80, top_scale > 0 ? top_scale / 15.0f : 0);
  put_half(out + 82, top_minimum > 0 ? top_minimum / 15.0f : 0);
}

// Sixteen scales of six bits, before all else of a block is written.
static void pack_q3_k_scales(const uint8_t *l, uint8_t *out) {
  uint8_t *packed = out + 96;
  memset(out, 0, 110);
  for (int j = 0; j < 16; j++) {
    packed[j % 8] |= (uint8_t)((l[j] & 15) << j / 8 * 4);
    packed[8 + j % 4] |= (uint8_t)(l[j] >> 4 << j / 4 * 2);
  }
}

// `whole` gets the scales as they can be read.
static void store_q3_k_scales(const float *scales, int *whole, uint8_t *out) {
  uint8_t l[16];
  float most = peak(scales, 16), inverse = most != 0 ? -32.0f / most : 0;
  for (int j = 0; j < 16; j++) {
    l[j] = most != 0 ? (uint8_t)(nearest(inverse * scales[j], -32, 31) + 32) : 0;
    whole[j] = l[j] - 32;
  }
  pack_q3_k_scales(l, out);
  put_half(out + 108, most != 0 ? 1 / inverse : 0);
}

// Scales and minima of Q4_K and Q5_K, six bits each.
static void pack_six_bits(const uint8_t *s, const uint8_t *m, uint8_t *packed) {
  for (int j = 0; j < 4; j++) {
    packed[j] = s[j];
    packed[j + 4] = m[j];
  }
  for (int j = 4; j < 8; j++) {
    packed[j + 4] = (uint8_t)((s[j] & 15) | (m[j] & 15) << 4);
    packed[j - 4] |= (uint8_t)(s[j] >> 4 << 6);
    packed[j] |= (uint8_t)(m[j] >> 4 << 6);
  }
}

static void store_six_bits(const float *scales, const float *minima, uint8_t *out) {
  float top_scale = largest(scales, 8), top_minimum = largest(minima, 8);
  float inverse = top_scale > 0 ? 63.0f / top_scale : 0;
  float inverse_minimum = top_minimum > 0 ? 63.0f / top_minimum : 0;
  uint8_t s[8], m[8];
  for (int j = 0; j < 8; j++) {
    s[j] = (uint8_t)nearest(inverse * scales[j], 0, 63);
    m[j] = (uint8_t)nearest(inverse_minimum * minima[j], 0, 63);
  }
  put_half(out, top_scale / 63.0f);
  put_half(out + 2, top_minimum / 63.0f);
  pack_six_bits(s, m, out + 4);
}

static void pack_fours(const uint8_t *codes, uint8_t *out) {
  for (int i = 0; i < 128; i++) {
    const uint8_t *c = codes + i / 32 * 64 + i % 32;
    out[i] = (uint8_t)(c[0] | c[32] << 4);
  }
}

static void pack_fives(const uint8_t *codes, uint8_t *out) {
  memset(out, 0, 32);
  for (int i = 0; i < SUPER; i++) out[i % 32] |= (uint8_t)(codes[i] >> 4 << i / 32);
  for (int i = 0; i < 128; i++) {
    const uint8_t *c = codes + i / 32 * 64 + i % 32;
    out[32 + i] = (uint8_t)((c[0] & 15) | (c[32] & 15) << 4);
  }
}

// False where all weights are zeros, as the block is then.
static int store_q6_k_scales(const float *scales, uint8_t *out) {
  float most = peak(scales, 16);
  memset(out, 0, 210);
  if (fabsf(most) < nothing) return 0;
  float inverse = -128.0f / most;
  put_half(out + 208, 1 / inverse);
  for (int j = 0; j < 16; j++) out[192 + j] = (uint8_t)nearest(inverse * scales[j], -128, 127);
  return 1;
}

static void pack_sixes(const uint8_t *codes, uint8_t *out) {
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
  case PARE_Q1_0: case PARE_Q2_0: case PARE_IQ4_XS: case PARE_NVFP4: case PARE_IQ1_S:
  case PARE_IQ1_M: case PARE_IQ2_XXS: case PARE_IQ2_XS: case PARE_IQ2_S: case PARE_IQ3_XXS:
  case PARE_IQ3_S: case PARE_Q8_K: return 0;
  default: return 1;
  }
}

int pare_weighs(int format) {
  switch (format) {
  case PARE_Q8_0: case PARE_TQ1_0: case PARE_TQ2_0: case PARE_MXFP4: return 0;
  default: return pare_quantizes(format);
  }
}

#define BODY "bodies/block_quantize.h"
#include "levels.h"

void pare_quantize_blocks(int level, int format, const float *x, size_t count, uint8_t *out) {
  DISPATCH(quantize_blocks, format, x, count, out)
}

void pare_quantize_weighted(int level, int format, const float *x, const float *importance,
                            size_t rows, size_t columns, uint8_t *out) {
  DISPATCH(quantize_weighted, format, x, importance, rows, columns, out)
}
