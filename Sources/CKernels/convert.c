#include "lanes.h"
#define BODY "bodies/convert.h"
#include "levels.h"

// Eight-bit floats: a sign, `exponent` bits with their bias, `mantissa` bits.
typedef struct {
  int exponent, mantissa, bias;
} layout;

static layout layout_of(int kind) {
  return kind == PARE_F8E4M3 ? (layout){4, 3, 7} : (layout){5, 2, 15};
}

static float eight_to_f32(int kind, uint8_t code) {
  layout l = layout_of(kind);
  int exponent = code >> l.mantissa & ((1 << l.exponent) - 1);
  int mantissa = code & ((1 << l.mantissa) - 1);
  float sign = code & 0x80 ? -1.0f : 1.0f;
  int last = exponent == (1 << l.exponent) - 1;
  // E4M3 has no infinities: only all ones is special.
  if (kind == PARE_F8E4M3 && last && mantissa == 7) return __builtin_nanf("") * sign;
  if (kind == PARE_F8E5M2 && last)
    return mantissa ? __builtin_nanf("") * sign : __builtin_inff() * sign;
  int place = (exponent ? exponent : 1) - l.bias - l.mantissa;
  float significand = (float)(mantissa | (exponent ? 1 << l.mantissa : 0));
  uint32_t power = (uint32_t)(place + 127) << 23;
  float scale;
  memcpy(&scale, &power, sizeof scale);
  return sign * significand * scale;
}

static uint8_t f32_to_eight(int kind, float value) {
  layout l = layout_of(kind);
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  uint8_t sign = (uint8_t)(bits >> 24 & 0x80);
  uint32_t magnitude = bits & MAGNITUDE;
  uint8_t nan = 0x7f, infinity = kind == PARE_F8E4M3 ? 0x7f : 0x7c;
  if (magnitude > INFINITE) return sign | nan;
  int drop = 23 - l.mantissa;
  uint32_t smallest = (uint32_t)(128 - l.bias) << 23;
  uint32_t code;
  if (magnitude < smallest) {
    // The sum's last place is the format's smallest number, so it rounds there.
    uint32_t power = (uint32_t)(128 - l.bias - l.mantissa + 23) << 23;
    float shift, positive;
    memcpy(&shift, &power, sizeof shift);
    memcpy(&positive, &magnitude, sizeof positive);
    positive += shift;
    memcpy(&code, &positive, sizeof code);
    code -= power;
  } else {
    uint32_t half = (1u << (drop - 1)) - 1 + (magnitude >> drop & 1);
    code = (magnitude + half - ((uint32_t)(127 - l.bias) << 23)) >> drop;
  }
  return sign | (uint8_t)(code > infinity ? infinity : code);
}

#define WIDEN(type)                                                                            \
  for (size_t i = 0; i < count; i++) {                                                         \
    type value;                                                                                \
    memcpy(&value, (const char *)values + i * sizeof(type), sizeof value);                     \
    out[i] = (float)value;                                                                     \
  }                                                                                            \
  break

void pare_widen(int level, int kind, const void *values, float *out, size_t count) {
  switch (kind) {
  case PARE_F32: memcpy(out, values, count * sizeof(float)); break;
  case PARE_F64: WIDEN(double);
  case PARE_I64: WIDEN(int64_t);
  case PARE_I32: WIDEN(int32_t);
  case PARE_I16: WIDEN(int16_t);
  case PARE_I8: WIDEN(int8_t);
  case PARE_U8: WIDEN(uint8_t);
  case PARE_BOOL:
    for (size_t i = 0; i < count; i++) out[i] = ((const uint8_t *)values)[i] != 0;
    break;
  case PARE_F8E4M3:
  case PARE_F8E5M2: {
    float table[256];
    for (int code = 0; code < 256; code++) table[code] = eight_to_f32(kind, (uint8_t)code);
    for (size_t i = 0; i < count; i++) out[i] = table[((const uint8_t *)values)[i]];
    break;
  }
  default: DISPATCH(widen, kind, values, out, count)
  }
}

void pare_narrow(int level, int kind, const float *values, void *out, size_t count) {
  switch (kind) {
  case PARE_F32: memcpy(out, values, count * sizeof(float)); break;
  case PARE_F64:
    for (size_t i = 0; i < count; i++) {
      double value = values[i];
      memcpy((char *)out + i * sizeof value, &value, sizeof value);
    }
    break;
  case PARE_F8E4M3:
  case PARE_F8E5M2:
    for (size_t i = 0; i < count; i++) ((uint8_t *)out)[i] = f32_to_eight(kind, values[i]);
    break;
  default: DISPATCH(narrow, kind, values, out, count)
  }
}

enum { TILE = 16 };

void pare_transpose(const float *values, size_t rows, size_t columns, size_t first, size_t last,
                    float *out) {
  for (size_t r0 = first; r0 < last; r0 += TILE)
    for (size_t c0 = 0; c0 < columns; c0 += TILE) {
      size_t r1 = r0 + TILE < last ? r0 + TILE : last;
      size_t c1 = c0 + TILE < columns ? c0 + TILE : columns;
      for (size_t c = c0; c < c1; c++)
        for (size_t r = r0; r < r1; r++) out[c * rows + r] = values[r * columns + c];
    }
}
