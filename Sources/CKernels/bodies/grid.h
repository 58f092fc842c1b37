// The float nearest to a quotient that is a whole number: 1.5 × 2²³ and a small number
// have a sum without a fraction.
#ifndef PARE_GRID_ROUNDING
#define PARE_GRID_ROUNDING 0x1.8p23f
#endif

INLINE uint8_t NAME(code)(pare_codec codec, float value) {
  float rounded = value / codec.scale + PARE_GRID_ROUNDING - PARE_GRID_ROUNDING;
  float code = rounded - codec.shift;
  return code >= 0 && code <= codec.highest ? (uint8_t)(int32_t)code : 0;
}

INLINE uint8_t NAME(sign)(pare_codec codec, float value) {
  uint32_t a, b;
  memcpy(&a, &value, 4);
  memcpy(&b, &codec.scale, 4);
  return (uint8_t)((a ^ b) >> 31 ^ 1);
}

static void NAME(grid_codes)(pare_codec codec, const float *values, size_t count,
                             uint8_t *codes) {
  if (codec.binary) {
    for (size_t i = 0; i < count; i++) codes[i] = NAME(sign)(codec, values[i]);
  } else {
    for (size_t i = 0; i < count; i++) codes[i] = NAME(code)(codec, values[i]);
  }
}

static void NAME(grid_values)(pare_codec codec, const uint8_t *codes, size_t count,
                              float *values) {
  if (codec.binary) {
    for (size_t i = 0; i < count; i++) values[i] = codes[i] ? codec.scale : -codec.scale;
  } else {
    for (size_t i = 0; i < count; i++) values[i] = codec.scale * ((float)codes[i] + codec.shift);
  }
}

static int NAME(grid_misses)(pare_codec codec, const float *values, size_t count) {
  uint32_t difference = 0;
  for (size_t i = 0; i < count; i++) {
    float again = codec.binary
                      ? (NAME(sign)(codec, values[i]) ? codec.scale : -codec.scale)
                      : codec.scale * ((float)NAME(code)(codec, values[i]) + codec.shift);
    uint32_t a, b;
    memcpy(&a, &again, 4);
    memcpy(&b, &values[i], 4);
    difference |= a ^ b;
  }
  return difference != 0;
}

// Eight codes, a byte each, as 8 × bits bits, and back.
#if LEVEL > PARE_PLAIN
INLINE uint64_t NAME(squeeze_codes)(uint64_t codes, uint64_t mask, int bits) {
  (void)bits;
  return __builtin_ia32_pext_di(codes, mask);
}

INLINE uint64_t NAME(spread_codes)(uint64_t packed, uint64_t mask, int bits) {
  (void)bits;
  return __builtin_ia32_pdep_di(packed, mask);
}
#else
INLINE uint64_t NAME(squeeze_codes)(uint64_t codes, uint64_t mask, int bits) {
  uint64_t packed = 0;
  codes &= mask;
  for (int i = 0; i < 8; i++) packed |= (codes >> 8 * i & 255) << bits * i;
  return packed;
}

INLINE uint64_t NAME(spread_codes)(uint64_t packed, uint64_t mask, int bits) {
  uint64_t codes = 0;
  for (int i = 0; i < 8; i++) codes |= (packed >> bits * i & (mask & 255)) << 8 * i;
  return codes;
}
#endif

static void NAME(pack_codes)(const uint8_t *codes, size_t count, int bits, uint8_t *packed) {
  uint64_t mask = ((1ull << bits) - 1) * 0x0101010101010101ull;
  for (size_t i = 0; i < count; i += 8, packed += bits) {
    size_t some = count - i < 8 ? count - i : 8;
    uint64_t eight = 0;
    memcpy(&eight, codes + i, some);
    eight = NAME(squeeze_codes)(eight, mask, bits);
    memcpy(packed, &eight, (some * (size_t)bits + 7) / 8);
  }
}

static void NAME(unpack_codes)(const uint8_t *packed, size_t count, int bits, uint8_t *codes) {
  uint64_t mask = ((1ull << bits) - 1) * 0x0101010101010101ull;
  for (size_t i = 0; i < count; i += 8, packed += bits) {
    size_t some = count - i < 8 ? count - i : 8;
    uint64_t eight = 0;
    memcpy(&eight, packed, (some * (size_t)bits + 7) / 8);
    eight = NAME(spread_codes)(eight, mask, bits);
    memcpy(codes + i, &eight, some);
  }
}
