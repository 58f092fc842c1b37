INLINE f64x8 NAME(load_f64)(const double *from) {
  f64x8 values;
  memcpy(&values, from, sizeof values);
  return values;
}

INLINE double NAME(sum_f64)(f64x8 lanes) {
  f64x4 four = lanes.lo + lanes.hi;
  return (four[0] + four[2]) + (four[1] + four[3]);
}

INLINE float NAME(lane_sum)(f32x16 lanes) {
  f32x8 eight = lanes.lo + lanes.hi;
  f32x4 four = eight.lo + eight.hi;
  return (four[0] + four[2]) + (four[1] + four[3]);
}

// Four rows of a by four of b: each value that is read is used four times.
static void NAME(subtract_rows)(
    size_t m, size_t n, size_t k, const double *a, size_t a_stride, const double *b,
    size_t b_stride, double *c, size_t c_stride) {
  for (size_t i = 0; i < m; i += 4) {
    for (size_t j = 0; j < n; j += 4) {
      size_t rows = smaller(4, m - i), columns = smaller(4, n - j), l = 0;
      const double *x[4], *y[4];
      for (size_t q = 0; q < 4; q++) {
        x[q] = a + (i + smaller(q, rows - 1)) * a_stride;
        y[q] = b + (j + smaller(q, columns - 1)) * b_stride;
      }
      f64x8 sums[4][4] = {0};
      for (; l + 8 <= k; l += 8) {
        f64x8 of_a[4], of_b[4];
        for (size_t q = 0; q < 4; q++) {
          of_a[q] = NAME(load_f64)(x[q] + l);
          of_b[q] = NAME(load_f64)(y[q] + l);
        }
        for (size_t q = 0; q < 4; q++) {
          for (size_t r = 0; r < 4; r++) {
            sums[q][r] = __builtin_elementwise_fma(of_a[q], of_b[r], sums[q][r]);
          }
        }
      }
      for (size_t q = 0; q < rows; q++) {
        for (size_t r = 0; r < columns; r++) {
          double rest = 0;
          for (size_t p = l; p < k; p++) rest += x[q][p] * y[r][p];
          c[(i + q) * c_stride + j + r] -= NAME(sum_f64)(sums[q][r]) + rest;
        }
      }
    }
  }
}

// Sixteen rows of a block, a column of them in a vector.
INLINE void NAME(take_rows)(
    size_t columns, size_t rows, const float *from, size_t stride, f32x16 *into) {
  float *lanes = (float *)into;
  for (size_t row = 0; row < LANES; row++) {
    for (size_t j = 0; j < columns; j++) {
      lanes[j * LANES + row] = row < rows ? from[row * stride + j] : 0;
    }
  }
}

INLINE void NAME(give_rows)(
    size_t columns, size_t rows, const f32x16 *from, float *into, size_t stride) {
  const float *lanes = (const float *)from;
  for (size_t row = 0; row < rows; row++) {
    for (size_t j = 0; j < columns; j++) into[row * stride + j] = lanes[j * LANES + row];
  }
}

// Adds the difference of column j to the sums of the columns from `first` on, before j.
INLINE void NAME(pass_on)(
    const pare_walk_block *block, size_t j, size_t first, f32x16 difference, f32x16 *sums) {
  const float *factor = block->factor + j * block->stride;
  for (size_t k = first; k < j; k++) {
    sums[k] = __builtin_elementwise_fma(difference, (f32x16)factor[k], sums[k]);
  }
}

// The scores of columns `first` to `end`, if those before in the walk are as they are.
INLINE void NAME(score)(
    const pare_walk_block *block, size_t first, size_t end, const f32x16 *weights,
    const f32x16 *sums, f32x16 *scores) {
  f32x16 moved[PARE_WALK_COLUMNS];
  for (size_t j = first; j < end; j++) moved[j] = sums[j];
  for (size_t j = end; j-- > first;) {
    float own = block->factor[j * block->stride + j];
    f32x16 lost = weights[j] * own + moved[j];
    scores[j] = lost * lost;
    NAME(pass_on)(block, j, first, -moved[j] / own, moved);
  }
}

static void NAME(walk_scores)(
    const pare_walk_block *block, size_t rows, const float *weights, const float *sums,
    size_t row_stride, float *scores) {
  f32x16 w[PARE_WALK_COLUMNS], s[PARE_WALK_COLUMNS], lost[PARE_WALK_COLUMNS];
  NAME(take_rows)(block->columns, rows, weights, row_stride, w);
  NAME(take_rows)(block->columns, rows, sums, row_stride, s);
  NAME(score)(block, 0, block->columns, w, s, lost);
  NAME(give_rows)(block->columns, rows, lost, scores, row_stride);
}

// Of columns `first` to `end` leaves the n that stay and have the highest scores, of equal ones the
// first.
INLINE void NAME(choose)(size_t first, size_t end, size_t n, f32x16 *scores, i32x16 *stays) {
  for (size_t j = first; j < end; j++) scores[j] = stays[j] ? scores[j] : (f32x16)-1.0f;
  for (size_t j = first; j < end; j++) {
    i32x16 before = 0;
    for (size_t k = first; k < end; k++) {
      before -= k < j ? scores[k] >= scores[j] : scores[k] > scores[j];
    }
    stays[j] &= before < (int32_t)n;
  }
}

// A number of a group for each of some rows.
INLINE f32x16 NAME(of_rows)(
    const pare_walk_grid *grid, const float *numbers, size_t j, size_t rows, float other) {
  const float *from = numbers + grid->groups[j] * grid->stride;
  if (rows == LANES) return NAME(load_f32)(from);
  f32x16 lanes = (f32x16)0 + other;
  for (size_t row = 0; row < rows; row++) lanes[row] = from[row];
  return lanes;
}

INLINE f32x16 NAME(nearest)(const pare_walk_grid *grid, size_t j, size_t rows, f32x16 w) {
  f32x16 scale = NAME(of_rows)(grid, grid->scales, j, rows, 1);
  if (grid->minima) {
    f32x16 minimum = NAME(of_rows)(grid, grid->minima, j, rows, 0);
    // Where the scale is 0, all codes are alike.
    f32x16 code = scale == 0 ? (f32x16)0 : (w - minimum) / scale;
    if (grid->level_count) {
      f32x16 level = (f32x16)0 + grid->levels[0];
      for (size_t i = 1; i < grid->level_count; i++) {
        float middle = (grid->levels[i - 1] + grid->levels[i]) / 2;
        level = code > middle ? (f32x16)0 + grid->levels[i] : level;
      }
      return level * scale + minimum;
    }
    code = code < grid->low ? (f32x16)0 + grid->low : code;
    code = code > grid->high ? (f32x16)0 + grid->high : code;
    return __builtin_elementwise_rint(code) * scale + minimum;
  }
  f32x16 zero = NAME(of_rows)(grid, grid->zeros, j, rows, 0);
  f32x16 low = grid->low - zero, high = grid->high - zero;
  f32x16 code = w / scale;
  code = code < low ? low : code;
  code = code > high ? high : code;
  // As quantize.h does it: 0 is added so that there is no −0.
  return __builtin_elementwise_rint(code) * scale + (f32x16)0.0f;
}

static void NAME(walk)(
    const pare_walk_block *block, size_t rows, const float *weights, const float *sums,
    size_t row_stride, const uint8_t *kept, size_t n, size_t m, const pare_walk_grid *grid,
    float *results, float *differences) {
  size_t columns = block->columns;
  f32x16 w[PARE_WALK_COLUMNS], s[PARE_WALK_COLUMNS], q[PARE_WALK_COLUMNS];
  f32x16 scores[PARE_WALK_COLUMNS];
  i32x16 stays[PARE_WALK_COLUMNS];
  NAME(take_rows)(columns, rows, weights, row_stride, w);
  NAME(take_rows)(columns, rows, sums, row_stride, s);
  for (size_t j = 0; j < columns; j++) {
    stays[j] = -1;
    if (!kept) continue;
    for (size_t row = 0; row < rows; row++) stays[j][row] = kept[row * row_stride + j] ? -1 : 0;
  }
  for (size_t j = columns; j-- > 0;) {
    if (m && (columns - 1 - j) % m == 0) {
      size_t first = j + 1 > m ? j + 1 - m : 0, length = j + 1 - first;
      NAME(score)(block, first, j + 1, w, s, scores);
      NAME(choose)(first, j + 1, (n * length + m - 1) / m, scores, stays);
    }
    float own = block->factor[j * block->stride + j];
    f32x16 best = w[j] + s[j] / own;
    f32x16 value = grid ? NAME(nearest)(grid, j, rows, best) : best;
    q[j] = stays[j] ? value : (f32x16)0.0f;
    f32x16 difference = w[j] - q[j];
    w[j] = difference;
    NAME(pass_on)(block, j, 0, difference, s);
  }
  NAME(give_rows)(columns, rows, q, results, row_stride);
  NAME(give_rows)(columns, rows, w, differences, row_stride);
}

static void NAME(solve_rows)(
    const pare_walk_block *block, int back, size_t rows, float *values, size_t row_stride) {
  f32x16 x[PARE_WALK_COLUMNS];
  size_t columns = block->columns;
  NAME(take_rows)(columns, rows, values, row_stride, x);
  for (size_t i = 0; i < columns; i++) {
    size_t j = back ? columns - 1 - i : i;
    const float *factor = block->factor + j * block->stride;
    if (!back)
      for (size_t k = 0; k < j; k++)
        x[j] = __builtin_elementwise_fma(-x[k], (f32x16)factor[k], x[j]);
    x[j] /= factor[j];
    if (back) NAME(pass_on)(block, j, 0, -x[j], x);
  }
  NAME(give_rows)(columns, rows, x, values, row_stride);
}

// MARK: Scales of groups

// What a scale costs, and the sums from which the best scale for its codes follows.
typedef struct {
  float error, products, squares;
} NAME(cost);

INLINE NAME(cost) NAME(cost_of)(
    const float *weights, const float *importance, size_t count, float scale, float zero, float low,
    float high) {
  f32x16 error = (f32x16)0, products = (f32x16)0, squares = (f32x16)0;
  for (size_t i = 0; i < count; i += LANES) {
    size_t some = smaller(count - i, LANES);
    f32x16 w = some == LANES ? NAME(load_f32)(weights + i)
                             : NAME(load_some)(PARE_F32, weights, i, some);
    f32x16 h = some == LANES ? (f32x16)1 : __builtin_convertvector(-NAME(first)(some), f32x16);
    if (importance)
      h = some == LANES ? NAME(load_f32)(importance + i)
                        : NAME(load_some)(PARE_F32, importance, i, some);
    f32x16 code = w / scale;
    code = code < low - zero ? (f32x16)(low - zero) : code;
    code = code > high - zero ? (f32x16)(high - zero) : code;
    code = __builtin_elementwise_rint(code);
    f32x16 rest = w - code * scale;
    error += h * rest * rest;
    products += h * w * code;
    squares += h * code * code;
  }
  return (NAME(cost)){NAME(lane_sum)(error), NAME(lane_sum)(products), NAME(lane_sum)(squares)};
}

// Keeps a scale and a zero whose error is less than the best one's.
INLINE NAME(cost) NAME(try_scale)(
    const float *weights, const float *importance, size_t count, float scale, float zero, float low,
    float high, float *best, float *best_scale, float *best_zero) {
  NAME(cost) cost = NAME(cost_of)(weights, importance, count, scale, zero, low, high);
  if (cost.error < *best) {
    *best = cost.error;
    *best_scale = scale;
    *best_zero = zero;
  }
  return cost;
}

static void NAME(fit_groups)(
    const float *weights, const float *importance, size_t count, size_t group, int is_symmetric,
    int low, int high, int steps, float *scales, int32_t *zeros) {
  for (size_t first = 0; first < count; first += group, scales++, zeros++) {
    size_t some = smaller(group, count - first);
    const float *w = weights + first, *h = importance ? importance + first : NULL;
    float least = 0, most = 0;
    for (size_t i = 0; i < some; i++) {
      least = w[i] < least ? w[i] : least;
      most = w[i] > most ? w[i] : most;
    }
    *scales = 1;
    *zeros = 0;
    if (!(most > least)) continue;
    float largest = most > -least ? most : -least, best = __builtin_inff();
    float best_scale = 1, best_zero = 0;
#define TRY(scale, zero)                                                                     \
  NAME(try_scale)(w, h, some, scale, zero, (float)low, (float)high, &best, &best_scale, &best_zero)
    for (int step = 0; step < steps; step++) {
      float share = 1 - (float)step / 100;
      float scale = is_symmetric ? largest * share / (float)high
                                 : (most - least) * share / (float)(high - low);
      if (!(scale > 0)) break;
      float zero = is_symmetric ? 0 : __builtin_rintf((float)low - least * share / scale);
      // The scale that suits the codes of this one may have better codes.
      for (int again = 0; again < 3; again++) {
        NAME(cost) cost = TRY(scale, zero);
        float next = cost.products / cost.squares;
        if (steps == 1 || !(next > 0) || next == scale || __builtin_isinf(next)) break;
        scale = next;
      }
    }
    // One end may be worth more than the other: other zeros, with scales about the best.
    float middle = best_scale, first_zero = best_zero;
    for (int away = -2; !is_symmetric && steps > 1 && away <= 2; away++) {
      float zero = first_zero + (float)away;
      if (zero < (float)low || zero > (float)high) continue;
      for (int step = 0; step < 24; step++) TRY(middle * (0.76f + 0.02f * (float)step), zero);
    }
#undef TRY
    *scales = best_scale;
    *zeros = (int32_t)best_zero;
  }
}
