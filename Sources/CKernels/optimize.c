#include "optimize.h"

#include "sixteen.h"

// Sixteen lanes of f64.
typedef double vd __attribute__((vector_size(128)));

#define STEPS(i, n, count)                                                     \
  for (size_t i = 0, n; i < (count) && (n = (count) - i < LANES ? (count) - i : LANES, 1); \
       i += LANES)

INLINE void pare_adamw_body(
    size_t count, const pare_adamw_step *step, const float *g, float *w, float *m, float *v) {
  const pare_adamw_step s = *step;
  const float kept = 1 - s.rate * s.decay, rate = s.rate / s.correction1;
  STEPS(i, n, count) {
    vf gradient = NEXT(g + i, n) * s.gradient_scale;
    vf first = NEXT(m + i, n), second = NEXT(v + i, n);
    first += (gradient - first) * (1 - s.beta1);
    second = second * s.beta2 + gradient * gradient * (1 - s.beta2);
    vf size = __builtin_elementwise_sqrt(second) / s.root_correction2 + s.epsilon;
    PUT(m + i, n, first);
    PUT(v + i, n, second);
    PUT(w + i, n, NEXT(w + i, n) * kept - first / size * rate);
  }
}
TARGETS(
    pare_adamw,
    (size_t count, const pare_adamw_step *step, const float *g, float *w, float *m, float *v),
    (count, step, g, w, m, v))

INLINE void pare_squared_norm_body(size_t count, const float *x, double *sum) {
  vd squares = {0};
  STEPS(i, n, count) {
    vf next = NEXT(x + i, n);
    vd wide = __builtin_convertvector(next, vd);
    squares += wide * wide;
  }
  double total = 0;
  for (size_t j = 0; j < LANES; j++) total += squares[j];
  *sum = total;
}
TARGETS(pare_squared_norm, (size_t count, const float *x, double *sum), (count, x, sum))

INLINE void pare_nesterov_body(
    size_t count, float scale, float momentum, const float *g, float *m, float *out) {
  STEPS(i, n, count) {
    vf gradient = NEXT(g + i, n) * scale;
    vf speed = NEXT(m + i, n) * momentum + gradient;
    PUT(m + i, n, speed);
    PUT(out + i, n, gradient + speed * momentum);
  }
}
TARGETS(
    pare_nesterov,
    (size_t count, float scale, float momentum, const float *g, float *m, float *out),
    (count, scale, momentum, g, m, out))

INLINE void pare_scaled_body(size_t count, float scale, const float *x, void *out, int half) {
  STEPS(i, n, count) STORE_ACT(out, i, n, half, NEXT(x + i, n) * scale);
}
TARGETS(
    pare_scaled, (size_t count, float scale, const float *x, void *out, int half),
    (count, scale, x, out, half))

INLINE void pare_polynomial_body(
    size_t width, float a, float b, float c, const void *x, const float *y, void *out,
    int half) {
  for (size_t r = 0; r < width; r++) {
    const size_t row = r * width;
    STEPS(i, n, width) {
      vf value = NEXT_ACT(x, row + i, n, half) * b + NEXT(y + row + i, n) * c;
      if (r - i < LANES) value[r - i] += a;
      STORE_ACT(out, row + i, n, half, value);
    }
  }
}
TARGETS(
    pare_polynomial,
    (size_t width, float a, float b, float c, const void *x, const float *y, void *out,
     int half),
    (width, a, b, c, x, y, out, half))

INLINE void pare_descend_body(
    size_t count, float shrink, float rate, const void *x, int half, float *w) {
  const float kept = 1 - shrink;
  STEPS(i, n, count) {
    vf weight = NEXT(w + i, n) * kept - NEXT_ACT(x, i, n, half) * rate;
    PUT(w + i, n, weight);
  }
}
TARGETS(
    pare_descend,
    (size_t count, float shrink, float rate, const void *x, int half, float *w),
    (count, shrink, rate, x, half, w))
