#ifndef PARE_ROWS_H
#define PARE_ROWS_H
// Products of rows of weights, in the form a file has them, with one input: what writing a text
// takes. They are as quick as memory, so each weight is read once and no more than unpacked.
#include <stddef.h>
#include <stdint.h>

/// One input of `k` numbers. Blocks multiply it as whole numbers of 16 bits: each 32 of them have
/// a scale, which is the largest / 32639, so that little more is lost than by f32, and a number is
/// 256 · high + low. Codes are those of `k` rounded up to 512, 0 behind; there is a scale and a
/// sum (of scale · codes) for each sixteen and for each thirty-two.
typedef struct {
  const float *values;
  int16_t *codes;
  int8_t *high, *low;
  /// The same, of each four blocks of 32 the first halves, then the second halves.
  int8_t *high4, *low4;
  float *scales16, *sums16, *scales32, *sums32;
  /// Values in the order of bf16 in words: of each 32 the even ones, then the odd ones, 0 behind
  /// the last.
  float *pairs;
} pare_row_input;

/// A level besides those of the instruction sets: AVX-512 with VNNI, which multiplies bytes.
enum { PARE_UNIT_BYTES = 18 };
int pare_best_rows(void);

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
    const pare_row_input *input, float *out);

// MARK: Rows of bitmaps and codes

/// Whether this machine can take the bits of codes and bitmaps apart in registers (AVX-512 with
/// VBMI, VBMI2 and VNNI). What follows is for such machines alone, and does nothing on others.
int pare_takes_bits_apart(void);

/// Bits in memory, the lowest of byte 0 first. Nothing behind the last byte is read.
typedef struct {
  const uint8_t *bytes;
  size_t count;
} pare_bits;

/// out[r] = the product of a row's kept numbers and the input. Row r's bits in `bitmap` begin with
/// bit `first_bit + r · columns`; its numbers, of f32, f16 or bf16 (`kind` as in ckernels.h), are
/// those from `starts[r]` to `starts[r + 1]` of `values`.
void pare_multiply_kept_rows(
    int kind, pare_bits values, pare_bits bitmap, size_t first_bit, const size_t *starts,
    size_t count, size_t columns, const pare_row_input *input, float *out);

/// One input for codes: each number is scale · (256 · high + low), the largest 32639 · scale.
/// `sums` are those of 256 · high + low of four neighbours. All are 0 from `count` to its next
/// multiple of 64.
typedef struct {
  size_t count;
  int8_t *high, *low;
  int32_t *sums;
  float scale, sum;
} pare_code_input;

/// Room for such an input, in bytes, on a boundary of 64.
size_t pare_code_room(size_t count);
pare_code_input pare_prepare_codes(size_t count, const float *values, void *room);

/// One row of codes: weight = scale · (code + shift). Codes are of 0 to 8 bits.
typedef struct {
  size_t bit;
  int32_t bits;
  float scale, shift;
} pare_code_row;
enum { PARE_ROW_CODE_BITS = 8 };

/// out[r] = the product of row r and the input. Where there is `kept`, a bit for each column of
/// PARE_CODE_COLUMNS at most, columns whose bit is 0 have no codes.
enum { PARE_CODE_COLUMNS = 1 << 14 };
void pare_multiply_code_rows(
    pare_bits codes, const pare_code_row *rows, size_t count, const uint64_t *kept,
    const pare_code_input *input, float *out);

/// What stands for a code: itself with the bits of `flip` turned over, or where there is a `table` of
/// 64 bytes, for codes of up to 6 bits, what that has in its place.
typedef struct {
  uint8_t flip;
  const uint8_t *table;
} pare_code_numbers;

/// The product of one row whose groups of `group` columns, a multiple of 4, have scales and shifts
/// of their own; `row`'s are not read. With a bitmap, whose bits begin at `first_bit`, there are
/// codes of set bits alone, and other weights are 0.
float pare_multiply_code_groups(
    pare_bits codes, const pare_code_row *row, pare_code_numbers numbers, size_t group,
    const float *scales, const float *shifts, const pare_bits *bitmap, size_t first_bit, const pare_code_input *input);
#endif
