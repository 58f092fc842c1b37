/// Numbers and tables that blocks are made of.
#ifndef PARE_BLOCK_NUMBERS_H
#define PARE_BLOCK_NUMBERS_H
#include <stdint.h>
#include <string.h>

// Doubled values of a 4-bit float of two exponent bits and one of mantissa.
static const int8_t four_bit_floats[16] = {0, 1,  2,  3,  4,  6,  8,  12,
                                           0, -1, -2, -3, -4, -6, -8, -12};

// Levels of IQ4: denser near 0, as weights are.
static const int8_t four_bit_levels[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                           1,    13,   25,  38,  53,  69,  89,  113};

static inline float float_of(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static inline uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

// f16 exactly. Scales of K-quants are often subnormal: as an f32 that is subnormal too they would
// take a hundred times as long.
static inline float half_at(const uint8_t *at) {
  uint32_t half = (uint32_t)at[0] | (uint32_t)at[1] << 8;
  uint32_t sign = (half & 0x8000) << 16, magnitude = half & 0x7fff;
  if (magnitude < 0x400) return float_of(bits_of((float)magnitude * 0x1p-24f) | sign);
  uint32_t bits = magnitude << 13;
  return float_of((magnitude >= 0x7c00 ? bits | 0x7f800000 : bits + (112u << 23)) | sign);
}

// To nearest, ties to even; subnormals round by adding 0.5, whose last place is
// f16's smallest number. A NaN has no sign: machines differ in it.
static inline void put_half(uint8_t *at, float value) {
  uint32_t bits = bits_of(value), magnitude = bits & 0x7fffffff, half;
  if (magnitude > 0x7f800000) half = 0x7e00;
  else if (magnitude >= 0x477ff000) half = 0x7c00;
  else if (magnitude < 0x38800000) half = bits_of(float_of(magnitude) + 0.5f) - 0x3f000000;
  else half = (magnitude - (112u << 23) + 0xfff + (magnitude >> 13 & 1)) >> 13;
  if (magnitude <= 0x7f800000) half |= bits >> 16 & 0x8000;
  at[0] = (uint8_t)half;
  at[1] = (uint8_t)(half >> 8);
}

static inline uint32_t u16_at(const uint8_t *at) { return (uint32_t)at[0] | (uint32_t)at[1] << 8; }

static inline uint32_t u32_at(const uint8_t *at) { return u16_at(at) | u16_at(at + 2) << 16; }

// Seven signs, and an eighth that makes the number of negative ones even.
static inline uint32_t eight_signs(uint32_t signs) {
  signs &= 127;
  return signs | (uint32_t)__builtin_parity(signs) << 7;
}

// Half of the power of two that an E8M0 byte stands for; 2^-128 and 2^-127 are
// subnormal.
static inline float half_power(uint8_t code) {
  return float_of(code < 2 ? 0x00200000u << code : (uint32_t)(code - 1) << 23);
}

// The eight scales of Q4_K and Q5_K, a byte each, then the eight minima: six bits each in the twelve
// bytes at `packed`.
static inline void scales_and_minima(const uint8_t *packed, uint32_t words[4]) {
  uint32_t first = u32_at(packed), second = u32_at(packed + 4), third = u32_at(packed + 8);
  words[0] = first & 0x3f3f3f3f;
  words[1] = (third & 0x0f0f0f0f) | (first >> 6 & 0x03030303) << 4;
  words[2] = second & 0x3f3f3f3f;
  words[3] = (third >> 4 & 0x0f0f0f0f) | (second >> 6 & 0x03030303) << 4;
}

// Scale and minimum of sub-block `j` of Q4_K and Q5_K: six bits each in 12 bytes.
static inline void scale_and_minimum(const uint8_t *packed, int j, float *scale, float *minimum) {
  if (j < 4) {
    *scale = (float)(packed[j] & 63);
    *minimum = (float)(packed[j + 4] & 63);
  } else {
    *scale = (float)((packed[j + 4] & 15) | packed[j - 4] >> 6 << 4);
    *minimum = (float)(packed[j + 4] >> 4 | packed[j] >> 6 << 4);
  }
}
#endif
