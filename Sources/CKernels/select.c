#include "lanes.h"
#define BODY "bodies/select.h"
#include "levels.h"
#ifdef PARE_X86
#include <immintrin.h>
#endif

void pare_count_high(int level, const float *values, size_t count, uint32_t *counts) {
  DISPATCH(count_high, values, count, counts)
}

void pare_count_low(int level, const float *values, size_t count, uint32_t bucket,
                    uint32_t *counts) {
  DISPATCH(count_low, values, count, bucket, counts)
}

size_t pare_collect(int level, const float *values, size_t count, int32_t low, int32_t high,
                    uint64_t *words, float *out, uint32_t *places, size_t *below) {
  DISPATCH(collect, values, count, low, high, words, out, places, below)
}

size_t pare_mask(int level, const float *values, size_t count, int32_t threshold, int32_t ties,
                 uint64_t *words, size_t offset) {
  DISPATCH(mask, values, count, threshold, ties, words, offset)
}

void pare_stored(int level, const float *values, size_t count, uint64_t *words) {
  DISPATCH(stored, values, count, words)
}

int pare_are_pruned(int level, const float *values, const float *before, const uint64_t *kept,
                    size_t count) {
  DISPATCH(are_pruned, values, before, kept, count)
}

void pare_apply_mask(int level, const float *values, size_t count, const uint64_t *words,
                     size_t offset, float *out, int stream) {
  DISPATCH(apply_mask, values, count, words, offset, out, stream)
}

static uint64_t word_of(const uint64_t *words, size_t first, size_t count) {
  return count - first < 64 ? words[first / 64] & ((1ull << (count - first)) - 1)
                            : words[first / 64];
}

#ifdef PARE_X86
__attribute__((target("avx512f,popcnt")))
static void gather_avx512(const float *values, size_t count, const uint64_t *words, float *out) {
  for (size_t i = 0; i < count; i += 64) {
    uint64_t word = word_of(words, i, count);
    for (size_t j = i; word != 0; j += LANES, word >>= LANES) {
      __mmask16 kept = (__mmask16)word;
      int some = __builtin_popcount(kept);
      __m512 x = _mm512_maskz_compress_ps(kept, _mm512_maskz_loadu_ps(kept, values + j));
      _mm512_mask_storeu_ps(out, (__mmask16)((1u << some) - 1), x);
      out += some;
    }
  }
}

__attribute__((target("avx512f,popcnt")))
static void scatter_avx512(const float *values, size_t count, const uint64_t *words, float *out) {
  for (size_t i = 0; i < count; i += LANES) {
    size_t left = count - i < LANES ? count - i : LANES;
    __mmask16 there = (__mmask16)((1u << left) - 1);
    __mmask16 kept = (__mmask16)(words[i / 64] >> i % 64) & there;
    int some = __builtin_popcount(kept);
    __m512 x = _mm512_maskz_loadu_ps((__mmask16)((1u << some) - 1), values);
    _mm512_mask_storeu_ps(out + i, there, _mm512_maskz_expand_ps(kept, x));
    values += some;
  }
}
#endif

void pare_gather(int level, const float *values, size_t count, const uint64_t *words, float *out) {
#ifdef PARE_X86
  if (level == PARE_AVX512) return gather_avx512(values, count, words, out);
#endif
  (void)level;
  for (size_t i = 0; i < count; i += 64) {
    for (uint64_t word = word_of(words, i, count); word != 0; word &= word - 1)
      *out++ = values[i + (size_t)__builtin_ctzll(word)];
  }
}

void pare_scatter(int level, const float *values, size_t count, const uint64_t *words, float *out) {
#ifdef PARE_X86
  if (level == PARE_AVX512) return scatter_avx512(values, count, words, out);
#endif
  (void)level;
  memset(out, 0, count * sizeof *out);
  for (size_t i = 0; i < count; i += 64) {
    for (uint64_t word = word_of(words, i, count); word != 0; word &= word - 1)
      out[i + (size_t)__builtin_ctzll(word)] = *values++;
  }
}

static uint32_t magnitude_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits & MAGNITUDE;
}

// A radix search of 11, 10 and 10 bits: few enough buckets to be cleared for a row.
uint32_t pare_select(const float *values, size_t count, size_t k, size_t *below) {
  const uint32_t shifts[] = {20, 10, 0}, widths[] = {11, 10, 10};
  uint32_t prefix = 0, counts[1 << 11];
  size_t before = 0;
  for (int round = 0; round < 3; round++) {
    uint32_t shift = shifts[round], size = 1u << widths[round];
    uint64_t above = (uint64_t)shift + widths[round];
    memset(counts, 0, size * sizeof counts[0]);
    for (size_t i = 0; i < count; i++) {
      uint32_t bits = magnitude_bits(values[i]);
      if ((uint64_t)bits >> above == (uint64_t)prefix >> above)
        counts[bits >> shift & (size - 1)]++;
    }
    uint32_t bucket = 0;
    while (bucket + 1 < size && before + counts[bucket] <= k) before += counts[bucket++];
    prefix |= bucket << shift;
  }
  *below = before;
  return prefix;
}
