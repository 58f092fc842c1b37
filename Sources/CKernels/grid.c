#include "lanes.h"
#include "grid.h"
#define BODY "bodies/grid.h"
#include "levels.h"

void pare_grid_codes(int level, pare_codec codec, const float *values, size_t count,
                     uint8_t *codes) {
  DISPATCH(grid_codes, codec, values, count, codes)
}

void pare_grid_values(int level, pare_codec codec, const uint8_t *codes, size_t count,
                      float *values) {
  DISPATCH(grid_values, codec, codes, count, values)
}

int pare_grid_misses(int level, pare_codec codec, const float *values, size_t count) {
  DISPATCH(grid_misses, codec, values, count)
}

void pare_pack_codes(int level, const uint8_t *codes, size_t count, int bits, uint8_t *packed) {
  DISPATCH(pack_codes, codes, count, bits, packed)
}

void pare_unpack_codes(int level, const uint8_t *packed, size_t count, int bits,
                       uint8_t *codes) {
  DISPATCH(unpack_codes, packed, count, bits, codes)
}
