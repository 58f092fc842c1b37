/// Codes of weights that lie on a grid, and their packing into bits.
#ifndef PARE_GRID_H
#define PARE_GRID_H
#include <stddef.h>
#include <stdint.h>

/// What one group's codes stand for: value = scale × (code + shift); on a `binary`
/// grid −scale and scale. Codes go from 0 to `highest`.
typedef struct {
  float scale, shift, highest;
  int binary;
} pare_codec;

/// The codes of values; 0 for those that the grid has no code for.
void pare_grid_codes(int level, pare_codec codec, const float *values, size_t count,
                     uint8_t *codes);

/// The values of codes.
void pare_grid_values(int level, pare_codec codec, const uint8_t *codes, size_t count,
                      float *values);

/// Whether some value is not the value of its code, bit for bit.
int pare_grid_misses(int level, pare_codec codec, const float *values, size_t count);

/// `count` codes of `bits` bits, 1...8, one after the other, least significant bit
/// first; ⌈count × bits / 8⌉ bytes, the bits behind the last code 0.
void pare_pack_codes(int level, const uint8_t *codes, size_t count, int bits, uint8_t *packed);

/// The codes again.
void pare_unpack_codes(int level, const uint8_t *packed, size_t count, int bits, uint8_t *codes);

#endif
