// Scales of sixteen groups of weights at a time, a group a lane: each lane's sums run
// in the order of its weights, as ggml's do, so that bytes are its bytes. `x[i]` has
// the i-th weight of every group.

// To the nearest integer, ties to even, held to `low`...`high`; NaN gives `low`. The
// bounds are whole and small, so that adding 1.5·2²³ rounds.
INLINE f32x16 NAME(nearest)(f32x16 value, float low, float high) {
  const f32x16 magic = 12582912.0f;
  value = value > low ? value : (f32x16)low;
  value = value >= high ? (f32x16)high : value;
  return value + magic - magic;
}

INLINE i32x16 NAME(whole)(f32x16 value) { return __builtin_convertvector(value, i32x16); }

INLINE f32x16 NAME(magnitude)(f32x16 value) {
  return NAME(as_f32)(NAME(as_i32)(value) & MAGNITUDE);
}

INLINE int NAME(any)(i32x16 truth) { return NAME(bits)(truth != 0) != 0; }

// Sixteen groups of `n` neighbours, turned.
INLINE void NAME(turn)(const float *values, int n, f32x16 *x) {
  float turned[LANES];
  for (int i = 0; i < n; i++) {
    for (int lane = 0; lane < LANES; lane++) turned[lane] = values[lane * n + i];
    x[i] = NAME(load_f32)(turned);
  }
}

INLINE void NAME(turn_back)(const f32x16 *codes, int n, uint8_t *out) {
  for (int i = 0; i < n; i++) {
    float turned[LANES];
    NAME(store_f32)(turned, codes[i]);
    for (int lane = 0; lane < LANES; lane++) out[lane * n + i] = (uint8_t)turned[lane];
  }
}

// The value of largest magnitude, the first of several, with its sign.
INLINE f32x16 NAME(peaks)(const f32x16 *x, int n) {
  f32x16 most = 0, value = 0;
  for (int i = 0; i < n; i++) {
    f32x16 magnitude = NAME(magnitude)(x[i]);
    i32x16 more = most < magnitude;
    most = more ? magnitude : most;
    value = more ? x[i] : value;
  }
  return value;
}

// Scale and minimum of least weighted error, by least squares for the codes of each
// of `steps` + 1 widths. `minimum` is that of the best so far: later widths start
// from it.
INLINE f32x16 NAME(fit_affine)(const f32x16 *x, const f32x16 *weights, int n, float top,
                               float first, int steps, int by_magnitude, f32x16 *codes,
                               f32x16 *minimum) {
  f32x16 low = x[0], high = x[0], sum_w = 0, sum_x = 0, tried[32];
  for (int i = 0; i < n; i++) {
    low = x[i] < low ? x[i] : low;
    high = x[i] > high ? x[i] : high;
    sum_w += weights[i];
    sum_x += weights[i] * x[i];
  }
  low = low > 0 ? (f32x16)0 : low;
  i32x16 flat = high == low;
  f32x16 start = low, inverse = top / (high - low), scale = 1 / inverse, least = 0;
  // What the best codes come from.
  f32x16 best_inverse = inverse, best_low = low;
  for (int i = 0; i < n; i++) {
    f32x16 error = scale * NAME(nearest)(inverse * (x[i] - low), 0, top) + low - x[i];
    least += weights[i] * (by_magnitude ? NAME(magnitude)(error) : error * error);
  }
  for (int step = 0; step <= steps; step++) {
    inverse = (first + 0.1f * (float)step + top) / (high - low);
    f32x16 sum_l = 0, sum_l2 = 0, sum_xl = 0;
    for (int i = 0; i < n; i++) {
      f32x16 l = NAME(nearest)(inverse * (x[i] - low), 0, top), wl = weights[i] * l;
      tried[i] = l;
      sum_l += wl;
      sum_l2 += wl * l;
      sum_xl += wl * x[i];
    }
    f32x16 determinant = sum_w * sum_l2 - sum_l * sum_l;
    f32x16 this_scale = (sum_w * sum_xl - sum_x * sum_l) / determinant;
    f32x16 this_low = (sum_l2 * sum_x - sum_l * sum_xl) / determinant;
    i32x16 above = this_low > 0;
    this_low = above ? (f32x16)0 : this_low;
    this_scale = above ? sum_xl / sum_l2 : this_scale;
    f32x16 sum = 0;
    for (int i = 0; i < n; i++) {
      f32x16 error = this_scale * tried[i] + this_low - x[i];
      sum += weights[i] * (by_magnitude ? NAME(magnitude)(error) : error * error);
    }
    i32x16 better = (determinant > 0) & (sum < least);
    best_inverse = better ? inverse : best_inverse;
    best_low = better ? low : best_low;
    least = better ? sum : least;
    scale = better ? this_scale : scale;
    low = better ? this_low : low;
  }
  *minimum = -(flat ? start : low);
  for (int i = 0; i < n; i++) {
    f32x16 code = NAME(nearest)(best_inverse * (x[i] - best_low), 0, top);
    codes[i] = flat ? (f32x16)0 : code;
  }
  return flat ? (f32x16)0 : scale;
}

// Sixteen weights to -4...3, stored from 0 up: codes of least error weighed by the
// square, then single codes moved while that makes the error less.
INLINE f32x16 NAME(fit_q3_k)(const f32x16 *x, f32x16 *codes) {
  f32x16 most = NAME(peaks)(x, 16), products = 0, squares = 0, inverse = -4.0f / most;
  for (int i = 0; i < 16; i++) {
    f32x16 l = NAME(nearest)(inverse * x[i], -4, 3), w = x[i] * x[i];
    codes[i] = l;
    products += w * x[i] * l;
    squares += w * l * l;
  }
  i32x16 changed = ~(i32x16)0;
  // A lane that has not changed in a round changes in none after it.
  for (int round = 0; round < 5 && NAME(any)(changed); round++) {
    changed = 0;
    for (int i = 0; i < 16; i++) {
      f32x16 l = codes[i], w = x[i] * x[i];
      f32x16 p = products - w * x[i] * l, s = squares - w * l * l;
      f32x16 moved = NAME(nearest)(x[i] * s / p, -4, 3);
      i32x16 moves = (p > 0) & (moved != l);
      p += w * x[i] * moved;
      s += w * moved * moved;
      moves &= (s > 0) & (p * p * squares > products * products * s);
      codes[i] = moves ? moved : l;
      products = moves ? p : products;
      squares = moves ? s : squares;
      changed |= moves;
    }
  }
  i32x16 none = NAME(magnitude)(most) < nothing;
  for (int i = 0; i < 16; i++) codes[i] = none ? (f32x16)0 : codes[i] + 4;
  return (~none & (squares > 0)) ? products / squares : (f32x16)0;
}

// Sixteen weights to -32...31, stored from 0 up: the best of nineteen scales, the
// error weighed by the square.
INLINE f32x16 NAME(fit_q6_k)(const f32x16 *x, f32x16 *codes) {
  f32x16 most = NAME(peaks)(x, 16), scale = 0, best = 0, best_inverse = 0, squared[16], cubed[16];
  for (int i = 0; i < 16; i++) {
    squared[i] = x[i] * x[i];
    cubed[i] = squared[i] * x[i];
  }
  for (int try = -10; try <= 9; try++) {
    if (try == 0) continue;
    // First the plain one.
    f32x16 inverse = (try == -10 ? -32.0f : -(32.0f + 0.1f * (float)try)) / most;
    f32x16 products = 0, squares = 0;
    for (int i = 0; i < 16; i++) {
      f32x16 l = NAME(nearest)(inverse * x[i], -32, 31);
      products += cubed[i] * l;
      squares += squared[i] * l * l;
    }
    i32x16 better = (squares > 0) & (products * products > best * squares);
    if (try == -10) better = ~(i32x16)0;
    f32x16 this_scale = squares != 0 ? products / squares : (f32x16)0;
    best_inverse = better ? inverse : best_inverse;
    scale = better ? this_scale : scale;
    best = better ? this_scale * products : best;
  }
  i32x16 none = NAME(magnitude)(most) < nothing;
  for (int i = 0; i < 16; i++) {
    f32x16 code = NAME(nearest)(best_inverse * x[i], -32, 31) + 32;
    codes[i] = none ? (f32x16)0 : code;
  }
  return none ? (f32x16)0 : scale;
}
