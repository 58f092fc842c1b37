#include "rows.h"
#include "block_numbers.h"
#include "blocks.h"
#include "lanes.h"
#include "row_bytes.h"

#define BODY "bodies/rows.h"
#include "levels.h"

static size_t padded(size_t k) { return (k + 511) / 512 * 512; }

size_t pare_row_room(size_t k) {
  return 5 * padded(k) / 2 + 2 * (padded(k) / 16 + padded(k) / 32);
}

static void prepare_row(int level, size_t k, const float *values, pare_row_input *input) {
  DISPATCH(prepare_row, k, values, input)
}

int pare_best_rows(void) { return pare_takes_bits_apart() ? PARE_UNIT_BYTES : pare_best_level(); }

// The instruction set of a level.
static int vectors(int level) { return level == PARE_UNIT_BYTES ? PARE_AVX512 : level; }

pare_row_input pare_prepare_row(int level, size_t k, const float *values, float *room) {
  size_t all = padded(k);
  pare_row_input input = {.values = values, .codes = (int16_t *)room};
  input.high = (int8_t *)(room + all / 2);
  input.low = input.high + all;
  input.high4 = input.low + all;
  input.low4 = input.high4 + all;
  input.scales16 = room + all * 3 / 2;
  input.sums16 = input.scales16 + all / 16;
  input.scales32 = input.sums16 + all / 16;
  input.sums32 = input.scales32 + all / 32;
  input.pairs = input.sums32 + all / 32;
  prepare_row(vectors(level), k, values, &input);
  return input;
}

int pare_multiplies_rows(int format) {
  switch (format) {
  case PARE_Q8_0:
  case PARE_Q4_0:
  case PARE_Q4_1:
  case PARE_Q5_0:
  case PARE_Q5_1:
  case PARE_Q4_K:
  case PARE_Q5_K:
  case PARE_Q6_K: return 1;
  default: return 0;
  }
}

void pare_multiply_block_rows(
    int level, int format, const uint8_t *rows, size_t row_bytes, size_t count, size_t k,
    const pare_row_input *input, float *out) {
#ifdef PARE_X86
  if (level == PARE_UNIT_BYTES) {
    if (pare_multiply_byte_rows(format, rows, row_bytes, count, k, input, out)) return;
    level = PARE_AVX512;
  }
#endif
  DISPATCH(multiply_block_rows, format, rows, row_bytes, count, k, input, out)
}

// Two rows at once, each fetched ahead, are a third quicker on Intel's processors. AMD's (Zen 4) read
// neighbouring rows in turn at less than half of the speed of one after the other.
static int in_pairs(void) {
#ifdef PARE_X86
  return !__builtin_cpu_is("amd");
#else
  return 1;
#endif
}

void pare_multiply_rows(
    int level, int kind, const void *rows, size_t stride, size_t count, size_t k,
    const pare_row_input *input, float *out) {
  level = vectors(level);
  DISPATCH(multiply_rows, kind, in_pairs(), rows, stride, count, k, input, out)
}
