#ifndef PARE_ROWS_H
#define PARE_ROWS_H
// Products of rows of weights, in the form a file has them, with one input: what writing a text
// takes. They are as quick as memory, so each weight is read once and no more than unpacked.
#include <stddef.h>
#include <stdint.h>

/// One input of `k` numbers. Blocks multiply it as whole numbers of 16 bits: each 32 of them have
/// a scale, which is the largest / 32767, so that little more is lost than by f32. Codes are
/// those of `k` rounded up to 512, 0 behind; there is a scale and a sum (of scale · codes) for
/// each sixteen and for each thirty-two.
typedef struct {
  const float *values;
  int16_t *codes;
  float *scales16, *sums16, *scales32, *sums32;
} pare_row_input;

/// Room for an input, in f32 values, on a boundary of 64 bytes.
size_t pare_row_room(size_t k);
pare_row_input pare_prepare_row(int level, size_t k, const float *values, float *room);

/// Whether blocks of a format are multiplied; the numbers are those of blocks.h.
int pare_multiplies_rows(int format);

/// out[r] = the product of row r and the input: rows of blocks, `row_bytes` apart, or of f32, f16
/// or bf16, `stride` numbers apart (`kind` as in ckernels.h). The order of each sum depends on
/// the level and k alone.
void pare_multiply_block_rows(
    int level, int format, const uint8_t *rows, size_t row_bytes, size_t count, size_t k,
    const pare_row_input *input, float *out);
void pare_multiply_rows(
    int level, int kind, const void *rows, size_t stride, size_t count, size_t k,
    const float *input, float *out);
#endif
