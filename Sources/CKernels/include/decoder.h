#ifndef PARE_DECODER_H
#define PARE_DECODER_H
// Inner loops of a decoder of the Llama kind that are no matrix products, compiled as
// those of transformer.h.
#include <stddef.h>
#include <stdint.h>

/// x / √(mean of squares + ε) · (weight + offset), row by row (Zhang and Sennrich, 2019).
/// Rows start `x_stride` and `out_stride` values apart; `x` and `out` may be the same memory.
/// `x_half` and `out_half` tell which of them is bf16 and not f32.
void pare_rms_norm(
    size_t rows, size_t width, const void *x, size_t x_stride, int x_half, const float *weight,
    float offset, float epsilon, void *out, size_t out_stride, int out_half);

/// out ← f(gate) · up; `up` may be NULL, and `out` the gate. All are bf16 where `half` is not 0.
enum { PARE_SILU, PARE_GELU, PARE_GELU_TANH, PARE_RELU, PARE_CLIPPED_SWIGLU };
void pare_activate(
    size_t count, int function, const void *gate, const void *up, void *out, int half);

/// Turns pairs of the first `2 · pairs` channels of each head: rows of `heads` heads of `width`
/// channels, by the cosines and sines at `angles` (`pairs` of each for a position, cosines
/// first); `back` the other way round. A pair is two neighbours, or `pairs` apart.
void pare_turn(
    size_t heads, size_t width, size_t pairs, int interleaved, int back, const float *angles,
    void *x, int half);

/// Softmax of attention scores in place. Row r sees the columns from `first + r − window + 1`
/// (from 0 where `window` is 0) to `first + r`; the others become 0. Scores are multiplied by
/// `scale`, then capped as cap · tanh(score / cap) where `cap` is not 0. `sink`, if there is one,
/// is a score more, whose share is dropped.
void pare_window_softmax(
    size_t rows, size_t columns, size_t stride, size_t first, size_t window, float scale,
    float cap, const float *sink, float *scores);

/// x ← cap · tanh(x / cap)
void pare_cap(size_t count, float cap, float *x);

/// x ← scale · x
void pare_scale(size_t count, float scale, float *x);

/// out ← out + scale · x
void pare_add_scaled(size_t count, float scale, const float *x, float *out);
#endif
