#ifndef PARE_PANELS_H
#define PARE_PANELS_H
// Products of weights, which may be read just before from any form, and inputs, in an order that
// vectors of f32, those of bf16 and AMX tiles read alike. A panel is sixteen rows of weights or
// sixteen inputs; along k it is cut into chunks of 1024 bytes:
//
//     weights   16 rows × 64 bytes: a row's numbers beside each other
//     inputs    16 steps of k × 64 bytes: the numbers of sixteen inputs beside each other; of
//               bf16 a step is two k, and each input has both of its numbers beside each other
//
// What is missing at the end of k or of the rows is 0.
#include <stddef.h>
#include <stdint.h>

/// What numbers a product is made of; sums are f32.
enum {
  PARE_FULL,   // f32
  PARE_SPLIT,  // each the sum of two bf16, a high and a low one (Henry, Tang and Heinecke, 2019,
               // arXiv:1904.06376): three products, that of the low ones left out, which together
               // are within 2⁻¹⁶ of those of f32
  PARE_HALF,   // bf16
};

/// What computes them: vectors of the instruction set `level` (PARE_PLAIN and so on), bf16
/// instructions of AVX-512, or AMX. The plain one computes all kinds, the one of bf16
/// PARE_HALF alone, and AMX those of bf16.
enum { PARE_UNIT_BF16 = 16, PARE_UNIT_TILES = 17 };

/// The fastest unit of this machine for a kind; the first call asks Linux for the use of tiles.
int pare_best_unit(int kind);

/// Whether there are bf16 instructions of AVX-512.
int pare_has_bf16_unit(void);

/// Numbers along k in a chunk: 16 or 32.
size_t pare_chunk_length(int kind);

/// The quickest `level` to write panels with: that of the instruction set, or PARE_UNIT_BF16.
int pare_best_packing(void);

/// Writes panels of rows of `k` numbers, `stride` apart: `ceil(rows / 16)` panels of
/// `ceil(k / chunk)` chunks each. `low`, of PARE_SPLIT alone, gets the low parts; it may be NULL
/// where they are known to be 0.
void pare_pack_rows(
    int level, int kind, size_t rows, size_t k, const float *x, size_t stride, void *high,
    void *low);
void pare_pack_inputs(
    int level, int kind, size_t rows, size_t k, const float *x, size_t stride, void *high,
    void *low);

/// The same of rows whose numbers along k are `stride` apart and which stand beside each other:
/// x[k · stride + row]. The chunks of a panel are neighbours, panels `panel_bytes` apart.
void pare_pack_columns(
    int level, int kind, size_t rows, size_t k, const float *x, size_t stride, void *high,
    void *low, size_t panel_bytes);

/// The same of rows of blocks, `row_bytes` apart. `format` is one of blocks.h; a block has
/// `weights` weights in `bytes` bytes.
void pare_pack_blocks(
    int level, int kind, int format, size_t weights, size_t bytes, size_t rows, size_t k,
    const uint8_t *blocks, size_t row_bytes, void *high, void *low);

/// The same of rows of bf16, `stride` numbers apart, for kinds of bf16; they have no low parts.
void pare_pack_short_rows(
    size_t rows, size_t k, const uint16_t *x, size_t stride, void *high);

/// Panels of weights or inputs; `low` as above.
typedef struct {
  const void *high, *low;
  /// Rows, or inputs.
  size_t count;
} pare_panels;

/// out[i · stride + r] = Σ weights[r] · inputs[i] + bias[r], added to what is there where `adds`;
/// `bias` may be NULL. `room` is for `PARE_PANEL_INPUTS · rows` values, rows rounded up to 16.
/// The order of each sum depends on the unit and k alone.
enum { PARE_PANEL_INPUTS = 256 };
void pare_multiply_panels(
    int unit, int kind, size_t k, pare_panels weights, pare_panels inputs, float *room, float *out,
    size_t stride, const float *bias, int adds);

/// The first half of an MLP: f(gate · inputs + bias) · (up · inputs + bias), or without the second
/// product where `up.high` is NULL, as inputs of the product after it. `function` is one of
/// decoder.h, `high` and `low` where the chunk of the first row begins in the first panel of
/// inputs; panels are `panel_bytes` apart. Rows begin a chunk of that product. `room` is for
/// twice as many values as above.
void pare_multiply_gated(
    int unit, int kind, size_t k, pare_panels gate, pare_panels up, const float *gate_bias,
    const float *up_bias, int function, pare_panels inputs, float *room, void *high, void *low,
    size_t panel_bytes);

/// What attention does with scores.
typedef struct {
  float scale;
  /// Scores become cap · tanh(score / cap); 0 where they do not.
  float cap;
  /// Keys that a query sees, its own the last; 0 for all.
  size_t window;
  /// A score more, whose share is dropped; may be NULL.
  const float *sink;
} pare_attention;

/// Causal attention of some neighbouring queries of one head, from position `first` on:
/// out[i · stride + d] = Σ softmax(queries[i] · keysᵀ) · values[d]. `keys` are panels of rows of
/// all positions, `values` panels of columns: each of `value_width` rows has all positions along
/// k. `count` queries, at most 32, are rows of f32, `query_stride` apart. `room` is for
/// `pare_attention_room` values.
size_t pare_attention_room(size_t positions, size_t key_width);
void pare_attend_panels(
    int unit, int kind, size_t key_width, size_t value_width, size_t first, pare_panels keys,
    pare_panels values, size_t value_panel_bytes, const float *queries, size_t query_stride,
    size_t count, const pare_attention *rule, float *room, float *out, size_t stride);
#endif
