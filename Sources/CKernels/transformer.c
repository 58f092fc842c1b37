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

INLINE void pare_from_bf16_body(size_t count, const uint16_t *x, float *out) {
  for (size_t i = 0; i < count; i += LANES) {
    size_t n = count - i < LANES ? count - i : LANES;
    PUT(out + i, n, NEXT_ACT(x, i, n, 1));
  }
}
TARGETS(pare_from_bf16, (size_t count, const uint16_t *x, float *out), (count, x, out))

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

// Sums of neighbouring halves, then quarters and so on: of eight vectors one of their sums, each in
// two lanes.
#define HALVES_OF(a, b)                                                                        \
  (__builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +     \
   __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31))
#define QUARTERS_OF(a, b)                                                                      \
  (__builtin_shufflevector(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27) +   \
   __builtin_shufflevector(a, b, 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31))
#define EIGHTHS_OF(a, b)                                                                       \
  (__builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29) +   \
   __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31))

// Asks for the numbers of one row that are read soon: rows of a long text are in memory, and only
// a part of each is read, which the machine does not foresee.
INLINE void fetch_row(const void *rows, size_t at, size_t width, int half) {
  const size_t size = half ? 2 : 4;
  for (size_t i = 0; i < width * size; i += 64)
    __builtin_prefetch((const char *)rows + at * size + i);
}

// scores[t] = query · keys[t]. Each product is added up in one order, whatever `count` is. The
// values, which are read next, are fetched meanwhile.
INLINE void scores_of(
    size_t count, size_t width, size_t stride, const float *query, const void *keys,
    const void *values, size_t value_width, int half, float *scores) {
  enum { KEYS = 8, AHEAD = 2 * KEYS };
  for (size_t t = 0; t < count; t += KEYS) {
    size_t some = count - t < KEYS ? count - t : KEYS;
    for (size_t j = t; j < t + some; j++) {
      fetch_row(keys, (j + AHEAD) * stride, width, half);
      fetch_row(values, j * stride, value_width, half);
    }
    vf sums[KEYS];
    for (size_t j = 0; j < KEYS; j++) sums[j] = SPLAT(0);
    for (size_t i = 0; i < width; i += LANES) {
      size_t n = width - i < LANES ? width - i : LANES;
      vf q = NEXT(query + i, n);
      if (n == LANES && some == KEYS)
        for (size_t j = 0; j < KEYS; j++)
          sums[j] += q * LOAD_ACT(keys, (t + j) * stride + i, half);
      else
        for (size_t j = 0; j < some; j++)
          sums[j] += q * NEXT_ACT(keys, (t + j) * stride + i, n, half);
    }
    // Keys stand in the order 0 4 2 6 1 5 3 7 so that the sums come out in theirs.
    vf a = HALVES_OF(sums[0], sums[4]), b = HALVES_OF(sums[1], sums[5]);
    vf c = HALVES_OF(sums[2], sums[6]), d = HALVES_OF(sums[3], sums[7]);
    vf e = QUARTERS_OF(a, c), f = QUARTERS_OF(b, d);
    vf all = EIGHTHS_OF(e, f);
    for (size_t j = 0; j < some; j++) scores[t + j] = all[2 * j] + all[2 * j + 1];
  }
}

// out = Σ shares[t] · values[t] · factor, some channels at a time.
enum { MIXED_VECTORS = 4 };

INLINE void mix_of(
    size_t vectors, size_t count, size_t stride, const float *shares, const void *values,
    size_t first, int half, float factor, float *out) {
  vf sums[2][MIXED_VECTORS];
  for (size_t i = 0; i < vectors; i++) sums[0][i] = sums[1][i] = SPLAT(0);
  size_t t = 0;
  for (; t + 2 <= count; t += 2)
    for (size_t j = 0; j < 2; j++)
      for (size_t i = 0; i < vectors; i++)
        sums[j][i] +=
            LOAD_ACT(values, (t + j) * stride + first + i * LANES, half) * shares[t + j];
  if (t < count)
    for (size_t i = 0; i < vectors; i++)
      sums[0][i] += LOAD_ACT(values, t * stride + first + i * LANES, half) * shares[t];
  for (size_t i = 0; i < vectors; i++) STORE(out + i * LANES, (sums[0][i] + sums[1][i]) * factor);
}

INLINE void mix(
    size_t count, size_t width, size_t stride, const float *shares, const void *values, int half,
    float factor, float *out) {
  size_t i = 0;
  for (; i + MIXED_VECTORS * LANES <= width; i += MIXED_VECTORS * LANES)
    mix_of(MIXED_VECTORS, count, stride, shares, values, i, half, factor, out + i);
  for (; i + LANES <= width; i += LANES)
    mix_of(1, count, stride, shares, values, i, half, factor, out + i);
  if (i == width) return;
  vf sum = SPLAT(0);
  for (size_t t = 0; t < count; t++)
    sum += LOAD_ACT_SOME(values, t * stride + i, width - i, half) * shares[t];
  STORE_SOME(out + i, width - i, sum * factor);
}

INLINE void cap_scores(size_t count, float *x, const pare_attention *rule) {
  for (size_t i = 0; i < count; i += LANES) {
    size_t n = count - i < LANES ? count - i : LANES;
    vf e = EXP(NEXT(x + i, n) * (2 * rule->scale / rule->cap));
    PUT(x + i, n, rule->cap * (1.0f - 2.0f / (e + 1.0f)));
  }
}

INLINE void attend_to(
    size_t count, size_t key_width, size_t value_width, size_t stride, const float *query,
    const void *keys, const void *values, int half, const pare_attention *rule, float *scores,
    float *out) {
  scores_of(count, key_width, stride, query, keys, values, value_width, half, scores);
  if (rule->cap != 0) cap_scores(count, scores, rule);
  float scale = rule->cap != 0 ? 1 : rule->scale, top = largest_of(count, scores) * scale;
  float total = exponentials(count, scores, scale);
  if (rule->sink) total += expf(*rule->sink - top);
  mix(count, value_width, stride, scores, values, half, 1.0f / total, out);
}

INLINE void pare_attend_body(
    size_t count, size_t key_width, size_t value_width, size_t stride, const float *query,
    const void *keys, const void *values, int half, const pare_attention *rule, float *scores,
    float *out) {
  if (half)
    attend_to(
        count, key_width, value_width, stride, query, keys, values, 1, rule, scores, out);
  else
    attend_to(
        count, key_width, value_width, stride, query, keys, values, 0, rule, scores, out);
}
TARGETS(
    pare_attend,
    (size_t count, size_t key_width, size_t value_width, size_t stride, const float *query,
     const void *keys, const void *values, int half, const pare_attention *rule, float *scores,
     float *out),
    (count, key_width, value_width, stride, query, keys, values, half, rule, scores, out))
