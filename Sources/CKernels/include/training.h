#ifndef PARE_TRAINING_H
#define PARE_TRAINING_H
// Inner loops of training that are no matrix products: what a transformer's
// forward pass must keep, and its backward pass. Activations are f32, or bf16
// where `half` is not 0; what is summed stays f32.
#include <stddef.h>
#include <stdint.h>

/// Which values dropout (Srivastava et al., 2014) takes away: value i goes when a
/// hash of (seed, i) is below `threshold`, rate × 2³²; the others are multiplied by
/// `scale`, 1 / (1 − rate). The hash needs no memory, so that the backward pass
/// asks it again. A threshold of 0 keeps all.
typedef struct {
  uint32_t seed, threshold;
  float scale;
} pare_dropout_rule;

/// x ← dropout(x) of `count` values.
void pare_dropout(size_t count, pare_dropout_rule rule, float *x);

/// out ← x + dropout(y): rows of `width` f32 values in x and out. y has `live`
/// columns, which belong to columns `index[...]` of x; NULL means all in order.
void pare_add_branch(
    size_t rows, size_t width, size_t live, const int32_t *index, pare_dropout_rule rule,
    const float *x, const float *y, float *out);

/// The gradient of y above, from that of out: dy[r, j] ← dropout(dout)[r, index[j]].
void pare_branch_gradient(
    size_t rows, size_t width, size_t live, const int32_t *index, pare_dropout_rule rule,
    const float *dout, void *dy, int half);

/// Backward pass of `pare_layer_norm`: adds to dx, dweight and dbias (each but dx
/// may be NULL). x is the norm's input, dy the gradient of its output.
void pare_layer_norm_backward(
    size_t rows, size_t width, const float *x, const float *weight, float epsilon,
    const void *dy, int half, float *dx, float *dweight, float *dbias);

/// out ← GELU(x), by the error function or in its tanh form.
void pare_gelu_forward(size_t count, const void *x, int tanh_form, void *out, int half);

/// d ← d · GELU′(x).
void pare_gelu_backward(size_t count, const void *x, int tanh_form, void *d, int half);

/// x ← x + bias for each row of `width` values, `stride` apart.
void pare_bias_forward(
    size_t rows, size_t width, size_t stride, const float *bias, void *x, int half);

/// sums ← sums + the columns' sums of d.
void pare_bias_backward(
    size_t rows, size_t width, size_t stride, const void *d, int half, float *sums);

/// Causal softmax of attention scores times `scale`: row r sees `seen + r` of
/// `columns` columns, the others become 0. Probabilities go to `kept`, negative
/// where dropout takes them away, and after dropout to `out`, which may be NULL
/// without dropout. Value c of row r is number `first + r × step + c`.
void pare_attention_softmax(
    size_t rows, size_t columns, size_t seen, float scale, pare_dropout_rule rule,
    uint32_t first, uint32_t step, const float *scores, size_t score_stride, void *kept,
    size_t kept_stride, void *out, size_t out_stride, int half);

/// Its backward pass: `kept` as above becomes the probabilities after dropout, and
/// ds the gradient of the scores, from the gradient `dp` of the probabilities.
void pare_attention_backward(
    size_t rows, size_t columns, float scale, pare_dropout_rule rule, const float *dp,
    size_t dp_stride, void *kept, void *ds, size_t stride, int half);

/// Cross-entropy of each row, in nats, and its gradient by the logits times `scale`.
void pare_cross_entropy_gradient(
    size_t rows, size_t width, const float *logits, const int32_t *targets, float scale,
    double *losses, void *gradient, int half);

/// One output channel whose values lie on whole codes (`ChannelDepth`):
/// q = scale · rint(clamp(w / scale, low, high)), to `out`, f32 or bf16.
void pare_depth_quantize(
    size_t count, const float *w, float scale, float low, float high, void *out, int half);

/// The squared error of those.
double pare_depth_error(size_t count, const float *w, float scale, float low, float high);

/// Straight-through gradients of self-compression (Cséfalvay and Imber, arXiv
/// 2301.13142, equation 1) of one channel of bit depth b > 0 and scale 2^e: g, the
/// gradient by q, becomes that by w; those by b and e go to `gradients[2]`. The size
/// penalty is not in.
void pare_depth_gradient(
    size_t count, const float *w, float scale, float depth, float *g, double gradients[2]);
#endif
