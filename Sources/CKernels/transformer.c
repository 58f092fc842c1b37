#include "transformer.h"

#include <math.h>

#include "sixteen.h"

INLINE void to_bf16_some(size_t count, const float *x, uint16_t *out) {
  vf v = LOAD_SOME(x, count, 0);
  vh h = TO_BF16(v);
  memcpy(out, &h, count * sizeof(uint16_t));
}

INLINE void pare_to_bf16_body(size_t count, const float *x, uint16_t *out) {
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    vh h = TO_BF16(LOAD(x + i));
    memcpy(out + i, &h, sizeof h);
  }
  if (i < count) to_bf16_some(count - i, x + i, out + i);
}
TARGETS(pare_to_bf16, (size_t count, const float *x, uint16_t *out), (count, x, out))

int pare_are_bf16(size_t count, const float *x) {
  enum { SOME = 4096 };
  for (size_t first = 0; first < count; first += SOME) {
    size_t end = count - first < SOME ? count : first + SOME;
    uint32_t low = 0;
    for (size_t i = first; i < end; i++) {
      uint32_t bits;
      memcpy(&bits, x + i, sizeof bits);
      low |= bits & 0xffff;
    }
    if (low) return 0;
  }
  return 1;
}

INLINE void norm_row(
    size_t width, const float *x, const float *weight, const float *bias, float epsilon,
    float *out, uint16_t *half) {
  size_t whole = width / LANES * LANES, rest = width - whole;
  vf sum = SPLAT(0);
  for (size_t i = 0; i < whole; i += LANES) sum += LOAD(x + i);
  if (rest) sum += LOAD_SOME(x + whole, rest, 0);
  float mean = SUM(sum) / (float)width;
  vf squares = SPLAT(0);
  for (size_t i = 0; i < whole; i += LANES) {
    vf d = LOAD(x + i) - mean;
    squares += d * d;
  }
  if (rest) {
    vf d = LOAD_SOME(x + whole, rest, mean) - mean;
    squares += d * d;
  }
  float inverse = 1.0f / sqrtf(SUM(squares) / (float)width + epsilon);
  for (size_t i = 0; i < width; i += LANES) {
    size_t n = width - i < LANES ? width - i : LANES;
    vf y = ((n == LANES ? LOAD(x + i) : LOAD_SOME(x + i, n, 0)) - mean) * inverse;
    if (weight) y *= n == LANES ? LOAD(weight + i) : LOAD_SOME(weight + i, n, 0);
    if (bias) y += n == LANES ? LOAD(bias + i) : LOAD_SOME(bias + i, n, 0);
    if (out) {
      if (n == LANES) STORE(out + i, y);
      else STORE_SOME(out + i, n, y);
    }
    if (half) {
      vh h = TO_BF16(y);
      memcpy(half + i, &h, n * sizeof(uint16_t));
    }
  }
}

INLINE void pare_layer_norm_body(
    size_t rows, size_t width, const float *x, const float *weight, const float *bias,
    float epsilon, float *out, uint16_t *half) {
  for (size_t r = 0; r < rows; r++)
    norm_row(
        width, x + r * width, weight, bias, epsilon, out ? out + r * width : NULL,
        half ? half + r * width : NULL);
}
TARGETS(
    pare_layer_norm,
    (size_t rows, size_t width, const float *x, const float *weight, const float *bias,
     float epsilon, float *out, uint16_t *half),
    (rows, width, x, weight, bias, epsilon, out, half))

INLINE void pare_sum_body(size_t count, const float *a, const float *b, float *out) {
  for (size_t i = 0; i < count; i++) out[i] = a[i] + b[i];
}
TARGETS(pare_sum, (size_t count, const float *a, const float *b, float *out), (count, a, b, out))

INLINE void pare_add_bias_body(
    size_t rows, size_t width, float *x, size_t stride, const float *bias) {
  for (size_t r = 0; r < rows; r++) pare_sum_body(width, x + r * stride, bias, x + r * stride);
}
TARGETS(
    pare_add_bias, (size_t rows, size_t width, float *x, size_t stride, const float *bias),
    (rows, width, x, stride, bias))

// x ← exp(scale·x − largest), and their sum.
INLINE float exponentials(size_t count, float *x, float scale) {
  size_t whole = count / LANES * LANES, rest = count - whole;
  vf top = SPLAT(-INFINITY);
  for (size_t i = 0; i < whole; i += LANES) top = MAX(top, LOAD(x + i));
  if (rest) top = MAX(top, LOAD_SOME(x + whole, rest, -INFINITY));
  float largest = LARGEST(top) * scale;
  vf sum = SPLAT(0);
  for (size_t i = 0; i < whole; i += LANES) {
    vf e = EXP(LOAD(x + i) * scale - largest);
    sum += e;
    STORE(x + i, e);
  }
  float total = SUM(sum);
  if (rest) {
    vf e = EXP(LOAD_SOME(x + whole, rest, 0) * scale - largest);
    for (size_t i = 0; i < rest; i++) total += e[i];
    STORE_SOME(x + whole, rest, e);
  }
  return total;
}

INLINE float largest_of(size_t width, const float *x) {
  size_t whole = width / LANES * LANES, rest = width - whole;
  vf top = SPLAT(-INFINITY);
  for (size_t i = 0; i < whole; i += LANES) top = MAX(top, LOAD(x + i));
  if (rest) top = MAX(top, LOAD_SOME(x + whole, rest, -INFINITY));
  return LARGEST(top);
}

// log Σ exp(x), as largest + log Σ exp(x − largest).
INLINE double log_sum_exp(size_t width, const float *x) {
  size_t whole = width / LANES * LANES, rest = width - whole;
  float largest = largest_of(width, x);
  vf sum = SPLAT(0);
  for (size_t i = 0; i < whole; i += LANES) sum += EXP(LOAD(x + i) - largest);
  double total = SUM(sum);
  if (rest) {
    vf e = EXP(LOAD_SOME(x + whole, rest, 0) - largest);
    for (size_t i = 0; i < rest; i++) total += e[i];
  }
  return (double)largest + log(total);
}

INLINE void pare_cross_entropy_body(
    size_t rows, size_t width, const float *logits, const int32_t *targets, double *losses) {
  for (size_t r = 0; r < rows; r++) {
    const float *x = logits + r * width;
    losses[r] = log_sum_exp(width, x) - (double)x[targets[r]];
  }
}
TARGETS(
    pare_cross_entropy,
    (size_t rows, size_t width, const float *logits, const int32_t *targets, double *losses),
    (rows, width, logits, targets, losses))

INLINE void pare_divergence_body(
    size_t rows, size_t width, const float *p, const float *q, double *divergences) {
  for (size_t r = 0; r < rows; r++, p += width, q += width) {
    double of_p = log_sum_exp(width, p), of_q = log_sum_exp(width, q);
    float shift = (float)of_p, difference = (float)(of_q - of_p);
    vf sum = SPLAT(0);
    for (size_t i = 0; i < width; i += LANES) {
      size_t n = width - i < LANES ? width - i : LANES;
      vf a = n == LANES ? LOAD(p + i) : LOAD_SOME(p + i, n, -INFINITY);
      vf b = n == LANES ? LOAD(q + i) : LOAD_SOME(q + i, n, 0);
      vf term = EXP(a - shift) * ((a - b) + difference);
      if (n < LANES)
        for (size_t j = n; j < LANES; j++) term[j] = 0;
      sum += term;
    }
    divergences[r] = SUM(sum);
  }
}
TARGETS(
    pare_divergence,
    (size_t rows, size_t width, const float *p, const float *q, double *divergences),
    (rows, width, p, q, divergences))

INLINE void pare_argmax_body(size_t rows, size_t width, const float *x, int32_t *indices) {
  for (size_t r = 0; r < rows; r++, x += width) {
    float largest = largest_of(width, x);
    size_t i = 0;
    while (i + 1 < width && x[i] != largest) i++;
    indices[r] = (int32_t)i;
  }
}
TARGETS(
    pare_argmax, (size_t rows, size_t width, const float *x, int32_t *indices),
    (rows, width, x, indices))

INLINE float dot(size_t width, const float *a, const float *b) {
  size_t whole = width / LANES * LANES, rest = width - whole;
  vf sum = SPLAT(0);
  for (size_t i = 0; i < whole; i += LANES) sum += LOAD(a + i) * LOAD(b + i);
  if (rest) sum += LOAD_SOME(a + whole, rest, 0) * LOAD_SOME(b + whole, rest, 0);
  return SUM(sum);
}

INLINE void cap_scores(size_t count, float *x, const pare_attention *rule) {
  for (size_t i = 0; i < count; i += LANES) {
    size_t n = count - i < LANES ? count - i : LANES;
    vf e = EXP(NEXT(x + i, n) * (2 * rule->scale / rule->cap));
    PUT(x + i, n, rule->cap * (1.0f - 2.0f / (e + 1.0f)));
  }
}

INLINE void pare_attend_body(
    size_t count, size_t key_width, size_t value_width, size_t stride, const float *query,
    const float *keys, const float *values, const pare_attention *rule, float *scores,
    float *out) {
  for (size_t t = 0; t < count; t++) scores[t] = dot(key_width, query, keys + t * stride);
  if (rule->cap != 0) cap_scores(count, scores, rule);
  float scale = rule->cap != 0 ? 1 : rule->scale, top = largest_of(count, scores) * scale;
  float total = exponentials(count, scores, scale);
  if (rule->sink) total += expf(*rule->sink - top);
  float inverse = 1.0f / total;
  for (size_t i = 0; i < value_width; i += LANES) {
    size_t n = value_width - i < LANES ? value_width - i : LANES;
    vf sum = SPLAT(0);
    if (n == LANES) {
      for (size_t t = 0; t < count; t++) sum += LOAD(values + t * stride + i) * scores[t];
      STORE(out + i, sum * inverse);
    } else {
      for (size_t t = 0; t < count; t++)
        sum += LOAD_SOME(values + t * stride + i, n, 0) * scores[t];
      STORE_SOME(out + i, n, sum * inverse);
    }
  }
}
TARGETS(
    pare_attend,
    (size_t count, size_t key_width, size_t value_width, size_t stride, const float *query,
     const float *keys, const float *values, const pare_attention *rule, float *scores,
     float *out),
    (count, key_width, value_width, stride, query, keys, values, rule, scores, out))
