#include "blocks.h"
#include <string.h>

enum { most_bytes = 1024 };

int pare_find_places(pare_block_form *form, const uint8_t *block, const uint8_t *is_code,
                     uint16_t *places) {
  uint8_t changed[most_bytes];
  float before[PARE_MOST_BLOCK_WEIGHTS], after[PARE_MOST_BLOCK_WEIGHTS];
  int32_t found[PARE_MOST_BLOCK_WEIGHTS] = {0};
  if (form->weights > PARE_MOST_BLOCK_WEIGHTS || form->bytes > most_bytes) return 0;
  memcpy(changed, block, (size_t)form->bytes);
  pare_dequantize(0, form->format, changed, 1, before, 0);
  for (int32_t place = 0; place < 8 * form->bytes; place++) {
    if (!is_code[place / 8]) continue;
    changed[place / 8] ^= (uint8_t)(1 << place % 8);
    pare_dequantize(0, form->format, changed, 1, after, 0);
    changed[place / 8] ^= (uint8_t)(1 << place % 8);
    int32_t owner = -1;
    for (int32_t weight = 0; weight < form->weights; weight++) {
      if (memcmp(&before[weight], &after[weight], sizeof *before) == 0) continue;
      if (owner >= 0) return 0;
      owner = weight;
    }
    if (owner < 0 || found[owner] == PARE_MOST_CODE_BITS) return 0;
    places[owner * PARE_MOST_CODE_BITS + found[owner]++] = (uint16_t)place;
  }
  form->bits = found[0];
  for (int32_t weight = 0; weight < form->weights; weight++)
    if (found[weight] != found[0]) return 0;
  return found[0] > 0;
}

static inline void put_code(pare_block_form form, const uint16_t *place, unsigned code,
                            uint8_t *block) {
  for (int32_t bit = 0; bit < form.bits; bit++) {
    unsigned shift = place[bit] & 7;
    uint8_t *byte = block + (place[bit] >> 3);
    *byte = (uint8_t)((*byte & ~(1u << shift)) | (code >> bit & 1) << shift);
  }
}

void pare_block_codes(pare_block_form form, const uint16_t *places, const uint8_t *blocks,
                      size_t count, uint8_t *codes) {
  for (size_t index = 0; index < count; index++) {
    const uint8_t *block = blocks + index * (size_t)form.bytes;
    for (int32_t weight = 0; weight < form.weights; weight++) {
      const uint16_t *place = places + weight * PARE_MOST_CODE_BITS;
      unsigned code = 0;
      for (int32_t bit = 0; bit < form.bits; bit++)
        code |= (unsigned)(block[place[bit] >> 3] >> (place[bit] & 7) & 1) << bit;
      *codes++ = (uint8_t)code;
    }
  }
}

void pare_least_codes(pare_block_form form, const uint16_t *places, const uint8_t *blocks,
                      size_t count, uint8_t *codes) {
  uint8_t block[most_bytes];
  float values[PARE_MOST_BLOCK_WEIGHTS], least[PARE_MOST_BLOCK_WEIGHTS];
  for (size_t index = 0; index < count; index++, codes += form.weights) {
    memcpy(block, blocks + index * (size_t)form.bytes, (size_t)form.bytes);
    for (unsigned code = 0; code < 1u << form.bits; code++) {
      for (int32_t weight = 0; weight < form.weights; weight++)
        put_code(form, places + weight * PARE_MOST_CODE_BITS, code, block);
      pare_dequantize(0, form.format, block, 1, values, 0);
      for (int32_t weight = 0; weight < form.weights; weight++) {
        float size = values[weight] < 0 ? -values[weight] : values[weight];
        if (code > 0 && !(size < least[weight])) continue;
        least[weight] = size;
        codes[weight] = (uint8_t)code;
      }
    }
  }
}

void pare_put_block_codes(pare_block_form form, const uint16_t *places, const uint8_t *codes,
                          const uint64_t *kept, size_t count, uint8_t *blocks) {
  size_t position = 0;
  for (size_t index = 0; index < count; index++) {
    uint8_t *block = blocks + index * (size_t)form.bytes;
    for (int32_t weight = 0; weight < form.weights; weight++, position++)
      if (!(kept[position >> 6] >> (position & 63) & 1))
        put_code(form, places + weight * PARE_MOST_CODE_BITS, codes[position], block);
  }
}
