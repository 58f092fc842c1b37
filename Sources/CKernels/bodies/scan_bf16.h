// bf16 read as 32 integers at a time. As whole numbers, positive codes grow with
// the value and negative ones with its magnitude, so four integer extremes hold
// both float extremes:
//   signed maximum    largest positive      unsigned maximum  most negative
//   unsigned minimum  smallest positive     signed minimum    negative nearest 0
typedef struct {
  i16x32 signed_high, signed_low;
  u16x32 high, low;
} NAME(codes);

// Powers of (x - pivot) * scale, summed over a run in f32: sixteen additions a
// lane, so the sums are within 16 * 2^-24 of the true ones; runs are added in f64.
typedef struct {
  f32x16 sum1, sum2, sum3, sum4;
} NAME(run_sums);

enum { NAME(run_length) = 256 };

INLINE void NAME(add_powers)(NAME(run_sums) *run, f32x16 x, f32x16 scale, f32x16 shift) {
  f32x16 d = __builtin_elementwise_fma(x, scale, shift);
  f32x16 square = d * d;
  run->sum1 += d;
  run->sum2 += square;
  run->sum3 = __builtin_elementwise_fma(square, d, run->sum3);
  run->sum4 = __builtin_elementwise_fma(square, square, run->sum4);
}

INLINE void NAME(add_codes)(NAME(codes) *c, u16x32 code) {
  i16x32 as_signed = (i16x32)code;
  c->signed_high = as_signed > c->signed_high ? as_signed : c->signed_high;
  c->signed_low = as_signed < c->signed_low ? as_signed : c->signed_low;
  c->high = code > c->high ? code : c->high;
  c->low = code < c->low ? code : c->low;
}

INLINE NAME(codes) NAME(no_codes)(void) {
  return (NAME(codes)){INT16_MIN, INT16_MAX, 0, UINT16_MAX};
}

INLINE float NAME(bf16_value)(uint16_t code) {
  uint32_t bits = (uint32_t)code << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

INLINE void NAME(float_extremes)(const NAME(codes) *c, float *minimum, float *maximum) {
  int16_t signed_high = INT16_MIN, signed_low = INT16_MAX;
  uint16_t high = 0, low = UINT16_MAX;
  for (int i = 0; i < 32; i++) {
    signed_high = c->signed_high[i] > signed_high ? c->signed_high[i] : signed_high;
    signed_low = c->signed_low[i] < signed_low ? c->signed_low[i] : signed_low;
    high = c->high[i] > high ? c->high[i] : high;
    low = c->low[i] < low ? c->low[i] : low;
  }
  *minimum = NAME(bf16_value)(high > INT16_MAX ? high : low);
  *maximum = NAME(bf16_value)((uint16_t)(signed_high >= 0 ? signed_high : signed_low));
}

// One run whose values are all smaller than `limit` by their codes goes into the
// sums; false leaves everything but the mask as it was.
INLINE int NAME(scan_run)(const uint16_t *values, f32x16 scale, f32x16 shift, uint16_t limit,
                          int16_t threshold, uint64_t *mask, NAME(codes) *codes,
                          NAME(run_sums) *sums, uint64_t *zero) {
  NAME(codes) c = NAME(no_codes)();
  NAME(run_sums) run = {0};
  uint64_t zeros = 0;
#pragma clang loop unroll(full)
  for (size_t i = 0; i < NAME(run_length); i += 64) {
    uint64_t word = 0, empty = 0;
    NAME(prefetch)(values + i, 64 * sizeof values[0]);
#pragma clang loop unroll(full)
    for (size_t j = 0; j < 64; j += 32) {
      u16x32 code;
      memcpy(&code, values + i + j, sizeof code);
      NAME(add_codes)(&c, code);
      i16x32 magnitude = (i16x32)(code & 0x7fff);
      empty |= (uint64_t)NAME(bits32)(magnitude == 0) << j;
      if (mask) word |= (uint64_t)NAME(bits32)(magnitude > threshold) << j;
      u32x16 pair;
      memcpy(&pair, &code, sizeof pair);
      NAME(add_powers)(&run, NAME(as_f32)((i32x16)(pair << 16)), scale, shift);
      NAME(add_powers)(&run, NAME(as_f32)((i32x16)(pair & 0xffff0000)), scale, shift);
    }
    zeros += (uint64_t)__builtin_popcountll(empty);
    if (mask) mask[i / 64] = word;
  }
  i16x32 large = (c.signed_high >= (int16_t)limit) | (c.high >= (uint16_t)(limit | 0x8000));
  if (NAME(bits32)(large)) return 0;
  NAME(add_codes)(codes, (u16x32)c.signed_high);
  NAME(add_codes)(codes, (u16x32)c.signed_low);
  NAME(add_codes)(codes, c.high);
  NAME(add_codes)(codes, c.low);
  *sums = run;
  *zero += zeros;
  return 1;
}

INLINE void NAME(scan_bf16)(const uint16_t *values, size_t count, float pivot, float scale,
                            int32_t threshold, uint64_t *mask, pare_moments *out) {
  // Below 2^28 after scaling no fourth power overflows; 0x7f80 is infinity.
  float bound = 0x1p28f / scale < __builtin_inff() ? 0x1p28f / scale : __builtin_inff();
  uint32_t bound_bits;
  memcpy(&bound_bits, &bound, sizeof bound_bits);
  const uint16_t limit = (uint16_t)(bound_bits >> 16);
  const int16_t high = (int16_t)(threshold >> 16);
  f64x16 sum1 = 0, sum2 = 0, sum3 = 0, sum4 = 0;
  uint64_t zero = 0, finite = 0;
  NAME(codes) codes = NAME(no_codes)();
  size_t i = 0;
  pare_moments odd, rest = {.minimum = __builtin_inff(), .maximum = -__builtin_inff()};
  for (; i + NAME(run_length) <= count; i += NAME(run_length)) {
    NAME(run_sums) run;
    uint64_t *words = mask ? mask + i / 64 : NULL;
    if (LIKELY(NAME(scan_run)(values + i, scale, -pivot * scale, limit, high, words, &codes,
                              &run, &zero))) {
      sum1 += __builtin_convertvector(run.sum1, f64x16);
      sum2 += __builtin_convertvector(run.sum2, f64x16);
      sum3 += __builtin_convertvector(run.sum3, f64x16);
      sum4 += __builtin_convertvector(run.sum4, f64x16);
      finite += NAME(run_length);
    } else {
      NAME(scan_wide)(PARE_BF16, values + i, NAME(run_length), pivot, threshold, words, &odd);
      NAME(join)(&rest, &odd);
    }
  }
  NAME(scan_wide)(PARE_BF16, values + i, count - i, pivot, threshold, mask ? mask + i / 64 : NULL,
                  &odd);
  NAME(join)(&rest, &odd);
  const double unit = 1.0 / scale;
  *out = (pare_moments){NAME(sum)(sum1) * unit, NAME(sum)(sum2) * unit * unit,
                        NAME(sum)(sum3) * unit * unit * unit,
                        NAME(sum)(sum4) * unit * unit * unit * unit,
                        __builtin_inff(), -__builtin_inff(), finite, 0, zero};
  if (finite > 0) NAME(float_extremes)(&codes, &out->minimum, &out->maximum);
  NAME(join)(out, &rest);
}
