#include "blocks.h"
#include "block_numbers.h"
#include "lanes.h"

// Half of the number that an E4M3 byte stands for, its sign ignored.
static inline float half_e4m3(uint8_t code) {
  if (code == 0x7f) return 0;
  int exponent = code >> 3 & 15, mantissa = code & 7;
  if (exponent == 0) return (float)mantissa * 0x1p-10f;
  return (float)(mantissa + 8) * float_of((uint32_t)(exponent - 11 + 127) << 23);
}

#define BODY "bodies/blocks.h"
#include "levels.h"

void pare_dequantize(int level, int format, const uint8_t *bytes, size_t blocks, float *out,
                     int stream) {
  if ((uintptr_t)out % 64 != 0) stream = 0;
  DISPATCH(dequantize, format, bytes, blocks, out, stream)
}
