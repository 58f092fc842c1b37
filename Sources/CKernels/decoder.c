#include "decoder.h"

#include <math.h>

#include "sixteen.h"

INLINE void pare_rms_norm_body(
    size_t rows, size_t width, const void *x, size_t x_stride, int x_half, const float *weight,
    float offset, float epsilon, void *out, size_t out_stride, int out_half) {
  for (size_t r = 0; r < rows; r++) {
    size_t from = r * x_stride, to = r * out_stride;
    vf squares = SPLAT(0);
    for (size_t i = 0; i < width; i += LANES) {
      size_t n = width - i < LANES ? width - i : LANES;
      vf v = NEXT_ACT(x, from + i, n, x_half);
      squares += v * v;
    }
    float inverse = 1.0f / sqrtf(SUM(squares) / (float)width + epsilon);
    for (size_t i = 0; i < width; i += LANES) {
      size_t n = width - i < LANES ? width - i : LANES;
      vf y = NEXT_ACT(x, from + i, n, x_half) * inverse * (NEXT(weight + i, n) + offset);
      STORE_ACT(out, to + i, n, out_half, y);
    }
  }
}
TARGETS(
    pare_rms_norm,
    (size_t rows, size_t width, const void *x, size_t x_stride, int x_half, const float *weight,
     float offset, float epsilon, void *out, size_t out_stride, int out_half),
    (rows, width, x, x_stride, x_half, weight, offset, epsilon, out, out_stride, out_half))

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
#define UP(i, n) NEXT_ACT(up, i, n, half)
#define ACTIVATE(expression)                       \
  for (size_t i = 0; i < count; i += LANES) {      \
    size_t n = count - i < LANES ? count - i : LANES; \
    vf x = NEXT_ACT(gate, i, n, half);             \
    vf y = (expression);                           \
    if (up && function != PARE_CLIPPED_SWIGLU) y *= UP(i, n); \
    STORE_ACT(out, i, n, half, y);                 \
  }

INLINE void pare_activate_body(
    size_t count, int function, const void *gate, const void *up, void *out, int half) {
  switch (function) {
    case PARE_SILU: ACTIVATE(x * SIGMOID(x)) break;
    case PARE_GELU: ACTIVATE(GELU_ERF(x)) break;
    case PARE_GELU_TANH: ACTIVATE(GELU_TANH(x)) break;
    case PARE_RELU: ACTIVATE(MAX(x, SPLAT(0))) break;
    case PARE_CLIPPED_SWIGLU: ACTIVATE(CLIPPED_SWIGLU(x, up ? UP(i, n) : SPLAT(0))) break;
    default: break;
  }
}
TARGETS(
    pare_activate,
    (size_t count, int function, const void *gate, const void *up, void *out, int half),
    (count, function, gate, up, out, half))

static inline float get(const void *x, size_t i, int half) {
  if (!half) return ((const float *)x)[i];
  uint32_t bits = (uint32_t)((const uint16_t *)x)[i] << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static inline void put(void *x, size_t i, int half, float value) {
  if (!half) {
    ((float *)x)[i] = value;
    return;
  }
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  int is_nan = (bits & 0x7FFFFFFFu) > 0x7F800000u;
  uint32_t rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
  ((uint16_t *)x)[i] = (uint16_t)(is_nan ? bits >> 16 | 0x40u : rounded);
}

void pare_turn(
    size_t heads, size_t width, size_t pairs, int interleaved, int back, const float *angles,
    void *x, int half) {
  const float *cosines = angles, *sines = angles + pairs;
  size_t step = interleaved ? 2 : 1, apart = interleaved ? 1 : pairs;
  for (size_t h = 0; h < heads; h++)
    for (size_t i = 0; i < pairs; i++) {
      size_t at = h * width + i * step;
      float a = get(x, at, half), b = get(x, at + apart, half);
      float sine = back ? -sines[i] : sines[i];
      put(x, at, half, a * cosines[i] - b * sine);
      put(x, at + apart, half, b * cosines[i] + a * sine);
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
