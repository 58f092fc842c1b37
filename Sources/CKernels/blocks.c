#include "blocks.h"
#include "block_numbers.h"
#include "codebooks.h"
#include "lanes.h"

#include <pthread.h>

// Half of the number that an E4M3 byte stands for, its sign ignored.
static inline float half_e4m3(uint8_t code) {
  if (code == 0x7f) return 0;
  int exponent = code >> 3 & 15, mantissa = code & 7;
  if (exponent == 0) return (float)mantissa * 0x1p-10f;
  return (float)(mantissa + 8) * float_of((uint32_t)(exponent - 11 + 127) << 23);
}

// The vectors of the codebooks, a signed byte each value; those of IQ1 times 8.
static uint64_t iq1[2048], iq2_xxs[256], iq2_xs[512], iq2_s[1024];
static uint32_t iq3_xxs[256], iq3_s[512];

// Writes the values that the digits of every number in the book stand for.
static void expand(const uint64_t *book, size_t words, size_t base, int length,
                   const int8_t *values, void *vectors) {
  int8_t *next = vectors;
  for (size_t word = 0; word < words; word++) {
    for (uint64_t bits = book[word]; bits; bits &= bits - 1) {
      size_t number = 64 * word + (size_t)__builtin_ctzll(bits);
      for (int i = 0; i < length; i++, number /= base) *next++ = values[number % base];
    }
  }
}

#define EXPAND(vectors, book, base, length, ...)                                    \
  expand(book, sizeof book / sizeof *book, base, length, (const int8_t[]){__VA_ARGS__}, vectors)

static void expand_books(void) {
  EXPAND(iq1, iq1_book, 3, 8, -8, 0, 8);
  EXPAND(iq2_xxs, iq2_xxs_book, 3, 8, 8, 25, 43);
  EXPAND(iq2_xs, iq2_xs_book, 3, 8, 8, 25, 43);
  EXPAND(iq2_s, iq2_s_book, 3, 8, 8, 25, 43);
  EXPAND(iq3_xxs, iq3_xxs_book, 8, 4, 4, 12, 20, 28, 36, 44, 52, 62);
  EXPAND(iq3_s, iq3_s_book, 8, 4, 1, 3, 5, 7, 9, 11, 13, 15);
}

#define BODY "bodies/blocks.h"
#include "levels.h"

void pare_dequantize(int level, int format, const uint8_t *bytes, size_t blocks, float *out,
                     int stream) {
  static pthread_once_t expanded = PTHREAD_ONCE_INIT;
  pthread_once(&expanded, expand_books);
  if ((uintptr_t)out % 64 != 0) stream = 0;
  DISPATCH(dequantize, format, bytes, blocks, out, stream)
}
