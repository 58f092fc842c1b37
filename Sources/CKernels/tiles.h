// The eight AMX tiles, each of 16 rows of 64 bytes.
#ifndef PARE_TILES_H
#define PARE_TILES_H
#ifdef __x86_64__
#include <immintrin.h>
#include <stdint.h>

// Palette 1 (Intel SDM volume 1, 18.2): bytes of a row from 16 on, rows from 48 on.
__attribute__((target("amx-tile"))) static inline void begin_tiles(void) {
  struct {
    uint8_t palette, start, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
  } shapes = {.palette = 1};
  for (int i = 0; i < 8; i++) {
    shapes.row_bytes[i] = 64;
    shapes.rows[i] = 16;
  }
  _tile_loadconfig(&shapes);
}
#endif
#endif
