// Codes of 32 weights as numbers of 16 bits.

typedef uint8_t NAME(u8x32) __attribute__((ext_vector_type(32)));
typedef int8_t NAME(i8x32) __attribute__((ext_vector_type(32)));

// 32 bytes as numbers of 16 bits.
INLINE i16x32 NAME(wide_at)(const uint8_t *at) {
  NAME(u8x32) bytes;
  memcpy(&bytes, at, sizeof bytes);
  return __builtin_convertvector(bytes, i16x32);
}

INLINE i16x32 NAME(signed_wide_at)(const uint8_t *at) {
  NAME(i8x32) bytes;
  memcpy(&bytes, at, sizeof bytes);
  return __builtin_convertvector(bytes, i16x32);
}

// The low halves of 16 bytes, then the high ones.
INLINE i16x32 NAME(nibbles_at)(const uint8_t *at) {
  u8x16 bytes;
  memcpy(&bytes, at, sizeof bytes);
  NAME(u8x32) twice = __builtin_shufflevector(
      bytes, bytes, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7,
      8, 9, 10, 11, 12, 13, 14, 15);
  const u16x32 shift = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                        4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4};
  u16x32 wide = __builtin_convertvector(twice, u16x32) >> shift & 15;
  i16x32 codes;
  memcpy(&codes, &wide, sizeof codes);
  return codes;
}

// 16 where a bit is set.
INLINE i16x32 NAME(sixteens)(uint32_t bits) {
#if LEVEL == 2
  b1x32 truth;
  memcpy(&truth, &bits, sizeof truth);
  return __builtin_convertvector(truth, i16x32) << 4;
#else
  i16x32 values;
  for (int i = 0; i < 32; i++) values[i] = (int16_t)((bits >> i & 1) << 4);
  return values;
#endif
}

#if LEVEL == 2
INLINE f32x16 NAME(from_f16)(u16x16 halves) {
  typedef short s16x16 __attribute__((vector_size(32)));
  typedef float s32f __attribute__((vector_size(64)));
  s16x16 bits;
  memcpy(&bits, &halves, sizeof bits);
  s32f zero = {0}, values = __builtin_ia32_vcvtph2ps512_mask(bits, zero, (uint16_t)-1, 4);
  f32x16 result;
  memcpy(&result, &values, sizeof result);
  return result;
}
#endif

INLINE float NAME(half)(const uint8_t *at) {
#if LEVEL == 2
  typedef short s16x8 __attribute__((vector_size(16)));
  s16x8 bits = {(short)u16_at(at)};
  return __builtin_ia32_vcvtph2ps(bits)[0];
#else
  return half_at(at);
#endif
}

INLINE f32x16 NAME(signed_floats)(const int8_t *at) {
  i8x16 bytes;
  memcpy(&bytes, at, sizeof bytes);
  return __builtin_convertvector(__builtin_convertvector(bytes, i32x16), f32x16);
}
