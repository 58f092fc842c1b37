#ifndef PARE_OPTIMIZE_H
#define PARE_OPTIMIZE_H
// Inner loops of optimizers: one pass over a stretch of a parameter and of what is
// remembered about it, all f32.
#include <stddef.h>
#include <stdint.h>

/// One step of AdamW (Loshchilov and Hutter, arXiv 1711.05101, algorithm 2), as
/// PyTorch orders its operations.
typedef struct {
  /// Learning rate of this step.
  float rate;
  float beta1, beta2, epsilon;
  /// Share of a weight that goes away per step, times the rate.
  float decay;
  /// 1 − β₁ᵗ and √(1 − β₂ᵗ) at step t, counted from 1.
  float correction1, root_correction2;
  /// By what gradients are multiplied first: clipping, and the mean of several
  /// batches.
  float gradient_scale;
} pare_adamw_step;

/// w, m and v ← those after a step with gradient g:
/// w ← w · (1 − rate · decay) − rate · (m / correction1) / (√v / root_correction2 + ε).
void pare_adamw(
    size_t count, const pare_adamw_step *step, const float *g, float *w, float *m, float *v);

/// Sum of squares, by sixteen sums of f64 that are added in a fixed order; what is
/// not finite makes it so.
void pare_squared_norm(size_t count, const float *x, double *sum);

/// Nesterov's momentum: m ← momentum · m + scale · g, out ← scale · g + momentum · m.
void pare_nesterov(
    size_t count, float scale, float momentum, const float *g, float *m, float *out);

/// out ← scale · x, in bf16 where `half` is not 0, else in f32.
void pare_scaled(size_t count, float scale, const float *x, void *out, int half);

/// out ← a·I + b·x + c·y for square matrices of `width` columns, x of the type of
/// out: bf16 where `half` is not 0. y is f32.
void pare_polynomial(
    size_t width, float a, float b, float c, const void *x, const float *y, void *out, int half);

/// w ← w · (1 − shrink) − rate · x, where x is bf16 or f32.
void pare_descend(size_t count, float shrink, float rate, const void *x, int half, float *w);
#endif
