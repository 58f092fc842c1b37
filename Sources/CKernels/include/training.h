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
/// columns, which belong to columns `index[...]` of x; NULL means all in order. Its rows are
/// `stride` values apart.
void pare_add_branch(
    size_t rows, size_t width, size_t live, const int32_t *index, pare_dropout_rule rule,
    const float *x, const float *y, size_t stride, float *out);

/// The gradient of y above, from that of out: dy[r, j] ← dropout(dout)[r, index[j]].
void pare_branch_gradient(
    size_t rows, size_t width, size_t live, const int32_t *index, pare_dropout_rule rule,
    const float *dout, void *dy, size_t stride, int half);

/// Backward pass of `pare_layer_norm`: adds to dx, dweight and dbias (each but dx
/// may be NULL). x is the norm's input, dy the gradient of its output.
void pare_layer_norm_backward(
    size_t rows, size_t width, const float *x, const float *weight, float epsilon,
    const void *dy, int half, float *dx, float *dweight, float *dbias);

/// Backward pass of `pare_rms_norm`: dx ← the gradient of x, or dx ← dx + it where `adds` is not
/// 0; adds to dweight. dx may be dy.
void pare_rms_norm_backward(
    size_t rows, size_t width, const void *x, size_t x_stride, int x_half, const float *weight,
    float offset, float epsilon, const void *dy, size_t dy_stride, int dy_half, void *dx,
    size_t dx_stride, int dx_half, int adds, float *dweight);

/// Backward pass of `pare_activate`: d, the gradient of out, becomes that of the gate, and that of
/// up, where there is one, goes to `dup`. Not of `PARE_CLIPPED_SWIGLU`.
void pare_activate_backward(
    size_t count, int function, const void *gate, const void *up, void *d, void *dup, int half);

/// x ← x + bias for each row of `width` values, `stride` apart.
void pare_bias_forward(
    size_t rows, size_t width, size_t stride, const float *bias, void *x, int half);

/// sums ← sums + the columns' sums of d.
void pare_bias_backward(
    size_t rows, size_t width, size_t stride, const void *d, int half, float *sums);

/// Causal softmax of attention scores times `scale`: row r sees `seen + r` of
/// `columns` columns, the others become 0. Probabilities go to `kept`, negative
/// where dropout takes them away, and after dropout to `out`, which may be NULL
/// without dropout; what was in `scores` is lost. Value c of row r is number
/// `first + r × step + c`.
void pare_attention_softmax(
    size_t rows, size_t columns, size_t seen, float scale, pare_dropout_rule rule,
    uint32_t first, uint32_t step, float *scores, size_t score_stride, void *kept,
    size_t kept_stride, void *out, size_t out_stride, int half);

/// Probabilities that are computed already, kept and dropped as above.
void pare_keep_probabilities(
    size_t rows, size_t columns, pare_dropout_rule rule, uint32_t first, uint32_t step,
    const float *p, size_t p_stride, void *kept, size_t kept_stride, void *out,
    size_t out_stride, int half);

/// Backward pass of cap · tanh(scale · x / cap), where ds is the gradient times `scale` already:
/// ds ← ds · (1 − tanh²).
void pare_cap_backward(
    size_t rows, size_t columns, float scale, float cap, const float *x, size_t x_stride,
    void *ds, size_t stride, int half);

/// d ← d · scale · (1 − (y / cap)²), y = cap · tanh(scale · x / cap); cap 0 stands for none.
void pare_logit_backward(
    size_t count, float scale, float cap, const float *y, void *d, int half);

/// Backward pass of both softmaxes: `kept` as above becomes the probabilities after dropout, and
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
