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

// Scale and minimum of sub-block `j` of Q4_K and Q5_K: six bits each in 12 bytes.
static inline void scale_and_minimum(const uint8_t *packed, int j, float *scale, float *minimum) {
  if (j < 4) {
    *scale = (float)(packed[j] & 63);
    *minimum = (float)(packed[j + 4] & 63);
  } else {
    *scale = (float)((packed[j + 4] & 15) | packed[j - 4] >> 6 << 4);
    *minimum = (float)(packed[j + 4] >> 4 | packed[j] >> 6 << 4);
  }
}

#define BODY "bodies/blocks.h"
#include "levels.h"

void pare_dequantize(int level, int format, const uint8_t *bytes, size_t blocks, float *out) {
  DISPATCH(dequantize, format, bytes, blocks, out)
}
