// Sums over fewer values than this are kept in f32 lanes, longer ones in f64.
enum { NAME(run) = 1024 };

INLINE f32x16 NAME(take)(const float *values, size_t i, size_t count) {
  return count - i >= LANES ? NAME(load_f32)(values + i)
                            : NAME(load_some)(PARE_F32, values, i, count - i);
}

INLINE void NAME(give)(float *out, size_t i, size_t count, f32x16 x) {
  if (count - i >= LANES) NAME(store_f32)(out + i, x);
  else NAME(store_some)(out + i, x, count - i);
}

INLINE i32x16 NAME(present)(size_t i, size_t count) {
  return count - i >= LANES ? (i32x16)(-1) : NAME(first)(count - i);
}

INLINE f32x16 NAME(magnitude)(f32x16 x) {
  return NAME(as_f32)(NAME(as_i32)(x) & MAGNITUDE);
}

INLINE i32x16 NAME(is_finite)(f32x16 x) {
  return (NAME(as_i32)(x) & MAGNITUDE) < INFINITE;
}

static void NAME(measure_group)(const float *values, size_t count, pare_group *out) {
  f32x16 low = __builtin_inff(), high = -__builtin_inff();
  f64x16 magnitudes = 0, squares = 0;
  *out = (pare_group){0};
  for (size_t i = 0; i < count; i += LANES) {
    f32x16 x = NAME(take)(values, i, count);
    i32x16 taken = NAME(is_finite)(x) & NAME(present)(i, count);
    out->finite += (uint64_t)__builtin_popcount(NAME(bits)(taken));
    out->zero += (uint64_t)__builtin_popcount(NAME(bits)((x == 0) & taken));
    f32x16 smaller = x < low ? x : low, larger = x > high ? x : high;
    low = taken ? smaller : low;
    high = taken ? larger : high;
    f64x16 wide = __builtin_convertvector(taken ? NAME(magnitude)(x) : (f32x16)0.0f, f64x16);
    magnitudes += wide;
    squares = __builtin_elementwise_fma(wide, wide, squares);
  }
  out->minimum = NAME(smallest)(low);
  out->maximum = NAME(largest)(high);
  out->sum_magnitude = NAME(sum)(magnitudes);
  out->sum_squares = NAME(sum)(squares);
}

INLINE f32x16 NAME(clamp)(f32x16 x, float low, float high) {
  x = x < (f32x16)low ? (f32x16)low : x;
  return x > (f32x16)high ? (f32x16)high : x;
}

// Differences in f64 of the lanes that are taken, 0 in the others.
INLINE f64x16 NAME(difference)(f32x16 x, f32x16 y, i32x16 taken) {
  f32x16 first = taken ? x : (f32x16)0.0f, second = taken ? y : (f32x16)0.0f;
  return __builtin_convertvector(first, f64x16) - __builtin_convertvector(second, f64x16);
}

// The bounds are whole numbers, so clamping first rounds to the same code.
static double NAME(quantize)(const float *values, size_t count, float scale, float zero,
                             float low, float high, float *out) {
  f64x16 error = 0;
  for (size_t i = 0; i < count; i += LANES) {
    f32x16 x = NAME(take)(values, i, count);
    f32x16 code = NAME(clamp)(x / (f32x16)scale, low - zero, high - zero);
    // Adding 0 turns -0 into 0, which is what the code gives back.
    f32x16 y = __builtin_elementwise_rint(code) * (f32x16)scale + (f32x16)0.0f;
    i32x16 taken = NAME(is_finite)(x) & NAME(present)(i, count);
    f64x16 d = NAME(difference)(x, y, taken);
    error = __builtin_elementwise_fma(d, d, error);
    if (out) NAME(give)(out, i, count, y);
  }
  return NAME(sum)(error);
}

static void NAME(fit_scale)(const float *values, size_t count, float scale, float zero, float low,
                            float high, pare_fit *out) {
  f64x16 error = 0, products = 0, squares = 0;
  for (size_t i = 0; i < count; i += LANES) {
    f32x16 x = NAME(take)(values, i, count);
    f32x16 code = __builtin_elementwise_rint(
        NAME(clamp)(x / (f32x16)scale, low - zero, high - zero));
    i32x16 taken = NAME(is_finite)(x) & NAME(present)(i, count);
    f32x16 y = code * (f32x16)scale;
    f64x16 d = NAME(difference)(x, y, taken);
    f64x16 w = __builtin_convertvector(taken ? x : (f32x16)0.0f, f64x16);
    f64x16 c = __builtin_convertvector(taken ? code : (f32x16)0.0f, f64x16);
    error = __builtin_elementwise_fma(d, d, error);
    products = __builtin_elementwise_fma(w, c, products);
    squares = __builtin_elementwise_fma(c, c, squares);
  }
  *out = (pare_fit){NAME(sum)(error), NAME(sum)(products), NAME(sum)(squares)};
}

// One factor over one run: the values are in the first cache by then.
INLINE double NAME(run_error)(const float *values, size_t count, float scale, float low,
                              float high) {
  const f32x16 reciprocal = 1.0f / scale;
  f32x16 error = 0;
  for (size_t i = 0; i < count; i += LANES) {
    f32x16 x = NAME(take)(values, i, count);
    f32x16 code = __builtin_elementwise_rint(NAME(clamp)(x * reciprocal, low, high));
    f32x16 d = __builtin_elementwise_fma(code, (f32x16)(-scale), x);
    i32x16 taken = NAME(is_finite)(x) & NAME(present)(i, count);
    d = taken ? d : (f32x16)0.0f;
    error = __builtin_elementwise_fma(d, d, error);
  }
  return NAME(sum)(__builtin_convertvector(error, f64x16));
}

static void NAME(scale_errors)(const float *values, size_t count, float scale, float zero,
                               float low, float high, const float *factor, size_t factors,
                               double *errors) {
  for (size_t start = 0; start < count; start += NAME(run)) {
    size_t some = count - start < NAME(run) ? count - start : NAME(run);
    for (size_t f = 0; f < factors; f++)
      errors[f] += NAME(run_error)(values + start, some, scale * factor[f], low - zero,
                                   high - zero);
  }
}

// The same weighed: the importances of a run are in the first cache too.
INLINE double NAME(run_weighted_error)(const float *values, const float *weights, size_t count,
                                       float scale, float low, float high) {
  const f32x16 reciprocal = 1.0f / scale;
  f32x16 error = 0;
  for (size_t i = 0; i < count; i += LANES) {
    f32x16 x = NAME(take)(values, i, count);
    f32x16 h = weights ? NAME(take)(weights, i, count) : (f32x16)1.0f;
    f32x16 code = __builtin_elementwise_rint(NAME(clamp)(x * reciprocal, low, high));
    f32x16 d = __builtin_elementwise_fma(code, (f32x16)(-scale), x);
    error = __builtin_elementwise_fma(d * d, h, error);
  }
  return NAME(sum)(__builtin_convertvector(error, f64x16));
}

// Lanes past the end hold 0, whose code is 0: 0 is among the codes.
static void NAME(weighted_errors)(const float *values, const float *weights, size_t count,
                                  float low, float high, const float *scale, size_t scales,
                                  double *errors) {
  for (size_t start = 0; start < count; start += NAME(run)) {
    size_t some = count - start < NAME(run) ? count - start : NAME(run);
    for (size_t s = 0; s < scales; s++)
      errors[s] += weights ? NAME(run_weighted_error)(values + start, weights + start, some,
                                                      scale[s], low, high)
                           : NAME(run_weighted_error)(values + start, NULL, some, scale[s], low,
                                                      high);
  }
}

static double NAME(ternarize)(const float *values, size_t count, float scale, float threshold,
                              float *out) {
  f64x16 error = 0;
  for (size_t i = 0; i < count; i += LANES) {
    f32x16 x = NAME(take)(values, i, count);
    f32x16 y = x < 0 ? (f32x16)(-scale) : (f32x16)scale;
    y = NAME(magnitude)(x) > (f32x16)threshold ? y : (f32x16)0.0f;
    i32x16 taken = NAME(is_finite)(x) & NAME(present)(i, count);
    f64x16 d = NAME(difference)(x, y, taken);
    error = __builtin_elementwise_fma(d, d, error);
    if (out) NAME(give)(out, i, count, y);
  }
  return NAME(sum)(error);
}

INLINE uint64_t NAME(lanes_in)(i32x16 mask) {
  return (uint64_t)__builtin_popcount(NAME(bits)(mask));
}

// Adds the lanes where a NaN or an infinity stands; rarely called.
INLINE void NAME(count_rare)(f32x16 x, f32x16 y, i32x16 here, pare_difference *out) {
  i32x16 first = NAME(as_i32)(x) & MAGNITUDE, second = NAME(as_i32)(y) & MAGNITUDE;
  i32x16 nan_first = (first > INFINITE) & here, nan_second = (second > INFINITE) & here;
  i32x16 infinite_first = (first == INFINITE) & here;
  i32x16 infinite_second = (second == INFINITE) & here;
  out->nan_first += NAME(lanes_in)(nan_first);
  out->nan_second += NAME(lanes_in)(nan_second);
  out->nan_both += NAME(lanes_in)(nan_first & nan_second);
  out->infinite_first += NAME(lanes_in)(infinite_first);
  out->infinite_second += NAME(lanes_in)(infinite_second);
  out->infinite_both += NAME(lanes_in)(infinite_first & (x == y));
}

static void NAME(compare)(const float *first, const float *second, size_t count,
                          pare_difference *out) {
  f64x16 dd = 0, aa = 0, bb = 0, ab = 0;
  f32x16 largest = 0;
  *out = (pare_difference){0};
  for (size_t i = 0; i < count; i += LANES) {
    f32x16 x = NAME(take)(first, i, count), y = NAME(take)(second, i, count);
    i32x16 here = NAME(present)(i, count);
    i32x16 taken = NAME(is_finite)(x) & NAME(is_finite)(y) & here;
    out->different += NAME(lanes_in)((x != y) & ((x == x) | (y == y)) & here);
    if (NAME(bits)(~taken & here)) NAME(count_rare)(x, y, here, out);
    x = taken ? x : (f32x16)0.0f;
    y = taken ? y : (f32x16)0.0f;
    f32x16 difference = NAME(magnitude)(x - y);
    largest = difference > largest ? difference : largest;
    f64x16 a = __builtin_convertvector(x, f64x16), b = __builtin_convertvector(y, f64x16);
    f64x16 d = a - b;
    dd = __builtin_elementwise_fma(d, d, dd);
    aa = __builtin_elementwise_fma(a, a, aa);
    bb = __builtin_elementwise_fma(b, b, bb);
    ab = __builtin_elementwise_fma(a, b, ab);
  }
  out->difference_squares = NAME(sum)(dd);
  out->first_squares = NAME(sum)(aa);
  out->second_squares = NAME(sum)(bb);
  out->product = NAME(sum)(ab);
  out->maximum_difference = NAME(largest)(largest);
}

static void NAME(add_magnitudes)(const float *row, size_t count, float *sums, float *maxima) {
  for (size_t i = 0; i < count; i += LANES) {
    f32x16 x = NAME(magnitude)(NAME(take)(row, i, count));
    x = x == x ? x : (f32x16)0.0f;
    f32x16 most = NAME(take)(maxima, i, count);
    NAME(give)(sums, i, count, NAME(take)(sums, i, count) + x);
    NAME(give)(maxima, i, count, x > most ? x : most);
  }
}
