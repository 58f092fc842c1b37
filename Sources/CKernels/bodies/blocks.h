// Blocks of weights to f32, sixteen at a time. Each function reads one block from
// `at` and writes its weights.

INLINE i32x16 NAME(unsigned_at)(const uint8_t *at) {
  u8x16 bytes;
  memcpy(&bytes, at, sizeof bytes);
  return __builtin_convertvector(bytes, i32x16);
}

INLINE i32x16 NAME(signed_at)(const uint8_t *at) {
  i8x16 bytes;
  memcpy(&bytes, at, sizeof bytes);
  return __builtin_convertvector(bytes, i32x16);
}

INLINE f32x16 NAME(floats)(i32x16 codes) { return __builtin_convertvector(codes, f32x16); }

// `stream` is a constant wherever this is called.
INLINE void NAME(put)(float *out, f32x16 weights, int stream) {
  if (stream) NAME(stream_f32)(out, weights);
  else NAME(store_f32)(out, weights);
}

// `codes` are below 16.
INLINE f32x16 NAME(looked_up)(const int8_t table[16], u8x16 codes) {
  i8x16 all;
  memcpy(&all, table, sizeof all);
#if LEVEL == 2
  return __builtin_ia32_permvarsf512(__builtin_convertvector(all, f32x16),
                                     __builtin_convertvector(codes, i32x16));
#elif LEVEL == 1
  i8x16 values = __builtin_ia32_pshufb128(all, (i8x16)codes);
  return __builtin_convertvector(values, f32x16);
#else
  f32x16 values;
  for (int i = 0; i < LANES; i++) values[i] = all[codes[i]];
  return values;
#endif
}

INLINE void NAME(put_levels)(const int8_t table[16], const uint8_t *at, float scale, float *out,
                             int stream) {
  u8x16 bytes;
  memcpy(&bytes, at, sizeof bytes);
  NAME(put)(out, NAME(looked_up)(table, bytes & 15) * scale, stream);
  NAME(put)(out + 16, NAME(looked_up)(table, bytes >> 4) * scale, stream);
}

INLINE void NAME(q8_0)(const uint8_t *at, float *out, int stream) {
  float d = half_at(at);
  for (int i = 0; i < 32; i += 16)
    NAME(put)(out + i, NAME(floats)(NAME(signed_at)(at + 2 + i)) * d, stream);
}

INLINE void NAME(q4_0)(const uint8_t *at, float *out, int stream) {
  float d = half_at(at);
  i32x16 codes = NAME(unsigned_at)(at + 2);
  NAME(put)(out, NAME(floats)((codes & 15) - 8) * d, stream);
  NAME(put)(out + 16, NAME(floats)((codes >> 4) - 8) * d, stream);
}

INLINE void NAME(q4_1)(const uint8_t *at, float *out, int stream) {
  float d = half_at(at), m = half_at(at + 2);
  i32x16 codes = NAME(unsigned_at)(at + 4);
  NAME(put)(out, NAME(floats)(codes & 15) * d + m, stream);
  NAME(put)(out + 16, NAME(floats)(codes >> 4) * d + m, stream);
}

// The fifth bits of 32 codes stand together.
INLINE void NAME(five_bits)(const uint8_t *high, const uint8_t *low, i32x16 codes[2]) {
  i32x16 nibbles = NAME(unsigned_at)(low);
  codes[0] = (nibbles & 15) | (NAME(spread)((uint32_t)high[0] | (uint32_t)high[1] << 8) & 16);
  codes[1] = (nibbles >> 4) | (NAME(spread)((uint32_t)high[2] | (uint32_t)high[3] << 8) & 16);
}

INLINE void NAME(q5_0)(const uint8_t *at, float *out, int stream) {
  float d = half_at(at);
  i32x16 codes[2];
  NAME(five_bits)(at + 2, at + 6, codes);
  for (int i = 0; i < 2; i++) NAME(put)(out + 16 * i, NAME(floats)(codes[i] - 16) * d, stream);
}

INLINE void NAME(q5_1)(const uint8_t *at, float *out, int stream) {
  float d = half_at(at), m = half_at(at + 2);
  i32x16 codes[2];
  NAME(five_bits)(at + 4, at + 8, codes);
  for (int i = 0; i < 2; i++) NAME(put)(out + 16 * i, NAME(floats)(codes[i]) * d + m, stream);
}

INLINE void NAME(q1_0)(const uint8_t *at, float *out, int stream) {
  f32x16 d = half_at(at);
  for (int i = 0; i < 8; i++) {
    i32x16 set = NAME(spread)((uint32_t)at[2 + 2 * i] | (uint32_t)at[3 + 2 * i] << 8);
    NAME(put)(out + 16 * i, set != 0 ? d : -d, stream);
  }
}

INLINE void NAME(q2_0)(const uint8_t *at, float *out, int stream) {
  const i32x16 shift = {0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30};
  float d = half_at(at);
  for (int i = 0; i < 4; i++) {
    int32_t word;
    memcpy(&word, at + 2 + 4 * i, sizeof word);
    NAME(put)(out + 16 * i, NAME(floats)(((i32x16)word >> shift & 3) - 1) * d, stream);
  }
}

INLINE void NAME(q2_k)(const uint8_t *at, float *out, int stream) {
  const uint8_t *scales = at, *low = at + 16;
  float d = half_at(at + 80), dmin = half_at(at + 82);
  for (int i = 0; i < 16; i++) {
    i32x16 codes = NAME(unsigned_at)(low + i / 8 * 32 + i % 2 * 16) >> (i / 2 % 4 * 2) & 3;
    float scale = d * (float)(scales[i] & 15), minimum = dmin * (float)(scales[i] >> 4);
    NAME(put)(out + 16 * i, NAME(floats)(codes) * scale - minimum, stream);
  }
}

// Six bits of scale, offset by 32: four of them in 8 bytes, two in 4.
INLINE float NAME(q3_k_scale)(const uint8_t *packed, int i) {
  int low = i < 8 ? packed[i] & 15 : packed[i - 8] >> 4;
  int high = packed[8 + i % 4] >> (i / 4 * 2) & 3;
  return (float)((low | high << 4) - 32);
}

// The third bit is stored inverted: where it is 0, the code is 4 less.
INLINE void NAME(q3_k)(const uint8_t *at, float *out, int stream) {
  const uint8_t *high = at, *low = at + 32, *scales = at + 96;
  float d = half_at(at + 108);
  for (int i = 0; i < 16; i++) {
    i32x16 two = NAME(unsigned_at)(low + i / 8 * 32 + i % 2 * 16) >> (i / 2 % 4 * 2) & 3;
    i32x16 third = NAME(unsigned_at)(high + i % 2 * 16) >> (i / 2) & 1;
    float scale = d * NAME(q3_k_scale)(scales, i);
    NAME(put)(out + 16 * i, NAME(floats)(two + third * 4 - 4) * scale, stream);
  }
}

INLINE void NAME(q4_k)(const uint8_t *at, float *out, int stream) {
  float d = half_at(at), dmin = half_at(at + 2);
  for (int j = 0; j < 8; j++) {
    float scale, minimum;
    scale_and_minimum(at + 4, j, &scale, &minimum);
    scale = d * scale;
    minimum = dmin * minimum;
    for (int i = 0; i < 32; i += 16) {
      i32x16 codes = NAME(unsigned_at)(at + 16 + j / 2 * 32 + i) >> (j % 2 * 4) & 15;
      NAME(put)(out + 32 * j + i, NAME(floats)(codes) * scale - minimum, stream);
    }
  }
}

INLINE void NAME(q5_k)(const uint8_t *at, float *out, int stream) {
  float d = half_at(at), dmin = half_at(at + 2), scales[8], minima[8];
  // All that is read twice is read before weights are written.
  i32x16 high[2] = {NAME(unsigned_at)(at + 16), NAME(unsigned_at)(at + 32)};
  for (int j = 0; j < 8; j++) scale_and_minimum(at + 4, j, &scales[j], &minima[j]);
  for (int j = 0; j < 8; j += 2) {
    i32x16 low[2] = {NAME(unsigned_at)(at + 48 + 16 * j), NAME(unsigned_at)(at + 64 + 16 * j)};
    for (int k = j; k < j + 2; k++) {
      float scale = d * scales[k], minimum = dmin * minima[k];
      for (int i = 0; i < 2; i++) {
        i32x16 codes = (low[i] >> (k % 2 * 4) & 15) | (high[i] >> k & 1) << 4;
        NAME(put)(out + 32 * k + 16 * i, NAME(floats)(codes) * scale - minimum, stream);
      }
    }
  }
}

INLINE void NAME(q6_k)(const uint8_t *at, float *out, int stream) {
  const uint8_t *low = at, *high = at + 128;
  const int8_t *scales = (const int8_t *)(at + 192);
  float d = half_at(at + 208);
  for (int i = 0; i < 16; i++) {
    int half = i / 8, quarter = i / 2 % 4, part = i % 2 * 16;
    i32x16 four = NAME(unsigned_at)(low + half * 64 + quarter % 2 * 32 + part) >>
                      (quarter / 2 * 4) & 15;
    i32x16 two = NAME(unsigned_at)(high + half * 32 + part) >> (quarter * 2) & 3;
    NAME(put)(out + 16 * i, NAME(floats)((four | two << 4) - 32) * (d * (float)scales[i]), stream);
  }
}

INLINE void NAME(iq4_nl)(const uint8_t *at, float *out, int stream) {
  NAME(put_levels)(four_bit_levels, at + 2, half_at(at), out, stream);
}

INLINE void NAME(iq4_xs)(const uint8_t *at, float *out, int stream) {
  float d = half_at(at);
  for (int j = 0; j < 8; j++) {
    int low = at[4 + j / 2] >> (j % 2 * 4) & 15;
    int high = (at[2 + j / 4] >> (j % 4 * 2)) & 3;
    NAME(put_levels)(four_bit_levels, at + 8 + 16 * j, d * (float)((low | high << 4) - 32),
                     out + 32 * j, stream);
  }
}

// A byte is a fraction of 256 in base 3: the n-th digit is what passes 256 when the
// fraction, multiplied by 3^n, is multiplied by 3 once more.
INLINE i32x16 NAME(trits)(i32x16 bytes, int power) { return (bytes * power & 255) * 3 >> 8; }

INLINE void NAME(tq1_0)(const uint8_t *at, float *out, int stream) {
  static const int powers[5] = {1, 3, 9, 27, 81};
  const i32x16 last_powers = {1, 1, 1, 1, 3, 3, 3, 3, 9, 9, 9, 9, 27, 27, 27, 27};
  float d = half_at(at + 52);
  i32x16 bytes[3];
  for (int i = 0; i < 3; i++) bytes[i] = NAME(unsigned_at)(at + 16 * i);
  for (int n = 0; n < 5; n++)
    for (int i = 0; i < 2; i++)
      NAME(put)(out + 32 * n + 16 * i,
                NAME(floats)(NAME(trits)(bytes[i], powers[n]) - 1) * d, stream);
  for (int n = 0; n < 5; n++)
    NAME(put)(out + 160 + 16 * n, NAME(floats)(NAME(trits)(bytes[2], powers[n]) - 1) * d, stream);
  const u8x16 last = {at[48], at[49], at[50], at[51], at[48], at[49], at[50], at[51],
                      at[48], at[49], at[50], at[51], at[48], at[49], at[50], at[51]};
  i32x16 codes = (__builtin_convertvector(last, i32x16) * last_powers & 255) * 3 >> 8;
  NAME(put)(out + 240, NAME(floats)(codes - 1) * d, stream);
}

INLINE void NAME(tq2_0)(const uint8_t *at, float *out, int stream) {
  float d = half_at(at + 64);
  for (int i = 0; i < 16; i++) {
    i32x16 codes = NAME(unsigned_at)(at + i / 8 * 32 + i % 2 * 16) >> (i / 2 % 4 * 2) & 3;
    NAME(put)(out + 16 * i, NAME(floats)(codes - 1) * d, stream);
  }
}

INLINE void NAME(mxfp4)(const uint8_t *at, float *out, int stream) {
  NAME(put_levels)(four_bit_floats, at + 1, half_power(at[0]), out, stream);
}

// Four scales; the low nibbles of 8 bytes are the first half of 16 weights.
INLINE void NAME(nvfp4)(const uint8_t *at, float *out, int stream) {
  for (int j = 0; j < 4; j++) {
    u8x8 bytes;
    memcpy(&bytes, at + 4 + 8 * j, sizeof bytes);
    u8x8 low = bytes & 15, high = bytes >> 4;
    u8x16 codes = __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
                                          14, 15);
    NAME(put)(out + 16 * j, NAME(looked_up)(four_bit_floats, codes) * half_e4m3(at[j]), stream);
  }
}

// Two vectors of eight codes, or four of four.
INLINE i32x16 NAME(eights)(const uint64_t *vectors, uint32_t first, uint32_t second) {
  const uint64_t both[2] = {vectors[first], vectors[second]};
  return NAME(signed_at)((const uint8_t *)both);
}

INLINE i32x16 NAME(fours)(const uint32_t *vectors, const uint32_t indices[4]) {
  uint32_t all[4];
  for (int i = 0; i < 4; i++) all[i] = vectors[indices[i]];
  return NAME(signed_at)((const uint8_t *)all);
}

// Codes times `scale`, negative where `signs` has a bit.
INLINE void NAME(put_signed)(i32x16 codes, uint32_t signs, float scale, float *out, int stream) {
  i32x16 negative = NAME(spread)(signs);
  NAME(put)(out, NAME(floats)((codes ^ negative) - negative) * scale, stream);
}

// Codes of IQ1 are moved by an eighth, down where `signs` has a bit: all times 8.
INLINE void NAME(put_moved)(i32x16 codes, uint32_t signs, float scale, float *out, int stream) {
  i32x16 moved = codes + 1 + 2 * NAME(spread)(signs);
  NAME(put)(out, NAME(floats)(moved) * (scale * 0.125f), stream);
}

INLINE void NAME(iq1_s)(const uint8_t *at, float *out, int stream) {
  float d = half_at(at);
  for (int i = 0; i < 16; i++) {
    const uint8_t *low = at + 2 + 2 * i;
    uint32_t part = u16_at(at + 34 + i / 2 * 2), high = part >> (i % 2 * 6);
    i32x16 codes =
        NAME(eights)(iq1, low[0] | (high & 7) << 8, low[1] | (high >> 3 & 7) << 8);
    NAME(put_moved)(codes, part & 0x8000 ? 0xffff : 0, d * (float)(2 * (part >> 12 & 7) + 1),
                    out + 16 * i, stream);
  }
}

// The bits of d are the highest of four words, the others scales.
INLINE void NAME(iq1_m)(const uint8_t *at, float *out, int stream) {
  uint32_t words[4], half = 0;
  for (int i = 0; i < 4; i++) {
    words[i] = u16_at(at + 48 + 2 * i);
    half |= words[i] >> 12 << (4 * i);
  }
  float d = half_at((const uint8_t[]){(uint8_t)half, (uint8_t)(half >> 8)});
  for (int i = 0; i < 16; i++) {
    const uint8_t *low = at + 2 * i;
    uint32_t high = at[32 + i], scale = words[i / 4] >> (i % 4 * 3) & 7;
    i32x16 codes =
        NAME(eights)(iq1, low[0] | (high & 7) << 8, low[1] | (high >> 4 & 7) << 8);
    NAME(put_moved)(codes, (high & 0x08 ? 0xff : 0) | (high & 0x80 ? 0xff00 : 0),
                    d * (float)(2 * scale + 1), out + 16 * i, stream);
  }
}

INLINE void NAME(iq2_xxs)(const uint8_t *at, float *out, int stream) {
  float d = half_at(at);
  for (int i = 0; i < 16; i++) {
    const uint8_t *part = at + 2 + i / 2 * 8, *low = part + i % 2 * 2;
    uint32_t word = u32_at(part + 4), signs = word >> (i % 2 * 14);
    NAME(put_signed)(NAME(eights)(iq2_xxs, low[0], low[1]),
                     eight_signs(signs) | eight_signs(signs >> 7) << 8,
                     d * (0.5f + (float)(word >> 28)) * 0.25f, out + 16 * i, stream);
  }
}

INLINE float NAME(nibble_scale)(const uint8_t *scales, int i) {
  return 0.5f + (float)(scales[i / 2] >> (i % 2 * 4) & 15);
}

INLINE void NAME(iq2_xs)(const uint8_t *at, float *out, int stream) {
  float d = half_at(at);
  for (int i = 0; i < 16; i++) {
    uint32_t first = u16_at(at + 2 + 4 * i), second = u16_at(at + 4 + 4 * i);
    NAME(put_signed)(NAME(eights)(iq2_xs, first & 511, second & 511),
                     eight_signs(first >> 9) | eight_signs(second >> 9) << 8,
                     d * NAME(nibble_scale)(at + 66, i) * 0.25f, out + 16 * i, stream);
  }
}

INLINE void NAME(iq2_s)(const uint8_t *at, float *out, int stream) {
  float d = half_at(at);
  for (int i = 0; i < 16; i++) {
    const uint8_t *low = at + 2 + 2 * i;
    uint32_t high = (uint32_t)at[66 + i / 2] >> (i % 2 * 4);
    i32x16 codes =
        NAME(eights)(iq2_s, low[0] | (high & 3) << 8, low[1] | (high >> 2 & 3) << 8);
    NAME(put_signed)(codes, u16_at(at + 34 + 2 * i), d * NAME(nibble_scale)(at + 74, i) * 0.25f,
                     out + 16 * i, stream);
  }
}

INLINE void NAME(iq3_xxs)(const uint8_t *at, float *out, int stream) {
  float d = half_at(at);
  for (int i = 0; i < 16; i++) {
    const uint8_t *low = at + 2 + 4 * i;
    uint32_t word = u32_at(at + 66 + i / 2 * 4), signs = word >> (i % 2 * 14);
    NAME(put_signed)(NAME(fours)(iq3_xxs, (const uint32_t[]){low[0], low[1], low[2], low[3]}),
                     eight_signs(signs) | eight_signs(signs >> 7) << 8,
                     d * (0.5f + (float)(word >> 28)) * 0.5f, out + 16 * i, stream);
  }
}

INLINE void NAME(iq3_s)(const uint8_t *at, float *out, int stream) {
  float d = half_at(at);
  for (int i = 0; i < 16; i++) {
    const uint8_t *low = at + 2 + 4 * i;
    uint32_t high = (uint32_t)at[66 + i / 2] >> (i % 2 * 4), indices[4];
    for (int j = 0; j < 4; j++) indices[j] = low[j] | (high >> j & 1) << 8;
    float scale = (float)(2 * (at[106 + i / 4] >> (i / 2 % 2 * 4) & 15) + 1);
    NAME(put_signed)(NAME(fours)(iq3_s, indices), u16_at(at + 74 + 2 * i), d * scale,
                     out + 16 * i, stream);
  }
}

// Behind the codes are sums of sixteen, which products of blocks use.
INLINE void NAME(q8_k)(const uint8_t *at, float *out, int stream) {
  float d = float_of(u32_at(at));
  for (int i = 0; i < 256; i += 16)
    NAME(put)(out + i, NAME(floats)(NAME(signed_at)(at + 4 + i)) * d, stream);
}

#define EACH(function, weights, size)                                \
  for (size_t i = 0; i < blocks; i++)                                \
    NAME(function)(bytes + i * (size), out + i * (weights), stream); \
  break

INLINE void NAME(dequantize_to)(int format, const uint8_t *bytes, size_t blocks, float *out,
                                int stream) {
  switch (format) {
  case PARE_Q8_0: EACH(q8_0, 32, 34);
  case PARE_Q4_0: EACH(q4_0, 32, 18);
  case PARE_Q4_1: EACH(q4_1, 32, 20);
  case PARE_Q5_0: EACH(q5_0, 32, 22);
  case PARE_Q5_1: EACH(q5_1, 32, 24);
  case PARE_Q1_0: EACH(q1_0, 128, 18);
  case PARE_Q2_0: EACH(q2_0, 64, 18);
  case PARE_Q2_K: EACH(q2_k, 256, 84);
  case PARE_Q3_K: EACH(q3_k, 256, 110);
  case PARE_Q4_K: EACH(q4_k, 256, 144);
  case PARE_Q5_K: EACH(q5_k, 256, 176);
  case PARE_Q6_K: EACH(q6_k, 256, 210);
  case PARE_IQ4_NL: EACH(iq4_nl, 32, 18);
  case PARE_IQ4_XS: EACH(iq4_xs, 256, 136);
  case PARE_TQ1_0: EACH(tq1_0, 256, 54);
  case PARE_TQ2_0: EACH(tq2_0, 256, 66);
  case PARE_MXFP4: EACH(mxfp4, 32, 17);
  case PARE_NVFP4: EACH(nvfp4, 64, 36);
  case PARE_IQ1_S: EACH(iq1_s, 256, 50);
  case PARE_IQ1_M: EACH(iq1_m, 256, 56);
  case PARE_IQ2_XXS: EACH(iq2_xxs, 256, 66);
  case PARE_IQ2_XS: EACH(iq2_xs, 256, 74);
  case PARE_IQ2_S: EACH(iq2_s, 256, 82);
  case PARE_IQ3_XXS: EACH(iq3_xxs, 256, 98);
  case PARE_IQ3_S: EACH(iq3_s, 256, 110);
  case PARE_Q8_K: EACH(q8_k, 256, 292);
  }
}

static void NAME(dequantize)(int format, const uint8_t *bytes, size_t blocks, float *out,
                             int stream) {
  if (!stream) return NAME(dequantize_to)(format, bytes, blocks, out, 0);
  NAME(dequantize_to)(format, bytes, blocks, out, 1);
  NAME(drain)();
}
#undef EACH
