#include "training.h"

#include <math.h>

#include "decoder.h"
#include "sixteen.h"

#define STEPS(i, n, count)                                                     \
  for (size_t i = 0, n; i < (count) && (n = (count) - i < LANES ? (count) - i : LANES, 1); \
       i += LANES)

static const uint32_t lane_numbers[LANES] = {0, 1, 2,  3,  4,  5,  6,  7,
                                             8, 9, 10, 11, 12, 13, 14, 15};

// All bits of a lane set where value number first + lane stays: two rounds of
// multiply and shift (the finalizer of MurmurHash3) of its number and the seed.
#define STAYS(rule, first)                                              \
  ({                                                                    \
    vu x_;                                                              \
    memcpy(&x_, lane_numbers, sizeof x_);                               \
    x_ = (x_ + (uint32_t)(first)) * 0x9E3779B1u + (rule).seed;          \
    x_ ^= x_ >> 16;                                                     \
    x_ *= 0x85EBCA6Bu;                                                  \
    x_ ^= x_ >> 13;                                                     \
    x_ *= 0xC2B2AE35u;                                                  \
    x_ ^= x_ >> 16;                                                     \
    (vi)(x_ >= (rule).threshold);                                       \
  })
#define DROPPED(rule, first, vector) \
  ((vf)((vi)((vector) * (rule).scale) & STAYS(rule, first)))

// The same for one value.
INLINE float dropped(pare_dropout_rule rule, uint32_t number, float value) {
  uint32_t x = number * 0x9E3779B1u + rule.seed;
  x ^= x >> 16;
  x *= 0x85EBCA6Bu;
  x ^= x >> 13;
  x *= 0xC2B2AE35u;
  x ^= x >> 16;
  return x >= rule.threshold ? value * rule.scale : 0;
}

INLINE void pare_dropout_body(size_t count, pare_dropout_rule rule, float *x) {
  if (!rule.threshold) return;
  STEPS(i, n, count) PUT(x + i, n, DROPPED(rule, i, NEXT(x + i, n)));
}
TARGETS(pare_dropout, (size_t count, pare_dropout_rule rule, float *x), (count, rule, x))

INLINE void pare_add_branch_body(
    size_t rows, size_t width, size_t live, const int32_t *index, pare_dropout_rule rule,
    const float *x, const float *y, size_t stride, float *out) {
  for (size_t r = 0; r < rows; r++, x += width, y += stride, out += width) {
    if (index) {
      if (out != x) memcpy(out, x, width * sizeof(float));
      for (size_t j = 0; j < live; j++)
        out[index[j]] += rule.threshold
                             ? dropped(rule, (uint32_t)(r * width) + (uint32_t)index[j], y[j])
                             : y[j];
    } else if (rule.threshold) {
      STEPS(i, n, width)
        PUT(out + i, n, NEXT(x + i, n) + DROPPED(rule, r * width + i, NEXT(y + i, n)));
    } else {
      STEPS(i, n, width) PUT(out + i, n, NEXT(x + i, n) + NEXT(y + i, n));
    }
  }
}
TARGETS(
    pare_add_branch,
    (size_t rows, size_t width, size_t live, const int32_t *index, pare_dropout_rule rule,
     const float *x, const float *y, size_t stride, float *out),
    (rows, width, live, index, rule, x, y, stride, out))

INLINE void pare_branch_gradient_body(
    size_t rows, size_t width, size_t live, const int32_t *index, pare_dropout_rule rule,
    const float *dout, void *dy, size_t stride, int half) {
  for (size_t r = 0; r < rows; r++, dout += width) {
    STEPS(i, n, live) {
      vf d = SPLAT(0);
      if (index) {
        for (size_t j = 0; j < n; j++) {
          float value = dout[index[i + j]];
          d[j] = rule.threshold
                     ? dropped(rule, (uint32_t)(r * width) + (uint32_t)index[i + j], value)
                     : value;
        }
      } else {
        d = NEXT(dout + i, n);
        if (rule.threshold) d = DROPPED(rule, r * width + i, d);
      }
      STORE_ACT(dy, r * stride + i, n, half, d);
    }
  }
}
TARGETS(
    pare_branch_gradient,
    (size_t rows, size_t width, size_t live, const int32_t *index, pare_dropout_rule rule,
     const float *dout, void *dy, size_t stride, int half),
    (rows, width, live, index, rule, dout, dy, stride, half))

// With x̂ = (x − mean) / deviation and h = dy · weight:
// dx = (h − mean(h) − x̂ · mean(h · x̂)) / deviation.
INLINE void norm_row_backward(
    size_t width, const float *x, const float *weight, float epsilon, const void *dy, size_t at,
    int half, float *dx, float *dweight, float *dbias) {
  vf sum = SPLAT(0), squares = SPLAT(0), of_h = SPLAT(0), of_hx = SPLAT(0);
  STEPS(i, n, width) sum += NEXT(x + i, n);
  float mean = SUM(sum) / (float)width;
  STEPS(i, n, width) {
    vf d = (n == LANES ? LOAD(x + i) : LOAD_SOME(x + i, n, mean)) - mean;
    squares += d * d;
  }
  float inverse = 1.0f / sqrtf(SUM(squares) / (float)width + epsilon);
  STEPS(i, n, width) {
    vf hat = (NEXT(x + i, n) - mean) * inverse, d = NEXT_ACT(dy, at + i, n, half);
    if (dweight) PUT(dweight + i, n, NEXT(dweight + i, n) + d * hat);
    if (dbias) PUT(dbias + i, n, NEXT(dbias + i, n) + d);
    if (weight) d *= NEXT(weight + i, n);
    of_h += d;
    of_hx += d * hat;
  }
  float mean_h = SUM(of_h) / (float)width, mean_hx = SUM(of_hx) / (float)width;
  STEPS(i, n, width) {
    vf hat = (NEXT(x + i, n) - mean) * inverse, d = NEXT_ACT(dy, at + i, n, half);
    if (weight) d *= NEXT(weight + i, n);
    PUT(dx + i, n, NEXT(dx + i, n) + (d - mean_h - hat * mean_hx) * inverse);
  }
}

INLINE void pare_layer_norm_backward_body(
    size_t rows, size_t width, const float *x, const float *weight, float epsilon,
    const void *dy, int half, float *dx, float *dweight, float *dbias) {
  for (size_t r = 0; r < rows; r++)
    norm_row_backward(
        width, x + r * width, weight, epsilon, dy, r * width, half, dx + r * width, dweight,
        dbias);
}
TARGETS(
    pare_layer_norm_backward,
    (size_t rows, size_t width, const float *x, const float *weight, float epsilon,
     const void *dy, int half, float *dx, float *dweight, float *dbias),
    (rows, width, x, weight, epsilon, dy, half, dx, dweight, dbias))

// With x̂ = x / √(mean of squares + ε) and h = dy · (weight + offset):
// dx = (h − x̂ · mean(h · x̂)) / √(mean of squares + ε).
INLINE void pare_rms_norm_backward_body(
    size_t rows, size_t width, const void *x, size_t x_stride, int x_half, const float *weight,
    float offset, float epsilon, const void *dy, size_t dy_stride, int dy_half, void *dx,
    size_t dx_stride, int dx_half, int adds, float *dweight) {
  for (size_t r = 0; r < rows; r++) {
    size_t at = r * x_stride, from = r * dy_stride, to = r * dx_stride;
    vf squares = SPLAT(0), of_hx = SPLAT(0);
    STEPS(i, n, width) {
      vf v = NEXT_ACT(x, at + i, n, x_half);
      squares += v * v;
    }
    float inverse = 1.0f / sqrtf(SUM(squares) / (float)width + epsilon);
    STEPS(i, n, width) {
      vf hat = NEXT_ACT(x, at + i, n, x_half) * inverse, d = NEXT_ACT(dy, from + i, n, dy_half);
      PUT(dweight + i, n, NEXT(dweight + i, n) + d * hat);
      of_hx += d * (NEXT(weight + i, n) + offset) * hat;
    }
    float mean = SUM(of_hx) / (float)width;
    STEPS(i, n, width) {
      vf hat = NEXT_ACT(x, at + i, n, x_half) * inverse;
      vf h = NEXT_ACT(dy, from + i, n, dy_half) * (NEXT(weight + i, n) + offset);
      vf d = (h - hat * mean) * inverse;
      if (adds) d += NEXT_ACT(dx, to + i, n, dx_half);
      STORE_ACT(dx, to + i, n, dx_half, d);
    }
  }
}
TARGETS(
    pare_rms_norm_backward,
    (size_t rows, size_t width, const void *x, size_t x_stride, int x_half, const float *weight,
     float offset, float epsilon, const void *dy, size_t dy_stride, int dy_half, void *dx,
     size_t dx_stride, int dx_half, int adds, float *dweight),
    (rows, width, x, x_stride, x_half, weight, offset, epsilon, dy, dy_stride, dy_half, dx,
     dx_stride, dx_half, adds, dweight))

// Φ(x) + x·φ(x); the exponential that erf needs is also φ's.
#define GELU_ERF_SLOPE(argument)                                               \
  ({                                                                           \
    vf u_ = (argument);                                                        \
    vi sign_ = (vi)u_ & SIGN_BITS;                                             \
    vf z_ = (vf)((vi)u_ ^ sign_) * SPLAT(0.70710678f);                         \
    vf t5_ = SPLAT(1.0f) / (SPLAT(1.0f) + SPLAT(0.3275911f) * z_);             \
    vf q_ = SPLAT(1.061405429f);                                               \
    q_ = q_ * t5_ + SPLAT(-1.453152027f);                                      \
    q_ = q_ * t5_ + SPLAT(1.421413741f);                                       \
    q_ = q_ * t5_ + SPLAT(-0.284496736f);                                      \
    q_ = q_ * t5_ + SPLAT(0.254829592f);                                       \
    vf square_ = -(z_ * z_);                                                   \
    vf e_ = EXP(square_);                                                      \
    vf erf_ = SPLAT(1.0f) - q_ * t5_ * e_;                                     \
    erf_ = (vf)((vi)erf_ | sign_);                                             \
    SPLAT(0.5f) * (SPLAT(1.0f) + erf_) + u_ * e_ * SPLAT(0.39894228f);         \
  })

// With y = 2√(2/π)(x + 0.044715x³) and s = 1 / (1 + exp(−y)): s + x·s(1 − s)·y′.
#define GELU_TANH_SLOPE(argument)                                              \
  ({                                                                           \
    vf u_ = (argument);                                                        \
    vf y_ = SPLAT(-2 * 0.79788456f) * (u_ + SPLAT(0.044715f) * u_ * u_ * u_);  \
    vf s_ = SPLAT(1.0f) / (SPLAT(1.0f) + EXP(y_));                             \
    vf slope_ = SPLAT(2 * 0.79788456f) * (SPLAT(1.0f) + SPLAT(0.134145f) * u_ * u_); \
    s_ + u_ * s_ * (SPLAT(1.0f) - s_) * slope_;                                \
  })

#define SIGMOID(y) (SPLAT(1.0f) / (EXP(-(y)) + SPLAT(1.0f)))
#define ACTIVATE_BACKWARD(value, slope)                                       \
  STEPS(i, n, count) {                                                        \
    vf x = NEXT_ACT(gate, i, n, half), g = NEXT_ACT(d, i, n, half);           \
    if (up) {                                                                 \
      vf y = (value);                                                         \
      STORE_ACT(dup, i, n, half, g * y);                                      \
      g *= NEXT_ACT(up, i, n, half);                                          \
    }                                                                         \
    STORE_ACT(d, i, n, half, g * (slope));                                    \
  }

INLINE void pare_activate_backward_body(
    size_t count, int function, const void *gate, const void *up, void *d, void *dup, int half) {
  switch (function) {
    case PARE_SILU:
      ACTIVATE_BACKWARD(x * SIGMOID(x), ({
                          vf s_ = SIGMOID(x);
                          s_ + x * s_ * (SPLAT(1.0f) - s_);
                        }))
      break;
    case PARE_GELU: ACTIVATE_BACKWARD(GELU_ERF(x), GELU_ERF_SLOPE(x)) break;
    case PARE_GELU_TANH: ACTIVATE_BACKWARD(GELU_TANH(x), GELU_TANH_SLOPE(x)) break;
    case PARE_RELU:
      ACTIVATE_BACKWARD(MAX(x, SPLAT(0)), (vf)((vi)SPLAT(1.0f) & (vi)(x > SPLAT(0)))) break;
    default: break;
  }
}
TARGETS(
    pare_activate_backward,
    (size_t count, int function, const void *gate, const void *up, void *d, void *dup, int half),
    (count, function, gate, up, d, dup, half))

INLINE void pare_bias_forward_body(
    size_t rows, size_t width, size_t stride, const float *bias, void *x, int half) {
  for (size_t r = 0; r < rows; r++)
    STEPS(i, n, width) {
      vf sum = NEXT_ACT(x, r * stride + i, n, half) + NEXT(bias + i, n);
      STORE_ACT(x, r * stride + i, n, half, sum);
    }
}
TARGETS(
    pare_bias_forward,
    (size_t rows, size_t width, size_t stride, const float *bias, void *x, int half),
    (rows, width, stride, bias, x, half))

INLINE void pare_bias_backward_body(
    size_t rows, size_t width, size_t stride, const void *d, int half, float *sums) {
  for (size_t r = 0; r < rows; r++)
    STEPS(i, n, width)
      PUT(sums + i, n, NEXT(sums + i, n) + NEXT_ACT(d, r * stride + i, n, half));
}
TARGETS(
    pare_bias_backward,
    (size_t rows, size_t width, size_t stride, const void *d, int half, float *sums),
    (rows, width, stride, d, half, sums))

// Which of the lanes from `first` on come before `end`.
#define BEFORE(first, end)                                    \
  ({                                                          \
    vi numbers_;                                              \
    memcpy(&numbers_, lane_numbers, sizeof numbers_);         \
    (vi)(numbers_ + (int32_t)(first) < (vi){0} + (int32_t)(end)); \
  })

// Of `columns` scores the first `count` are seen. Their exponentials take the scores' place.
INLINE void softmax_row(
    size_t count, size_t columns, float scale, pare_dropout_rule rule, uint32_t first, float *x,
    void *kept, size_t kept_at, void *out, size_t out_at, int half) {
  vf top = SPLAT(-INFINITY), sum = SPLAT(0);
  for (size_t i = 0; i < count; i += LANES) {
    size_t n = columns - i < LANES ? columns - i : LANES;
    vi seen = BEFORE(i, count);
    top = MAX(top, (vf)(((vi)NEXT(x + i, n) & seen) | ((vi)SPLAT(-INFINITY) & ~seen)));
  }
  float largest = LARGEST(top) * scale;
  for (size_t i = 0; i < count; i += LANES) {
    size_t n = columns - i < LANES ? columns - i : LANES;
    vf e = (vf)((vi)EXP(NEXT(x + i, n) * scale - largest) & BEFORE(i, count));
    sum += e;
    PUT(x + i, n, e);
  }
  float inverse = 1.0f / SUM(sum);
  STEPS(i, n, columns) {
    vf p = i < count ? NEXT(x + i, n) * inverse : SPLAT(0);
    if (rule.threshold) {
      vi stays = STAYS(rule, first + i);
      vf after = (vf)((vi)(p * rule.scale) & stays);
      STORE_ACT(out, out_at + i, n, half, after);
      p = (vf)((vi)p | (~stays & SIGN_BITS));
    }
    STORE_ACT(kept, kept_at + i, n, half, p);
  }
}

INLINE void pare_attention_softmax_body(
    size_t rows, size_t columns, size_t seen, float scale, pare_dropout_rule rule,
    uint32_t first, uint32_t step, float *scores, size_t score_stride, void *kept,
    size_t kept_stride, void *out, size_t out_stride, int half) {
  for (size_t r = 0; r < rows; r++) {
    size_t count = seen + r < columns ? seen + r : columns;
    softmax_row(
        count, columns, scale, rule, first + (uint32_t)r * step, scores + r * score_stride, kept,
        r * kept_stride, out, r * out_stride, half);
  }
}
TARGETS(
    pare_attention_softmax,
    (size_t rows, size_t columns, size_t seen, float scale, pare_dropout_rule rule,
     uint32_t first, uint32_t step, float *scores, size_t score_stride, void *kept,
     size_t kept_stride, void *out, size_t out_stride, int half),
    (rows, columns, seen, scale, rule, first, step, scores, score_stride, kept, kept_stride, out,
     out_stride, half))

INLINE void pare_keep_probabilities_body(
    size_t rows, size_t columns, pare_dropout_rule rule, uint32_t first, uint32_t step,
    const float *p, size_t p_stride, void *kept, size_t kept_stride, void *out,
    size_t out_stride, int half) {
  for (size_t r = 0; r < rows; r++)
    STEPS(i, n, columns) {
      vf v = NEXT(p + r * p_stride + i, n);
      if (rule.threshold) {
        vi stays = STAYS(rule, first + (uint32_t)r * step + i);
        STORE_ACT(out, r * out_stride + i, n, half, (vf)((vi)(v * rule.scale) & stays));
        v = (vf)((vi)v | (~stays & SIGN_BITS));
      }
      STORE_ACT(kept, r * kept_stride + i, n, half, v);
    }
}
TARGETS(
    pare_keep_probabilities,
    (size_t rows, size_t columns, pare_dropout_rule rule, uint32_t first, uint32_t step,
     const float *p, size_t p_stride, void *kept, size_t kept_stride, void *out,
     size_t out_stride, int half),
    (rows, columns, rule, first, step, p, p_stride, kept, kept_stride, out, out_stride, half))

// tanh y = 1 − 2 / (exp(2y) + 1)
#define TANH(y) (SPLAT(1.0f) - SPLAT(2.0f) / (EXP((y) * 2.0f) + SPLAT(1.0f)))

INLINE void pare_cap_backward_body(
    size_t rows, size_t columns, float scale, float cap, const float *x, size_t x_stride,
    void *ds, size_t stride, int half) {
  for (size_t r = 0; r < rows; r++)
    STEPS(i, n, columns) {
      vf t = TANH(NEXT(x + r * x_stride + i, n) * (scale / cap));
      vf d = NEXT_ACT(ds, r * stride + i, n, half) * (SPLAT(1.0f) - t * t);
      STORE_ACT(ds, r * stride + i, n, half, d);
    }
}
TARGETS(
    pare_cap_backward,
    (size_t rows, size_t columns, float scale, float cap, const float *x, size_t x_stride,
     void *ds, size_t stride, int half),
    (rows, columns, scale, cap, x, x_stride, ds, stride, half))

INLINE void pare_logit_backward_body(
    size_t count, float scale, float cap, const float *y, void *d, int half) {
  STEPS(i, n, count) {
    vf g = NEXT_ACT(d, i, n, half) * scale;
    if (cap != 0) {
      vf t = NEXT(y + i, n) / cap;
      g *= SPLAT(1.0f) - t * t;
    }
    STORE_ACT(d, i, n, half, g);
  }
}
TARGETS(
    pare_logit_backward,
    (size_t count, float scale, float cap, const float *y, void *d, int half),
    (count, scale, cap, y, d, half))

// dS = P ∘ (dP − Σ dP ∘ P) · scale, where dP is dropout's gradient: a taken away
// probability has none, but it is in P all the same.
INLINE void pare_attention_backward_body(
    size_t rows, size_t columns, float scale, pare_dropout_rule rule, const float *dp,
    size_t dp_stride, void *kept, void *ds, size_t stride, int half) {
  const float growth = rule.threshold ? rule.scale : 1;
  for (size_t r = 0; r < rows; r++) {
    const float *d = dp + r * dp_stride;
    size_t at = r * stride;
    vf sum = SPLAT(0);
    STEPS(i, n, columns) {
      vf after = MAX(NEXT_ACT(kept, at + i, n, half), SPLAT(0)) * growth;
      sum += after * NEXT(d + i, n);
    }
    float mean = SUM(sum);
    STEPS(i, n, columns) {
      vf p = NEXT_ACT(kept, at + i, n, half);
      vf after = MAX(p, SPLAT(0)) * growth;
      vf whole = (vf)((vi)p & ~SIGN_BITS);
      vf gradient = (after * NEXT(d + i, n) - whole * mean) * scale;
      STORE_ACT(ds, at + i, n, half, gradient);
      if (rule.threshold) STORE_ACT(kept, at + i, n, half, after);
    }
  }
}
TARGETS(
    pare_attention_backward,
    (size_t rows, size_t columns, float scale, pare_dropout_rule rule, const float *dp,
     size_t dp_stride, void *kept, void *ds, size_t stride, int half),
    (rows, columns, scale, rule, dp, dp_stride, kept, ds, stride, half))

INLINE void pare_cross_entropy_gradient_body(
    size_t rows, size_t width, const float *logits, const int32_t *targets, float scale,
    double *losses, void *gradient, int half) {
  for (size_t r = 0; r < rows; r++, logits += width) {
    vf top = SPLAT(-INFINITY), sum = SPLAT(0);
    STEPS(i, n, width)
      top = MAX(top, n == LANES ? LOAD(logits + i) : LOAD_SOME(logits + i, n, -INFINITY));
    float largest = LARGEST(top);
    size_t whole = width / LANES * LANES;
    for (size_t i = 0; i < whole; i += LANES) sum += EXP(LOAD(logits + i) - largest);
    double total = SUM(sum);
    if (whole < width) {
      vf e = EXP(LOAD_SOME(logits + whole, width - whole, 0) - largest);
      for (size_t i = 0; i < width - whole; i++) total += e[i];
    }
    float inverse = scale / (float)total;
    size_t target = (size_t)targets[r];
    STEPS(i, n, width) {
      vf d = EXP(NEXT(logits + i, n) - largest) * inverse;
      if (target - i < LANES) d[target - i] -= scale;
      STORE_ACT(gradient, r * width + i, n, half, d);
    }
    losses[r] = (double)largest + log(total) - (double)logits[target];
  }
}
TARGETS(
    pare_cross_entropy_gradient,
    (size_t rows, size_t width, const float *logits, const int32_t *targets, float scale,
     double *losses, void *gradient, int half),
    (rows, width, logits, targets, scale, losses, gradient, half))

// Adding 1.5·2²³ rounds to the nearest integer, ties to even; channels of more bits
// than that allows are as good as not quantized.
#define RINT(vector) ((vector) + SPLAT(12582912.0f) - SPLAT(12582912.0f))

INLINE void pare_depth_quantize_body(
    size_t count, const float *w, float scale, float low, float high, void *out, int half) {
  const float inverse = 1 / scale;
  const vf least = SPLAT(low), most = SPLAT(high);
  STEPS(i, n, count) {
    vf u = MIN(MAX(NEXT(w + i, n) * inverse, least), most);
    // Adding 0 turns -0 into 0, which is what the code gives back.
    STORE_ACT(out, i, n, half, RINT(u) * scale + SPLAT(0));
  }
}
TARGETS(
    pare_depth_quantize,
    (size_t count, const float *w, float scale, float low, float high, void *out, int half),
    (count, w, scale, low, high, out, half))

INLINE void depth_error_body(
    size_t count, const float *w, float scale, float low, float high, double *error) {
  const float inverse = 1 / scale;
  const vf least = SPLAT(low), most = SPLAT(high);
  vf sum = SPLAT(0);
  STEPS(i, n, count) {
    vf x = NEXT(w + i, n);
    vf d = RINT(MIN(MAX(x * inverse, least), most)) * scale - x;
    sum += d * d;
  }
  *error = (double)SUM(sum);
}
TARGETS(
    depth_error, (size_t count, const float *w, float scale, float low, float high, double *error),
    (count, w, scale, low, high, error))

double pare_depth_error(size_t count, const float *w, float scale, float low, float high) {
  double error = 0;
  depth_error(count, w, scale, low, high, &error);
  return error;
}

INLINE void pare_depth_gradient_body(
    size_t count, const float *w, float scale, float depth, float *g, double gradients[2]) {
  const float inverse = 1 / scale, bound = exp2f(depth - 1), ln2 = 0.69314718f;
  const vf low = SPLAT(-bound), high = SPLAT(bound - 1);
  vf of_depth = SPLAT(0), of_exponent = SPLAT(0);
  STEPS(i, n, count) {
    vf x = NEXT(w + i, n), d = NEXT(g + i, n);
    vf u = x * inverse;
    vi below = (vi)(u < low), above = (vi)(u > high), inside = ~(below | above);
    vf q = RINT(MIN(MAX(u, low), high)) * scale;
    vf kept = (vf)((vi)d & inside);
    of_exponent += d * q - kept * x;
    of_depth += (vf)((vi)d & above) - (vf)((vi)d & below);
    PUT(g + i, n, kept);
  }
  gradients[0] = (double)SUM(of_depth) * (double)(scale * ln2 * bound);
  gradients[1] = (double)SUM(of_exponent) * (double)ln2;
}
TARGETS(
    pare_depth_gradient,
    (size_t count, const float *w, float scale, float depth, float *g, double gradients[2]),
    (count, w, scale, depth, g, gradients))
