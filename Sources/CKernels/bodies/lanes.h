// Loads, stores and tests of sixteen lanes, compiled once a level.

INLINE f32x16 NAME(as_f32)(i32x16 bits) {
  f32x16 values;
  memcpy(&values, &bits, sizeof values);
  return values;
}

INLINE i32x16 NAME(as_i32)(f32x16 values) {
  i32x16 bits;
  memcpy(&bits, &values, sizeof bits);
  return bits;
}

INLINE f32x16 NAME(load_f32)(const float *from) {
  f32x16 values;
  memcpy(&values, from, sizeof values);
  return values;
}

INLINE void NAME(prefetch)(const void *values, size_t bytes) {
  for (size_t i = 0; i < bytes; i += 64) FETCH((const char *)values + i);
}

INLINE void NAME(store_f32)(float *to, f32x16 values) { memcpy(to, &values, sizeof values); }

// Past the caches, to a 64-byte boundary.
INLINE void NAME(stream_f32)(float *to, f32x16 values) {
  __builtin_nontemporal_store(values, (f32x16 *)to);
}

// What was stored past the caches is seen by all before what is stored next.
INLINE void NAME(drain)(void) {
#ifdef PARE_X86
  __builtin_ia32_sfence();
#endif
}

// f16 to f32 exactly: the exponent is moved by a product, which also makes
// subnormals normal; infinities and NaNs get their exponent back.
INLINE f32x16 NAME(widen_f16)(i32x16 half) {
  i32x16 magnitude = (half & 0x7fff) << 13;
  f32x16 scaled = NAME(as_f32)(magnitude) * 0x1p112f;
  i32x16 special = (magnitude >= (0x7c00 << 13)) & INFINITE;
  i32x16 finite = NAME(as_i32)(scaled);
  i32x16 bits = special != 0 ? (magnitude | special) : finite;
  return NAME(as_f32)(bits | (half & 0x8000) << 16);
}

INLINE f32x16 NAME(load)(int kind, const void *values, size_t index) {
  if (kind == PARE_F32) return NAME(load_f32)((const float *)values + index);
  u16x16 half;
  memcpy(&half, (const uint16_t *)values + index, sizeof half);
  i32x16 wide = __builtin_convertvector(half, i32x16);
  return kind == PARE_BF16 ? NAME(as_f32)(wide << 16) : NAME(widen_f16)(wide);
}

// Fewer than sixteen values, the other lanes 0.
INLINE f32x16 NAME(load_some)(int kind, const void *values, size_t index, size_t some) {
  size_t size = kind == PARE_F32 ? 4 : 2;
  float padded[LANES] = {0};
  memcpy(padded, (const char *)values + index * size, some * size);
  return NAME(load)(kind, padded, 0);
}

INLINE void NAME(store_some)(float *to, f32x16 values, size_t some) {
  float padded[LANES];
  NAME(store_f32)(padded, values);
  memcpy(to, padded, some * sizeof(float));
}

// One bit a lane, from a comparison.
INLINE uint32_t NAME(bits)(i32x16 comparison) {
  b1x16 truth = __builtin_convertvector(comparison, b1x16);
  uint16_t bits;
  memcpy(&bits, &truth, sizeof bits);
  return bits;
}

// All bits of a lane set where its bit is.
INLINE i32x16 NAME(spread)(uint32_t bits) {
#if LEVEL == 2
  uint16_t narrow = (uint16_t)bits;
  b1x16 truth;
  memcpy(&truth, &narrow, sizeof truth);
  return -__builtin_convertvector(truth, i32x16);
#else
  const i32x16 lane = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512,
                       1024, 2048, 4096, 8192, 16384, 32768};
  return ((i32x16)((int32_t)bits) & lane) != 0;
#endif
}

INLINE i32x16 NAME(first)(size_t some) { return NAME(spread)((1u << some) - 1); }

// Lanes added in a fixed tree.
INLINE double NAME(sum)(f64x16 lanes) {
  double halves[LANES];
  memcpy(halves, &lanes, sizeof halves);
  f64x8 eight, upper8;
  memcpy(&eight, halves, sizeof eight);
  memcpy(&upper8, halves + 8, sizeof upper8);
  eight += upper8;
  f64x4 four = eight.lo + eight.hi;
  return (four[0] + four[2]) + (four[1] + four[3]);
}

// The smallest of lanes that are numbers; of zeros either.
INLINE float NAME(smallest)(f32x16 lanes) {
  f32x8 eight = lanes.hi < lanes.lo ? lanes.hi : lanes.lo;
  f32x4 four = eight.hi < eight.lo ? eight.hi : eight.lo;
  float even = four[2] < four[0] ? four[2] : four[0];
  float odd = four[3] < four[1] ? four[3] : four[1];
  return odd < even ? odd : even;
}

INLINE float NAME(largest)(f32x16 lanes) {
  f32x8 eight = lanes.hi > lanes.lo ? lanes.hi : lanes.lo;
  f32x4 four = eight.hi > eight.lo ? eight.hi : eight.lo;
  float even = four[2] > four[0] ? four[2] : four[0];
  float odd = four[3] > four[1] ? four[3] : four[1];
  return odd > even ? odd : even;
}

INLINE uint32_t NAME(bits32)(i16x32 comparison) {
  b1x32 truth = __builtin_convertvector(comparison, b1x32);
  uint32_t bits;
  memcpy(&bits, &truth, sizeof bits);
  return bits;
}
