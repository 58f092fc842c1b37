/// Weights in blocks that share a scale: ggml's formats (ggml-common.h), as GGUF
/// files store them. All numbers are little-endian.
#ifndef PARE_BLOCKS_H
#define PARE_BLOCKS_H
#include <stddef.h>
#include <stdint.h>

/// Formats of blocks. Values and drawings of the layouts: `BlockFormat`.
enum {
  PARE_Q8_0, PARE_Q4_0, PARE_Q4_1, PARE_Q5_0, PARE_Q5_1, PARE_Q1_0, PARE_Q2_0,
  PARE_Q2_K, PARE_Q3_K, PARE_Q4_K, PARE_Q5_K, PARE_Q6_K,
  PARE_IQ4_NL, PARE_IQ4_XS, PARE_TQ1_0, PARE_TQ2_0, PARE_MXFP4, PARE_NVFP4,
  PARE_IQ1_S, PARE_IQ1_M, PARE_IQ2_XXS, PARE_IQ2_XS, PARE_IQ2_S, PARE_IQ3_XXS, PARE_IQ3_S,
  PARE_Q8_K
};

/// The weights of `blocks` blocks, at any address, as f32: every product and
/// difference rounded by itself, in the order of the formulas of `BlockFormat`, at
/// every `level`. Only the payload of a NaN, which no weight is, may differ. With
/// `stream` weights are written past the caches, if `out` is on a 64-byte boundary:
/// quicker where they would not stay in them, slower to read at once.
void pare_dequantize(int level, int format, const uint8_t *bytes, size_t blocks, float *out,
                     int stream);

/// Whether `pare_quantize_blocks` writes a format.
int pare_quantizes(int format);

/// `count` values, a whole number of blocks, in a format, byte for byte as ggml's
/// reference quantizers store them. Values that are not finite make blocks that
/// hold no meaning, and no trap. All levels give the same bytes, of such values too.
void pare_quantize_blocks(int level, int format, const float *values, size_t count, uint8_t *bytes);

/// Whether `pare_quantize_weighted` writes a format.
int pare_weighs(int format);

/// The same with errors weighed by the importance of each column, a mean of squares, byte
/// for byte as ggml stores them with an importance matrix. Columns are whole blocks.
void pare_quantize_weighted(int level, int format, const float *values, const float *importance,
                            size_t rows, size_t columns, uint8_t *bytes);

/// Codes apart from scales.
enum { PARE_MOST_BLOCK_WEIGHTS = 256, PARE_MOST_CODE_BITS = 8 };

/// Blocks of a format. `bits` of a weight make its code. Where they are is said by an array
/// of PARE_MOST_CODE_BITS places for each weight, the lowest bit's first: a place is a bit
/// of the block, bit 0 of byte 0 the first.
typedef struct {
  int32_t format, weights, bytes, bits;
} pare_block_form;

/// Finds the places of a format's codes, and how many bits they have: `block` is one whose
/// scales are 1, and `is_code` has a number above 0 for each byte of codes. Whether every
/// such bit belongs to one weight, and all weights have as many.
int pare_find_places(pare_block_form *form, const uint8_t *block, const uint8_t *is_code,
                     uint16_t *places);

/// The codes of `count` blocks, one a byte.
void pare_block_codes(pare_block_form form, const uint16_t *places, const uint8_t *blocks,
                      size_t count, uint8_t *codes);

/// The code of each weight whose value in its block is the nearest to 0.
void pare_least_codes(pare_block_form form, const uint16_t *places, const uint8_t *blocks,
                      size_t count, uint8_t *codes);

/// Puts codes into blocks: those of weights that are kept stay as they are. The first
/// weight's bit is the lowest of the first word.
void pare_put_block_codes(pare_block_form form, const uint16_t *places, const uint8_t *codes,
                          const uint64_t *kept, size_t count, uint8_t *blocks);


#endif
