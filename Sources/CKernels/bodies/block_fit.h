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
// of `steps` + 1 widths, `step` apart. `minimum` is that of the best so far: later
// widths start from it.
INLINE f32x16 NAME(fit_affine)(const f32x16 *x, const f32x16 *weights, int n, float top,
                               float first, float step, int steps, int by_magnitude,
                               f32x16 *codes, f32x16 *minimum) {
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
  for (int i = 0; i <= steps; i++) {
    inverse = (first + step * (float)i + top) / (high - low);
    f32x16 sum_l = 0, sum_l2 = 0, sum_xl = 0;
    for (int j = 0; j < n; j++) {
      f32x16 l = NAME(nearest)(inverse * (x[j] - low), 0, top), wl = weights[j] * l;
      tried[j] = l;
      sum_l += wl;
      sum_l2 += wl * l;
      sum_xl += wl * x[j];
    }
    f32x16 determinant = sum_w * sum_l2 - sum_l * sum_l;
    f32x16 this_scale = (sum_w * sum_xl - sum_x * sum_l) / determinant;
    f32x16 this_low = (sum_l2 * sum_x - sum_l * sum_xl) / determinant;
    i32x16 above = this_low > 0;
    this_low = above ? (f32x16)0 : this_low;
    this_scale = above ? sum_xl / sum_l2 : this_scale;
    f32x16 sum = 0;
    for (int j = 0; j < n; j++) {
      f32x16 error = this_scale * tried[j] + this_low - x[j];
      sum += weights[j] * (by_magnitude ? NAME(magnitude)(error) : error * error);
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

// `n` weights to -top...top - 1, stored from 0 up: the best of nineteen scales.
INLINE f32x16 NAME(fit_symmetric)(const f32x16 *x, const f32x16 *weights, int n, float top,
                                  f32x16 *codes) {
  f32x16 most = NAME(peaks)(x, n), scale = 0, best = 0, best_inverse = 0, weighted[32];
  for (int i = 0; i < n; i++) weighted[i] = weights[i] * x[i];
  for (int try = -10; try <= 9; try++) {
    if (try == 0) continue;
    // First the plain one.
    f32x16 inverse = (try == -10 ? -top : -(top + 0.1f * (float)try)) / most;
    f32x16 products = 0, squares = 0;
    for (int i = 0; i < n; i++) {
      f32x16 l = NAME(nearest)(inverse * x[i], -top, top - 1);
      products += weighted[i] * l;
      squares += weights[i] * l * l;
    }
    i32x16 better = (squares > 0) & (products * products > best * squares);
    if (try == -10) better = ~(i32x16)0;
    f32x16 this_scale = squares != 0 ? products / squares : (f32x16)0;
    best_inverse = better ? inverse : best_inverse;
    scale = better ? this_scale : scale;
    best = better ? this_scale * products : best;
  }
  i32x16 none = NAME(magnitude)(most) < nothing;
  for (int i = 0; i < n; i++) {
    f32x16 code = NAME(nearest)(best_inverse * x[i], -top, top - 1) + top;
    codes[i] = none ? (f32x16)0 : code;
  }
  return none ? (f32x16)0 : scale;
}

// A byte of a code: ggml keeps codes below 0, which only rounding makes, in eight bits.
INLINE f32x16 NAME(byte)(f32x16 code) {
  return __builtin_convertvector(NAME(whole)(code) & 255, f32x16);
}

// `n` numbers that are not negative to 0...top: the best of nine scales, then single
// codes moved while that makes the weighted error less.
INLINE f32x16 NAME(fit_positive)(const f32x16 *x, const f32x16 *weights, int n, float top,
                                 f32x16 *codes) {
  const float lowest = -4194303.0f;
  f32x16 most = 0, best = 0;
  for (int i = 0; i < n; i++) most = x[i] > most ? x[i] : most;
  f32x16 inverse = top / most, scale = 1 / inverse;
  for (int i = 0; i < n; i++) {
    f32x16 error = x[i] - scale * NAME(byte)(NAME(nearest)(inverse * x[i], lowest, top));
    best += weights[i] * error * error;
  }
  for (int try = -4; try <= 4; try++) {
    if (try == 0) continue;
    f32x16 this_inverse = (0.1f * (float)try + top) / most, this_scale = 1 / this_inverse, sum = 0;
    for (int i = 0; i < n; i++) {
      f32x16 error = x[i] - this_scale * NAME(nearest)(this_inverse * x[i], lowest, top);
      sum += weights[i] * error * error;
    }
    inverse = sum < best ? this_inverse : inverse;
    best = sum < best ? sum : best;
  }
  f32x16 products = 0, squares = 0;
  for (int i = 0; i < n; i++) {
    f32x16 l = NAME(nearest)(inverse * x[i], lowest, top);
    codes[i] = NAME(byte)(l);
    products += weights[i] * x[i] * l;
    squares += weights[i] * l * l;
  }
  i32x16 changed = ~(i32x16)0, none = most < nothing;
  for (int round = 0; round < 5 && NAME(any)(changed); round++) {
    changed = 0;
    for (int i = 0; i < n; i++) {
      f32x16 w = weights[i], l = codes[i];
      f32x16 p = products - w * x[i] * l, s = squares - w * l * l;
      f32x16 moved = NAME(nearest)(x[i] * s / p, lowest, top);
      i32x16 moves = (p > 0) & (s > 0) & (moved != l);
      p += w * x[i] * moved;
      s += w * moved * moved;
      moves &= p * p * squares > products * products * s;
      codes[i] = moves ? NAME(byte)(moved) : l;
      products = moves ? p : products;
      squares = moves ? s : squares;
      changed |= moves;
    }
  }
  for (int i = 0; i < n; i++) codes[i] = none ? (f32x16)0 : codes[i];
  return (~none & (squares > 0)) ? products / squares : (f32x16)0;
}
