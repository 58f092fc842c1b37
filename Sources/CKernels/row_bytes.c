#ifdef __x86_64__
#include "row_bytes.h"
#include "block_numbers.h"
#include "blocks.h"
#include "lanes.h"
#include <immintrin.h>

#define BYTES                                                                                    \
  __attribute__((target(                                                                         \
      "avx2,fma,bmi2,lzcnt,popcnt,f16c,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")))

BYTES INLINE float half_number(const uint8_t *at) {
  return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128((int)u16_at(at))));
}

// 32 bytes twice.
BYTES INLINE __m512i twice(const uint8_t *at) {
  return _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *)at));
}

// One number for each word of the first and of the second 32 bytes.
BYTES INLINE __m512i halves_of(short first, short second) {
  return _mm512_inserti64x4(_mm512_set1_epi16(first), _mm256_set1_epi16(second), 1);
}

// Some bits of each byte, those of the second 32 bytes from another place.
BYTES INLINE __m512i moved_bits(__m512i bytes, short first, short second, char mask) {
  return _mm512_and_si512(
      _mm512_srlv_epi16(bytes, halves_of(first, second)), _mm512_set1_epi8(mask));
}

// Sums of products of 64 codes and numbers, four in a lane.
BYTES INLINE __m512 products(__m512i codes, const pare_row_input *input, size_t place) {
  __m512i high = _mm512_dpbusd_epi32(
      _mm512_setzero_si512(), codes, _mm512_loadu_si512(input->high + place));
  __m512i sums = _mm512_dpbusd_epi32(
      _mm512_slli_epi32(high, 8), codes, _mm512_loadu_si512(input->low + place));
  return _mm512_cvtepi32_ps(sums);
}

// Q4_K, and Q5_K, whose fifth bits stand before the others.
BYTES INLINE float k_row(
    int format, size_t size, const uint8_t *at, size_t k, const pare_row_input *input) {
  const __m512i pair = _mm512_set_epi32(1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0);
  __m512 sums[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()}, rest = _mm512_setzero_ps();
  for (size_t block = 0; block < k / 256; block++, at += size) {
    for (size_t line = 0; line < size; line += 64) FETCH(at + line);
    uint32_t words[4];
    scales_and_minima(at + 4, words);
    __m128i bytes = _mm_loadu_si128((const __m128i *)words);
    // Eight scales, then eight minima.
    __m512 unit = _mm512_insertf32x8(
        _mm512_set1_ps(half_number(at)), _mm256_set1_ps(-half_number(at + 2)), 1);
    __m512 x = _mm512_insertf32x8(
        _mm512_castps256_ps512(_mm256_loadu_ps(input->scales32 + 8 * block)),
        _mm256_loadu_ps(input->sums32 + 8 * block), 1);
    __m512 factor = _mm512_mul_ps(
        _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes)), unit), x);
    rest = _mm512_add_ps(rest, factor);
    __m512i fifth = format == PARE_Q5_K ? twice(at + 16) : _mm512_setzero_si512();
    for (short j = 0; j < 4; j++) {
      __m512i codes =
          moved_bits(twice(at + (format == PARE_Q5_K ? 48 : 16) + 32 * j), 0, 4, 15);
      if (format == PARE_Q5_K)
        codes = _mm512_or_si512(
            codes, _mm512_slli_epi16(moved_bits(fifth, (short)(2 * j), (short)(2 * j + 1), 1), 4));
      __m512 scale =
          _mm512_permutexvar_ps(_mm512_add_epi32(pair, _mm512_set1_epi32(2 * j)), factor);
      sums[j % 2] =
          _mm512_fmadd_ps(products(codes, input, 256 * block + 64 * (size_t)j), scale, sums[j % 2]);
    }
  }
  return _mm512_reduce_add_ps(_mm512_mask_add_ps(
      _mm512_add_ps(sums[0], sums[1]), 0xff00, _mm512_add_ps(sums[0], sums[1]), rest));
}

BYTES INLINE float q6_k_row(const uint8_t *at, size_t k, const pare_row_input *input) {
  const __m512i quad = _mm512_set_epi32(3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0);
  __m512 sums[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()}, rest = _mm512_setzero_ps();
  const __m512i nibble = _mm512_set1_epi8(15);
  for (size_t block = 0; block < k / 256; block++, at += 210) {
    for (size_t line = 0; line < 210; line += 64) FETCH(at + line);
    __m512 scale = _mm512_mul_ps(
        _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(at + 192)))),
        _mm512_set1_ps(half_number(at + 208)));
    rest = _mm512_fnmadd_ps(scale, _mm512_loadu_ps(input->sums16 + 16 * block), rest);
    scale = _mm512_mul_ps(scale, _mm512_loadu_ps(input->scales16 + 16 * block));
    for (size_t half = 0; half < 2; half++) {
      __m512i low = _mm512_loadu_si512(at + 64 * half), high = twice(at + 128 + 32 * half);
      __m512i codes[2] = {
          _mm512_or_si512(
              _mm512_and_si512(low, nibble), _mm512_slli_epi16(moved_bits(high, 0, 2, 3), 4)),
          _mm512_or_si512(
              _mm512_and_si512(_mm512_srli_epi16(low, 4), nibble),
              _mm512_slli_epi16(moved_bits(high, 4, 6, 3), 4))};
      for (size_t q = 0; q < 2; q++) {
        size_t group = 2 * half + q;
        __m512 factor = _mm512_permutexvar_ps(
            _mm512_add_epi32(quad, _mm512_set1_epi32((int)(4 * group))), scale);
        sums[q] =
            _mm512_fmadd_ps(products(codes[q], input, 256 * block + 64 * group), factor, sums[q]);
      }
    }
  }
  return _mm512_reduce_add_ps(_mm512_fmadd_ps(
      rest, _mm512_set1_ps(32), _mm512_add_ps(sums[0], sums[1])));
}

// Loads up to sixteen blocks of 32 weights. Their scales are then picked out of registers; a gather
// would load each of them from memory.
enum { GROUP = 16, GROUP_WORDS = 6 };

BYTES INLINE void load_group(const uint8_t *at, size_t bytes, __m512i *words) {
  for (size_t i = 0; i < bytes; i += 64) {
    FETCH(at + i);
    words[i / 64] = bytes >= i + 64
                        ? _mm512_loadu_si512(at + i)
                        : _mm512_maskz_loadu_epi8(~0ull >> (64 - (bytes - i)), at + i);
  }
}

// The numbers `offset` bytes behind the beginnings of blocks.
BYTES INLINE __m512 numbers_of(
    const __m512i *words, size_t size, size_t bytes, size_t offset) {
  const __m512i lane = _mm512_zextsi256_si512(
      _mm256_set_epi16(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
  // Which word of 16 bits each is; a permutation takes the lowest five bits of it.
  __m512i place = _mm512_add_epi16(
      _mm512_mullo_epi16(lane, _mm512_set1_epi16((short)(size / 2))),
      _mm512_set1_epi16((short)(offset / 2)));
  __m512i numbers = _mm512_maskz_permutexvar_epi16(
      (__mmask32)((1u << bytes / size) - 1), place, words[0]);
  for (size_t i = 64; i < bytes; i += 64) {
    size_t first = (i - offset + size - 1) / size;
    numbers = _mm512_mask_permutexvar_epi16(
        numbers, (__mmask32)(((1u << bytes / size) - 1) >> first << first), place, words[i / 64]);
  }
  return _mm512_cvtph_ps(_mm512_castsi512_si256(numbers));
}

// Bits 0 to 15 of four words, and bits 16 to 31.
BYTES INLINE void halves_of_bits(const uint8_t *const at[4], uint64_t halves[2]) {
  uint64_t first = u32_at(at[0]) | (uint64_t)u32_at(at[1]) << 32;
  uint64_t second = u32_at(at[2]) | (uint64_t)u32_at(at[3]) << 32;
  const uint64_t low = 0x0000ffff0000ffff;
  halves[0] = _pext_u64(first, low) | _pext_u64(second, low) << 32;
  halves[1] = _pext_u64(first, ~low) | _pext_u64(second, ~low) << 32;
}

// The products of four blocks of 32, not scaled, four lanes to each; `at` are their codes, which
// begin with the fifth bits where there are any.
BYTES INLINE __m512 four_blocks(
    int has_fifth, const uint8_t *const at[4], const int8_t *high, const int8_t *low) {
#define CODES(i) _mm_loadu_si128((const __m128i *)(at[i] + 4 * has_fifth))
  __m512i bytes = _mm512_zextsi128_si512(CODES(0));
  bytes = _mm512_mask_broadcast_i32x4(bytes, 0x00f0, CODES(1));
  bytes = _mm512_mask_broadcast_i32x4(bytes, 0x0f00, CODES(2));
  bytes = _mm512_mask_broadcast_i32x4(bytes, 0xf000, CODES(3));
#undef CODES
  const __m512i nibble = _mm512_set1_epi8(15), fifth = _mm512_set1_epi8(16);
  __m512i codes[2] = {
      _mm512_and_si512(bytes, nibble), _mm512_and_si512(_mm512_srli_epi16(bytes, 4), nibble)};
  if (has_fifth) {
    uint64_t halves[2];
    halves_of_bits(at, halves);
    for (int h = 0; h < 2; h++)
      codes[h] = _mm512_mask_add_epi8(codes[h], halves[h], codes[h], fifth);
  }
  __m512i sums = _mm512_setzero_si512();
  for (int h = 0; h < 2; h++)
    sums = _mm512_dpbusd_epi32(sums, codes[h], _mm512_loadu_si512(high + 64 * h));
  sums = _mm512_slli_epi32(sums, 8);
  for (int h = 0; h < 2; h++)
    sums = _mm512_dpbusd_epi32(sums, codes[h], _mm512_loadu_si512(low + 64 * h));
  return _mm512_cvtepi32_ps(sums);
}

// Rows of blocks of 32 with a scale, and perhaps a minimum.
BYTES INLINE float small_row(
    int format, size_t size, const uint8_t *at, size_t k, const pare_row_input *input) {
  const __m512i quad = _mm512_set_epi32(3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0);
  int has_minimum = format == PARE_Q4_1 || format == PARE_Q5_1;
  int has_fifth = format == PARE_Q5_0 || format == PARE_Q5_1;
  size_t skip = has_minimum ? 4 : 2;
  __m512 sums[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(),
                    _mm512_setzero_ps()};
  __m512 rest = _mm512_setzero_ps();
  // Behind the last block that one is taken again, and its scale is 0.
#define FOUR(q, some)                                                                       \
  if ((q) * 4 < (some)) {                                                                   \
    const uint8_t *four[4];                                                                 \
    for (size_t j = 0; j < 4; j++)                                                          \
      four[j] = at + size * ((q) * 4 + j < (some) ? (q) * 4 + j : (some) - 1) + skip;       \
    size_t first = 32 * block + 128 * (q);                                                  \
    __m512 factor =                                                                         \
        _mm512_permutexvar_ps(_mm512_add_epi32(quad, _mm512_set1_epi32(4 * (q))), scale);   \
    sums[q] = _mm512_fmadd_ps(                                                              \
        four_blocks(has_fifth, four, input->high4 + first, input->low4 + first), factor,    \
        sums[q]);                                                                           \
  }
#define BLOCKS(some)                                                                        \
  do {                                                                                      \
    __m512i words[GROUP_WORDS];                                                             \
    load_group(at, (some) * size, words);                                             \
    __m512 scale = numbers_of(words, size, (some) * size, 0);\
    __m512 sum = _mm512_loadu_ps(input->sums32 + block); \
    if (has_minimum)                                                                        \
      rest = _mm512_fmadd_ps(numbers_of(words, size, (some) * size, 2), sum, rest);                        \
    else                                                                                    \
      rest = _mm512_fnmadd_ps(                                                              \
          _mm512_mul_ps(scale, _mm512_set1_ps(has_fifth ? 16 : 8)), sum, rest);             \
    scale = _mm512_mul_ps(scale, _mm512_loadu_ps(input->scales32 + block));                 \
    FOUR(0, some) FOUR(1, some) FOUR(2, some) FOUR(3, some)                                 \
  } while (0)
  const size_t blocks = k / 32;
  size_t block = 0;
  for (; block + GROUP <= blocks; block += GROUP, at += GROUP * size) BLOCKS(GROUP);
  if (block < blocks) BLOCKS(blocks - block);
#undef BLOCKS
#undef FOUR
  return _mm512_reduce_add_ps(_mm512_add_ps(
      rest, _mm512_add_ps(_mm512_add_ps(sums[0], sums[1]), _mm512_add_ps(sums[2], sums[3]))));
}

// Rows of Q8_0. The instruction takes weights without a sign: 128 is added to each, and taken away by
// the sums of the input.
BYTES INLINE float q8_row(const uint8_t *at, size_t k, const pare_row_input *input) {
  enum { SIZE = 34, EIGHT = 8 };
  const __m512i pair = _mm512_set_epi32(1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0);
  const __m512i sign = _mm512_set1_epi8((char)0x80);
  __m512 sums[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
  __m256 rest = _mm256_setzero_ps();
  const size_t blocks = k / 32;
  // Behind the last block that one is taken again, and its scale is 0.
#define BLOCK(j, some) (at + SIZE * ((j) < (some) ? (j) : (some) - 1))
#define EIGHT_BLOCKS(some)                                                                       \
  do {                                                                                           \
    __m128i bits = _mm_setr_epi16(                                                               \
        (short)u16_at(BLOCK(0, some)), (short)u16_at(BLOCK(1, some)),                            \
        (short)u16_at(BLOCK(2, some)), (short)u16_at(BLOCK(3, some)),                            \
        (short)u16_at(BLOCK(4, some)), (short)u16_at(BLOCK(5, some)),                            \
        (short)u16_at(BLOCK(6, some)), (short)u16_at(BLOCK(7, some)));                           \
    __m256 scale = _mm256_maskz_cvtph_ps((__mmask8)((1u << (some)) - 1), bits);                  \
    rest = _mm256_fnmadd_ps(scale, _mm256_loadu_ps(input->sums32 + block), rest);                \
    __m512 factors = _mm512_castps256_ps512(                                                     \
        _mm256_mul_ps(scale, _mm256_loadu_ps(input->scales32 + block)));                         \
    for (size_t j = 0; j < (some); j += 2) {                                                     \
      __m512i codes = _mm512_inserti64x4(                                                        \
          _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)(BLOCK(j, some) + 2))),     \
          _mm256_loadu_si256((const __m256i *)(BLOCK(j + 1, some) + 2)), 1);                     \
      __m512 factor = _mm512_permutexvar_ps(                                                     \
          _mm512_add_epi32(pair, _mm512_set1_epi32((int)j)), factors);                           \
      sums[j / 2 % 2] = _mm512_fmadd_ps(                                                         \
          products(_mm512_xor_si512(codes, sign), input, 32 * (block + j)), factor,              \
          sums[j / 2 % 2]);                                                                      \
    }                                                                                            \
  } while (0)
  size_t block = 0;
  for (; block + EIGHT <= blocks; block += EIGHT, at += EIGHT * SIZE) {
    for (size_t line = 0; line < EIGHT * SIZE; line += 64) FETCH(at + line);
    EIGHT_BLOCKS(EIGHT);
  }
  if (block < blocks) EIGHT_BLOCKS(blocks - block);
#undef EIGHT_BLOCKS
#undef BLOCK
  __m512 all = _mm512_add_ps(sums[0], sums[1]);
  return _mm512_reduce_add_ps(
      _mm512_fmadd_ps(_mm512_zextps256_ps512(rest), _mm512_set1_ps(128), all));
}

BYTES int pare_multiply_byte_rows(
    int format, const uint8_t *rows, size_t row_bytes, size_t count, size_t k,
    const pare_row_input *input, float *out) {
#define EACH(row)                                                             \
  for (size_t r = 0; r < count; r++, rows += row_bytes) out[r] = row;         \
  return 1
  switch (format) {
  case PARE_Q8_0: EACH(q8_row(rows, k, input));
  case PARE_Q4_0: EACH(small_row(PARE_Q4_0, 18, rows, k, input));
  case PARE_Q4_1: EACH(small_row(PARE_Q4_1, 20, rows, k, input));
  case PARE_Q5_0: EACH(small_row(PARE_Q5_0, 22, rows, k, input));
  case PARE_Q5_1: EACH(small_row(PARE_Q5_1, 24, rows, k, input));
  case PARE_Q4_K: EACH(k_row(PARE_Q4_K, 144, rows, k, input));
  case PARE_Q5_K: EACH(k_row(PARE_Q5_K, 176, rows, k, input));
  case PARE_Q6_K: EACH(q6_k_row(rows, k, input));
  default: return 0;
  }
#undef EACH
}
#endif
