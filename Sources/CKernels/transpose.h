// Sixteen rows of sixteen words, turned in place.
#ifndef PARE_TRANSPOSE_H
#define PARE_TRANSPOSE_H
#include "lanes.h"

#define INTERLEAVE_4(a, b, low) \
  __builtin_shufflevector(a, b, (low), (low) + 16, (low) + 1, (low) + 17, (low) + 4, (low) + 20, \
                          (low) + 5, (low) + 21, (low) + 8, (low) + 24, (low) + 9, (low) + 25,   \
                          (low) + 12, (low) + 28, (low) + 13, (low) + 29)
#define INTERLEAVE_8(a, b, low)                                                                   \
  __builtin_shufflevector(a, b, (low), (low) + 1, (low) + 16, (low) + 17, (low) + 4, (low) + 5,   \
                          (low) + 20, (low) + 21, (low) + 8, (low) + 9, (low) + 24, (low) + 25,   \
                          (low) + 12, (low) + 13, (low) + 28, (low) + 29)
#define HALVES(a, b, x, y)                                                                      \
  __builtin_shufflevector(a, b, 4 * (x), 4 * (x) + 1, 4 * (x) + 2, 4 * (x) + 3, 4 * (y),        \
                          4 * (y) + 1, 4 * (y) + 2, 4 * (y) + 3, 4 * (x) + 16, 4 * (x) + 17,    \
                          4 * (x) + 18, 4 * (x) + 19, 4 * (y) + 16, 4 * (y) + 17, 4 * (y) + 18, \
                          4 * (y) + 19)

INLINE void transpose(i32x16 rows[16]) {
  i32x16 other[16];
  // Within each quarter of four rows and four columns.
  for (int i = 0; i < 16; i += 4) {
    i32x16 a = INTERLEAVE_4(rows[i], rows[i + 1], 0), b = INTERLEAVE_4(rows[i], rows[i + 1], 2);
    i32x16 c = INTERLEAVE_4(rows[i + 2], rows[i + 3], 0);
    i32x16 d = INTERLEAVE_4(rows[i + 2], rows[i + 3], 2);
    other[i] = INTERLEAVE_8(a, c, 0);
    other[i + 1] = INTERLEAVE_8(a, c, 2);
    other[i + 2] = INTERLEAVE_8(b, d, 0);
    other[i + 3] = INTERLEAVE_8(b, d, 2);
  }
  // Quarters among each other.
  for (int i = 0; i < 4; i++) {
    i32x16 a = HALVES(other[i], other[i + 4], 0, 2), b = HALVES(other[i], other[i + 4], 1, 3);
    i32x16 c = HALVES(other[i + 8], other[i + 12], 0, 2);
    i32x16 d = HALVES(other[i + 8], other[i + 12], 1, 3);
    rows[i] = HALVES(a, c, 0, 2);
    rows[i + 4] = HALVES(b, d, 0, 2);
    rows[i + 8] = HALVES(a, c, 1, 3);
    rows[i + 12] = HALVES(b, d, 1, 3);
  }
}
#undef INTERLEAVE_4
#undef INTERLEAVE_8
#undef HALVES
#endif
