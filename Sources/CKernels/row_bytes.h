// Rows of blocks by one input, whose numbers are two bytes each.
#ifndef PARE_ROW_BYTES_H
#define PARE_ROW_BYTES_H
#ifdef __x86_64__
#include "rows.h"

/// 0 where a format's rows are not multiplied by bytes. Of `pare_takes_bits_apart` machines alone.
int pare_multiply_byte_rows(
    int format, const uint8_t *rows, size_t row_bytes, size_t count, size_t k,
    const pare_row_input *input, float *out);
#endif
#endif
