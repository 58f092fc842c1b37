// To bf16: add half of the last place kept, less one when that place is even. A
// NaN keeps its upper bits, and one of them is set so that it stays a NaN.
INLINE i32x16 NAME(to_bf16)(i32x16 bits) {
  u32x16 wide = (u32x16)bits;
  u32x16 rounded = (wide + 0x7fff + (wide >> 16 & 1)) >> 16;
  u32x16 cut = wide >> 16;
  u32x16 nan = cut | ((u32x16)((cut & 0x7f) == 0) & 0x40);
  return (bits & MAGNITUDE) > INFINITE ? (i32x16)nan : (i32x16)rounded;
}

// To f16: normal results round in the integers; subnormal ones by adding 0.5,
// whose last place is f16's smallest number; from 65520 on it is infinity.
INLINE i32x16 NAME(to_f16)(i32x16 bits) {
  i32x16 magnitude = bits & MAGNITUDE;
  u32x16 wide = (u32x16)magnitude;
  u32x16 normal = (wide - (112u << 23) + 0xfff + (wide >> 13 & 1)) >> 13;
  f32x16 shifted = NAME(as_f32)(magnitude) + (f32x16)0.5f;
  i32x16 subnormal = NAME(as_i32)(shifted) - 0x3f000000;
  i32x16 cut = (magnitude >> 13 & 0x3ff) | 0x7c00;
  i32x16 nan = cut | (((cut & 0x3ff) == 0) & 0x200);
  i32x16 result = magnitude < 0x38800000 ? subnormal : (i32x16)normal;
  result = magnitude >= 0x477ff000 ? (i32x16)0x7c00 : result;
  result = magnitude > INFINITE ? nan : result;
  return result | (bits >> 16 & 0x8000);
}

INLINE void NAME(narrow_half)(int kind, const float *values, uint16_t *out, size_t count) {
  for (size_t i = 0; i < count; i += LANES) {
    size_t some = count - i < LANES ? count - i : LANES;
    f32x16 x = some == LANES ? NAME(load_f32)(values + i)
                             : NAME(load_some)(PARE_F32, values, i, some);
    i32x16 bits = NAME(as_i32)(x);
    i32x16 wide = kind == PARE_BF16 ? NAME(to_bf16)(bits) : NAME(to_f16)(bits);
    u16x16 half = __builtin_convertvector(wide, u16x16);
    if (some == LANES) memcpy(out + i, &half, sizeof half);
    else memcpy(out + i, &half, some * sizeof half[0]);
  }
}

INLINE void NAME(widen_half)(int kind, const uint16_t *values, float *out, size_t count) {
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) NAME(store_f32)(out + i, NAME(load)(kind, values, i));
  if (i < count)
    NAME(store_some)(out + i, NAME(load_some)(kind, values, i, count - i), count - i);
}

static void NAME(narrow)(int kind, const float *values, void *out, size_t count) {
  if (kind == PARE_BF16) NAME(narrow_half)(PARE_BF16, values, out, count);
  else NAME(narrow_half)(PARE_F16, values, out, count);
}

static void NAME(widen)(int kind, const void *values, float *out, size_t count) {
  if (kind == PARE_BF16) NAME(widen_half)(PARE_BF16, values, out, count);
  else NAME(widen_half)(PARE_F16, values, out, count);
}
