#include "decoder.h"

#include <math.h>

#include "sixteen.h"

INLINE void pare_rms_norm_body(
    size_t rows, size_t width, const float *x, size_t stride, const float *weight, float offset,
    float epsilon, float *out) {
  size_t whole = width / LANES * LANES, rest = width - whole;
  for (size_t r = 0; r < rows; r++, x += stride, out += stride) {
    vf squares = SPLAT(0);
    for (size_t i = 0; i < whole; i += LANES) {
      vf v = LOAD(x + i);
      squares += v * v;
    }
    if (rest) {
      vf v = LOAD_SOME(x + whole, rest, 0);
      squares += v * v;
    }
    float inverse = 1.0f / sqrtf(SUM(squares) / (float)width + epsilon);
    for (size_t i = 0; i < whole; i += LANES)
      STORE(out + i, LOAD(x + i) * inverse * (LOAD(weight + i) + offset));
    for (size_t i = whole; i < width; i++) out[i] = x[i] * inverse * (weight[i] + offset);
  }
}
TARGETS(
    pare_rms_norm,
    (size_t rows, size_t width, const float *x, size_t stride, const float *weight, float offset,
     float epsilon, float *out),
    (rows, width, x, stride, weight, offset, epsilon, out))

// tanh y = 1 − 2 / (exp(2y) + 1)
#define TANH(y) (1.0f - 2.0f / (EXP((y) * 2.0f) + 1.0f))
#define SIGMOID(y) (1.0f / (EXP(-(y)) + 1.0f))

// The gate and up are cut at 7 (gpt-oss).
#define CLIPPED_SWIGLU(x, up)                                      \
  ({                                                               \
    vf gate_ = MIN((x), SPLAT(7.0f));                              \
    vf other_ = MAX(MIN((up), SPLAT(7.0f)), SPLAT(-7.0f));         \
    gate_ * SIGMOID(gate_ * 1.702f) * (other_ + 1.0f);             \
  })
#define TIMES_UP(y, i, n)                                          \
  ({                                                               \
    vf product_ = (y);                                             \
    if (up) product_ *= (n) == LANES ? LOAD(up + (i)) : LOAD_SOME(up + (i), n, 0); \
    product_;                                                      \
  })
#define ACTIVATE(expression)                                       \
  for (size_t i = 0; i < count; i += LANES) {                      \
    size_t n = count - i < LANES ? count - i : LANES;              \
    vf x = n == LANES ? LOAD(gate + i) : LOAD_SOME(gate + i, n, 0); \
    vf y = (expression);                                           \
    if (n == LANES) STORE(gate + i, y);                            \
    else STORE_SOME(gate + i, n, y);                               \
  }

INLINE void pare_activate_body(size_t count, int function, float *gate, const float *up) {
  switch (function) {
    case PARE_SILU: ACTIVATE(TIMES_UP(x * SIGMOID(x), i, n)) break;
    case PARE_GELU: ACTIVATE(TIMES_UP(GELU_ERF(x), i, n)) break;
    case PARE_GELU_TANH: ACTIVATE(TIMES_UP(GELU_TANH(x), i, n)) break;
    case PARE_RELU: ACTIVATE(TIMES_UP(MAX(x, SPLAT(0)), i, n)) break;
    case PARE_CLIPPED_SWIGLU:
      ACTIVATE(CLIPPED_SWIGLU(
          x, up ? (n == LANES ? LOAD(up + i) : LOAD_SOME(up + i, n, 0)) : SPLAT(0)))
      break;
    default: break;
  }
}
TARGETS(
    pare_activate, (size_t count, int function, float *gate, const float *up),
    (count, function, gate, up))

void pare_turn(
    size_t heads, size_t width, size_t pairs, int interleaved, const float *angles, float *x) {
  const float *cosines = angles, *sines = angles + pairs;
  size_t step = interleaved ? 2 : 1, apart = interleaved ? 1 : pairs;
  for (size_t h = 0; h < heads; h++, x += width)
    for (size_t i = 0; i < pairs; i++) {
      float a = x[i * step], b = x[i * step + apart];
      x[i * step] = a * cosines[i] - b * sines[i];
      x[i * step + apart] = b * cosines[i] + a * sines[i];
    }
}

INLINE void pare_cap_body(size_t count, float cap, float *x) {
  for (size_t i = 0; i < count; i += LANES) {
    size_t n = count - i < LANES ? count - i : LANES;
    vf v = n == LANES ? LOAD(x + i) : LOAD_SOME(x + i, n, 0);
    v = TANH(v / cap) * cap;
    if (n == LANES) STORE(x + i, v);
    else STORE_SOME(x + i, n, v);
  }
}
TARGETS(pare_cap, (size_t count, float cap, float *x), (count, cap, x))

INLINE void pare_scale_body(size_t count, float scale, float *x) {
  for (size_t i = 0; i < count; i++) x[i] *= scale;
}
TARGETS(pare_scale, (size_t count, float scale, float *x), (count, scale, x))

INLINE void pare_add_scaled_body(size_t count, float scale, const float *x, float *out) {
  for (size_t i = 0; i < count; i++) out[i] += scale * x[i];
}
TARGETS(
    pare_add_scaled, (size_t count, float scale, const float *x, float *out),
    (count, scale, x, out))

INLINE void pare_window_softmax_body(
    size_t rows, size_t columns, size_t stride, size_t first, size_t window, float scale,
    float cap, const float *sink, float *scores) {
  for (size_t r = 0; r < rows; r++) {
    float *row = scores + r * stride;
    size_t end = first + r + 1 < columns ? first + r + 1 : columns;
    size_t start = window && first + r + 1 > window ? first + r + 1 - window : 0;
    float *x = row + start;
    size_t count = end - start;
    pare_scale_body(count, scale, x);
    if (cap != 0) pare_cap_body(count, cap, x);
    size_t whole = count / LANES * LANES, rest = count - whole;
    vf top = SPLAT(sink ? *sink : -INFINITY);
    for (size_t i = 0; i < whole; i += LANES) top = MAX(top, LOAD(x + i));
    if (rest) top = MAX(top, LOAD_SOME(x + whole, rest, -INFINITY));
    float largest = LARGEST(top);
    vf sum = SPLAT(0);
    for (size_t i = 0; i < whole; i += LANES) {
      vf e = EXP(LOAD(x + i) - largest);
      sum += e;
      STORE(x + i, e);
    }
    float total = SUM(sum);
    if (rest) {
      vf e = EXP(LOAD_SOME(x + whole, rest, 0) - largest);
      for (size_t i = 0; i < rest; i++) total += e[i];
      STORE_SOME(x + whole, rest, e);
    }
    if (sink) total += expf(*sink - largest);
    pare_scale_body(count, 1.0f / total, x);
    if (start) memset(row, 0, start * sizeof(float));
    if (end < columns) memset(row + end, 0, (columns - end) * sizeof(float));
  }
}
TARGETS(
    pare_window_softmax,
    (size_t rows, size_t columns, size_t stride, size_t first, size_t window, float scale,
     float cap, const float *sink, float *scores),
    (rows, columns, stride, first, window, scale, cap, sink, scores))
