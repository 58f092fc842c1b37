// Rows of bitmaps and of codes of any number of bits by one input.
#include "lanes.h"
#include "rows.h"

int pare_takes_bits_apart(void) {
#ifdef PARE_X86
  return pare_best_level() == PARE_AVX512 && __builtin_cpu_supports("avx512vbmi") &&
         __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("avx512vnni");
#else
  return 0;
#endif
}

static size_t padded(size_t count) { return (count + 63) / 64 * 64; }

size_t pare_code_room(size_t count) { return padded(count) * 3; }

static pare_code_input code_input(size_t count, void *room) {
  size_t all = padded(count);
  int8_t *high = room;
  return (pare_code_input){
      .count = count, .high = high, .low = high + all, .sums = (int32_t *)(high + 2 * all)};
}

// Numbers that are not finite make a scale of NaN, and so the product one.
INLINE void code_values(size_t count, const float *values, pare_code_input *input) {
  size_t all = padded(count);
  uint32_t most = 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, &values[i], sizeof bits);
    bits &= MAGNITUDE;
    most = bits > most ? bits : most;
  }
  float largest;
  memcpy(&largest, &most, sizeof largest);
  int is_finite = most < INFINITE;
  float scale = largest > 1e-30f ? largest / 32639 : 0;
  float inverse = scale > 0 && is_finite ? 1 / scale : 0;
  for (size_t i = 0; i < count; i++) {
    // To the nearest whole number, by adding 1.5·2²³.
    float rounded = is_finite ? (values[i] * inverse + 12582912.0f) - 12582912.0f : 0;
    int32_t code = (int32_t)rounded, high = (code + 128) >> 8;
    input->high[i] = (int8_t)high;
    input->low[i] = (int8_t)(code - high * 256);
  }
  memset(input->high + count, 0, all - count);
  memset(input->low + count, 0, all - count);
  input->scale = is_finite ? scale : __builtin_nanf("");
}

#ifdef PARE_X86
#include <immintrin.h>

#define BITS                                                                                     \
  __attribute__((target(                                                                         \
      "avx2,fma,bmi2,lzcnt,popcnt,f16c,avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,"           \
      "avx512vbmi2,avx512vnni")))

BITS INLINE __m512i joined(__m512i high, __m512i low) {
  return _mm512_add_epi32(_mm512_slli_epi32(high, 8), low);
}

BITS static void add_up(pare_code_input *input) {
  const __m512i ones = _mm512_set1_epi8(1);
  __m512i sum = _mm512_setzero_si512();
  for (size_t i = 0; i < padded(input->count); i += 64) {
    __m512i high = _mm512_dpbusd_epi32(
        _mm512_setzero_si512(), ones, _mm512_loadu_si512(input->high + i));
    __m512i low = _mm512_dpbusd_epi32(
        _mm512_setzero_si512(), ones, _mm512_loadu_si512(input->low + i));
    __m512i four = joined(high, low);
    _mm512_storeu_si512(input->sums + i / 4, four);
    __m512i first = _mm512_cvtepi32_epi64(_mm512_castsi512_si256(four));
    __m512i second = _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(four, 1));
    sum = _mm512_add_epi64(sum, _mm512_add_epi64(first, second));
  }
  input->sum = (float)_mm512_reduce_add_epi64(sum);
}

BITS static pare_code_input keep_columns(
    const pare_code_input *input, const uint64_t *kept, void *room) {
  size_t count = 0, all = padded(input->count);
  for (size_t i = 0; i < all / 64; i++) count += (size_t)__builtin_popcountll(kept[i]);
  pare_code_input found = code_input(count, room);
  found.scale = input->scale;
  size_t place = 0;
  for (size_t i = 0; i < all / 64; i++) {
    __m512i high = _mm512_maskz_compress_epi8(kept[i], _mm512_loadu_si512(input->high + 64 * i));
    __m512i low = _mm512_maskz_compress_epi8(kept[i], _mm512_loadu_si512(input->low + 64 * i));
    size_t some = (size_t)__builtin_popcountll(kept[i]);
    __mmask64 there = _bzhi_u64(~0ull, (unsigned)some);
    _mm512_mask_storeu_epi8(found.high + place, there, high);
    _mm512_mask_storeu_epi8(found.low + place, there, low);
    place += some;
  }
  memset(found.high + count, 0, padded(count) - count);
  memset(found.low + count, 0, padded(count) - count);
  add_up(&found);
  return found;
}

// 64 bits, 0 behind the end.
BITS INLINE uint64_t bits_at(pare_bits bits, size_t bit) {
  size_t byte = bit / 8;
  uint64_t word = 0;
  if (LIKELY(byte + 9 <= bits.count)) {
    memcpy(&word, bits.bytes + byte, 8);
    if (bit % 8 == 0) return word;
    return word >> bit % 8 | (uint64_t)bits.bytes[byte + 8] << (64 - bit % 8);
  }
  for (size_t i = 0; i < 9 && byte + i < bits.count; i++) {
    uint64_t next = bits.bytes[byte + i];
    if (8 * i >= bit % 8) word |= 8 * i - bit % 8 < 64 ? next << (8 * i - bit % 8) : 0;
    else word |= next >> (bit % 8 - 8 * i);
  }
  return word;
}

// What is there of 64 bytes.
BITS INLINE __m512i bytes_at(pare_bits bits, size_t byte) {
  if (LIKELY(byte + 64 <= bits.count)) return _mm512_loadu_si512(bits.bytes + byte);
  size_t some = byte < bits.count ? bits.count - byte : 0;
  return _mm512_maskz_loadu_epi8(_bzhi_u64(~0ull, (unsigned)some), bits.bytes + byte);
}

// How codes of `bits` bits are taken apart: which eight bytes have each eight codes, and where in
// them a code is. The first code begins within the first byte, so of 7 bits eight codes end within
// the eighth byte; of 8 bits they do where they are whole bytes.
typedef struct {
  __m512i bytes, places, mask;
  int bits;
} spreading;

BITS INLINE spreading spreading_of(int bits) {
  const __m512i quad = _mm512_set_epi8(
      7, 7, 7, 7, 7, 7, 7, 7, 6, 6, 6, 6, 6, 6, 6, 6, 5, 5, 5, 5, 5, 5, 5, 5, 4, 4, 4, 4, 4, 4, 4,
      4, 3, 3, 3, 3, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0,
      0, 0);
  const __m512i step = _mm512_set1_epi64(0x0706050403020100);
  // Products of small numbers, as 16 bits.
  __m512i low = _mm512_set1_epi16((short)bits), byte = _mm512_set1_epi16(0xff);
  __m512i even = _mm512_mullo_epi16(_mm512_and_si512(quad, byte), low);
  __m512i first = _mm512_or_si512(even, _mm512_slli_epi16(even, 8));
  __m512i places = _mm512_or_si512(
      _mm512_mullo_epi16(_mm512_and_si512(step, byte), low),
      _mm512_slli_epi16(_mm512_mullo_epi16(_mm512_srli_epi16(step, 8), low), 8));
  return (spreading){
      _mm512_add_epi8(first, step), places, _mm512_set1_epi8((char)((1 << bits) - 1)), bits};
}

// 64 codes from a bit on.
BITS INLINE __m512i codes_at(pare_bits codes, size_t bit, spreading spread) {
  if (spread.bits == 8 && bit % 8 != 0) {
    int right = (int)(bit % 8);
    __m512i first = _mm512_srli_epi16(bytes_at(codes, bit / 8), right);
    __m512i second = _mm512_slli_epi16(bytes_at(codes, bit / 8 + 1), 8 - right);
    __m512i from_first = _mm512_set1_epi8((char)(0xff >> right));
    return _mm512_ternarylogic_epi64(from_first, first, second, 0xca);
  }
  __m512i bytes = _mm512_permutexvar_epi8(spread.bytes, bytes_at(codes, bit / 8));
  __m512i places = _mm512_add_epi8(spread.places, _mm512_set1_epi8((char)(bit % 8)));
  return _mm512_and_si512(_mm512_multishift_epi64_epi8(places, bytes), spread.mask);
}

BITS static void code_rows(
    pare_bits codes, const pare_code_row *rows, size_t count, const pare_code_input *input,
    float *out) {
  spreading spread = spreading_of(0);
  for (size_t r = 0; r < count; r++) {
    const pare_code_row *row = &rows[r];
    if (row->scale == 0) {
      out[r] = 0;
      continue;
    }
    __m512i high[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    __m512i low[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    if (row->bits > 0) {
      if (row->bits != spread.bits) spread = spreading_of(row->bits);
      size_t bit = row->bit, i = 0;
      for (; i + 128 <= padded(input->count); i += 128)
        for (size_t j = 0; j < 2; j++, bit += 64 * (size_t)row->bits) {
          __m512i some = codes_at(codes, bit, spread);
          high[j] = _mm512_dpbusd_epi32(
              high[j], some, _mm512_loadu_si512(input->high + i + 64 * j));
          low[j] = _mm512_dpbusd_epi32(low[j], some, _mm512_loadu_si512(input->low + i + 64 * j));
        }
      if (i < input->count) {
        __m512i some = codes_at(codes, bit, spread);
        high[0] = _mm512_dpbusd_epi32(high[0], some, _mm512_loadu_si512(input->high + i));
        low[0] = _mm512_dpbusd_epi32(low[0], some, _mm512_loadu_si512(input->low + i));
      }
    }
    __m512 whole = _mm512_cvtepi32_ps(_mm512_add_epi32(high[0], high[1]));
    __m512 part = _mm512_cvtepi32_ps(_mm512_add_epi32(low[0], low[1]));
    float sum = _mm512_reduce_add_ps(_mm512_fmadd_ps(whole, _mm512_set1_ps(256), part));
    out[r] = row->scale * input->scale * (sum + row->shift * input->sum);
  }
}

// Each lane's number: that of the group of its four columns.
BITS INLINE __m512 of_groups(const float *numbers, size_t column, size_t group, size_t columns) {
  if (LIKELY(column / group == (column + 63) / group))
    return _mm512_set1_ps(numbers[column / group]);
  if (group == 16 || group == 32) {
    size_t left = (columns - column + group - 1) / group;
    const __m512i lane = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    return _mm512_permutexvar_ps(
        _mm512_srli_epi32(lane, group == 16 ? 2 : 3),
        _mm512_maskz_loadu_ps((__mmask16)((1u << smaller(left, 64 / group)) - 1),
                              numbers + column / group));
  }
  float lanes[16];
  for (size_t i = 0; i < 16; i++)
    lanes[i] = column + 4 * i < columns ? numbers[(column + 4 * i) / group] : 0;
  return _mm512_loadu_ps(lanes);
}

BITS float pare_multiply_code_groups(
    pare_bits codes, const pare_code_row *row, pare_code_numbers numbers, size_t group,
    const float *scales, const float *shifts, const pare_bits *bitmap, size_t first_bit,
    const pare_code_input *input) {
  const __m512i none = _mm512_setzero_si512(), ones = _mm512_set1_epi8(1);
  const __m512i flip = _mm512_set1_epi8((char)numbers.flip);
  const __m512i table = numbers.table ? _mm512_loadu_si512(numbers.table) : none;
  spreading spread = spreading_of(row->bits);
  size_t bit = row->bit, columns = input->count;
  __m512 sum = _mm512_setzero_ps();
  for (size_t i = 0; i < columns; i += 64) {
    __m512i some = _mm512_xor_si512(codes_at(codes, bit, spread), flip);
    if (numbers.table) some = _mm512_permutexvar_epi8(some, table);
    __m512i x = _mm512_loadu_si512(input->high + i), y = _mm512_loadu_si512(input->low + i);
    __m512i sums;
    if (bitmap) {
      uint64_t kept = bits_at(*bitmap, first_bit + i);
      if (columns - i < 64) kept = _bzhi_u64(kept, (unsigned)(columns - i));
      bit += (size_t)__builtin_popcountll(kept) * (size_t)row->bits;
      some = _mm512_maskz_expand_epi8(kept, some);
      __m512i there = _mm512_maskz_mov_epi8(kept, ones);
      sums = joined(_mm512_dpbusd_epi32(none, there, x), _mm512_dpbusd_epi32(none, there, y));
    } else {
      bit += 64 * (size_t)row->bits;
      sums = _mm512_loadu_si512(input->sums + i / 4);
    }
    __m512 products = _mm512_cvtepi32_ps(
        joined(_mm512_dpbusd_epi32(none, some, x), _mm512_dpbusd_epi32(none, some, y)));
    __m512 shift = of_groups(shifts, i, group, columns);
    products = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums), shift, products);
    sum = _mm512_fmadd_ps(products, of_groups(scales, i, group, columns), sum);
  }
  return _mm512_reduce_add_ps(sum) * input->scale;
}

// MARK: Kept numbers

// Adds the products of 32 numbers of 16 bits with their inputs. Pruned numbers are 0.
BITS INLINE void add_pairs(int kind, __m512i x, const float *pairs, __m512 sums[2]) {
  __m512 even, odd;
  if (kind == PARE_BF16) {
    even = _mm512_castsi512_ps(_mm512_slli_epi32(x, 16));
    odd = _mm512_castsi512_ps(_mm512_and_si512(x, _mm512_set1_epi32((int)0xffff0000)));
  } else {
    even = _mm512_cvtph_ps(_mm512_cvtepi32_epi16(x));
    odd = _mm512_cvtph_ps(_mm512_cvtepi32_epi16(_mm512_srli_epi32(x, 16)));
  }
  sums[0] = _mm512_fmadd_ps(even, _mm512_loadu_ps(pairs), sums[0]);
  sums[1] = _mm512_fmadd_ps(odd, _mm512_loadu_ps(pairs + 16), sums[1]);
}

// The products of whole words of 64 columns whose bits begin with a byte, with 64 bytes behind the
// row's numbers: nothing is asked on the way.
BITS INLINE void whole_words(
    int kind, const uint8_t *values, const uint8_t *bits, size_t columns,
    const pare_row_input *input, __m512 *sums) {
  for (size_t i = 0; i < columns; i += 64)
    for (size_t j = 0; j < 2; j++, bits += 4) {
      uint32_t word;
      memcpy(&word, bits, sizeof word);
      FETCH(values);
      __m512i x = _mm512_maskz_expand_epi16(word, _mm512_loadu_si512(values));
      values += 2 * (size_t)__builtin_popcount(word);
      add_pairs(kind, x, input->pairs + i + 32 * j, sums + 2 * j);
    }
}

BITS INLINE float kept_row(
    int kind, pare_bits values, const size_t *starts, pare_bits bitmap, size_t bit, size_t columns,
    const pare_row_input *input) {
  __m512 sums[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(),
                    _mm512_setzero_ps()};
  size_t place = starts[0], i = 0;
  for (size_t j = 0; j < columns; j += 512) FETCH(bitmap.bytes + (bit + j) / 8);
  if (kind != PARE_F32 && bit % 8 == 0 && columns % 64 == 0 &&
      2 * starts[1] + 64 <= values.count) {
    whole_words(kind, values.bytes + 2 * place, bitmap.bytes + bit / 8, columns, input, sums);
    i = columns;
  }
  for (; i < columns; i += 64) {
    uint64_t kept = bits_at(bitmap, bit + i);
    if (columns - i < 64) kept = _bzhi_u64(kept, (unsigned)(columns - i));
    if (kind == PARE_F32) {
      for (size_t j = 0; j < 4; j++, kept >>= 16) {
        __mmask16 some = (__mmask16)kept;
        FETCH(values.bytes + 4 * place);
        __m512 x = _mm512_maskz_expand_ps(
            some, _mm512_castsi512_ps(bytes_at(values, 4 * place)));
        sums[j] = _mm512_fmadd_ps(
            x, _mm512_maskz_loadu_ps(some, input->values + i + 16 * j), sums[j]);
        place += (size_t)__builtin_popcount(some);
      }
      continue;
    }
    for (size_t j = 0; j < 2; j++, kept >>= 32) {
      __mmask32 some = (__mmask32)kept;
      FETCH(values.bytes + 2 * place);
      __m512i x = _mm512_maskz_expand_epi16(some, bytes_at(values, 2 * place));
      place += (size_t)__builtin_popcount(some);
      add_pairs(kind, x, input->pairs + i + 32 * j, sums + 2 * j);
    }
  }
  return _mm512_reduce_add_ps((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

BITS void pare_multiply_kept_rows(
    int kind, pare_bits values, pare_bits bitmap, size_t first_bit, const size_t *starts,
    size_t count, size_t columns, const pare_row_input *input, float *out) {
#define EACH(kind)                                                                          \
  for (size_t r = 0; r < count; r++)                                                        \
    out[r] = kept_row(                                                                      \
        kind, values, starts + r, bitmap, first_bit + r * columns, columns, input)
  if (kind == PARE_F32) EACH(PARE_F32);
  else if (kind == PARE_BF16) EACH(PARE_BF16);
  else EACH(PARE_F16);
#undef EACH
}

BITS pare_code_input pare_prepare_codes(size_t count, const float *values, void *room) {
  pare_code_input input = code_input(count, room);
  code_values(count, values, &input);
  add_up(&input);
  return input;
}

void pare_multiply_code_rows(
    pare_bits codes, const pare_code_row *rows, size_t count, const uint64_t *kept,
    const pare_code_input *input, float *out) {
  if (!kept) return code_rows(codes, rows, count, input, out);
  _Alignas(64) uint8_t room[3 * PARE_CODE_COLUMNS];
  pare_code_input some = keep_columns(input, kept, room);
  code_rows(codes, rows, count, &some, out);
}
#else
pare_code_input pare_prepare_codes(size_t count, const float *values, void *room) {
  pare_code_input input = code_input(count, room);
  code_values(count, values, &input);
  return input;
}

void pare_multiply_code_rows(
    pare_bits codes, const pare_code_row *rows, size_t count, const uint64_t *kept,
    const pare_code_input *input, float *out) {
  (void)codes, (void)rows, (void)count, (void)kept, (void)input, (void)out;
}

float pare_multiply_code_groups(
    pare_bits codes, const pare_code_row *row, size_t group, const float *scales,
    const float *shifts, const pare_bits *bitmap, size_t first_bit, const pare_code_input *input) {
  (void)codes, (void)row, (void)group, (void)scales, (void)shifts, (void)bitmap;
  (void)first_bit, (void)input;
  return 0;
}

void pare_multiply_kept_rows(
    int kind, pare_bits values, pare_bits bitmap, size_t first_bit, const size_t *starts,
    size_t count, size_t columns, const pare_row_input *input, float *out) {
  (void)kind, (void)values, (void)bitmap, (void)first_bit, (void)starts, (void)count;
  (void)columns, (void)input, (void)out;
}
#endif
