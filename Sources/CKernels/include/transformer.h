#ifndef PARE_TRANSFORMER_H
#define PARE_TRANSFORMER_H
// Inner loops of a transformer that are no matrix products. Each is compiled for
// AVX-512, AVX2 and the plain machine, and picks one when it is called. Rows of
// a matrix are `stride` values apart; `width` of them count.
#include <stddef.h>
#include <stdint.h>

#include "panels.h"

/// Layer normalisation of rows (Ba et al., 2016): (x − mean) / √(variance + ε) ·
/// weight + bias. `weight` and `bias` may be NULL. Writes f32 to `out` and, when
/// `half` is not NULL, the same rounded to bf16 there (then `out` may be NULL).
void pare_layer_norm(
    size_t rows, size_t width, const float *x, const float *weight, const float *bias,
    float epsilon, float *out, uint16_t *half);

/// x ← x + bias for each row.
void pare_add_bias(size_t rows, size_t width, float *x, size_t stride, const float *bias);

/// Rounds to bf16, nearest, ties to even.
void pare_to_bf16(size_t count, const float *x, uint16_t *out);
void pare_from_bf16(size_t count, const uint16_t *x, float *out);

/// Whether all values are bf16, so that rounding would change none.
int pare_are_bf16(size_t count, const float *x);

/// out ← a + b.
void pare_sum(size_t count, const float *a, const float *b, float *out);

/// Cross-entropy −log softmax(logits)[target] of each row, in nats.
void pare_cross_entropy(
    size_t rows, size_t width, const float *logits, const int32_t *targets, double *losses);

/// Kullback–Leibler divergence Σ p·(log p − log q) in nats of two rows of logits.
void pare_divergence(
    size_t rows, size_t width, const float *p, const float *q, double *divergences);

/// Index of the largest value of each row; the first of several.
void pare_argmax(size_t rows, size_t width, const float *x, int32_t *indices);

/// Attention of one query over `count` cached keys and values, one head:
/// out ← softmax(q·Kᵀ)·V, scores changed by `rule`, whose window is not looked at. Query and keys
/// have `key_width` values, values and `out` have `value_width`; keys and values are f32, or bf16
/// where `half` is set. `scores` is room for `count` values.
void pare_attend(
    size_t count, size_t key_width, size_t value_width, size_t stride, const float *query,
    const void *keys, const void *values, int half, const pare_attention *rule, float *scores,
    float *out);
#endif
