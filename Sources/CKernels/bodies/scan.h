// State of one read: everything in lanes, so that the order of additions is
// the same at every level.
typedef struct {
  f64x16 sum1, sum2, sum3, sum4;
  f32x16 minimum, maximum;
  uint64_t finite, nan, zero;
} NAME(scan_state);

INLINE void NAME(scan_finite)(NAME(scan_state) *s, f32x16 x, f64x16 pivot) {
  s->minimum = x < s->minimum ? x : s->minimum;
  s->maximum = x > s->maximum ? x : s->maximum;
  f64x16 d = __builtin_convertvector(x, f64x16) - pivot;
  f64x16 square = d * d;
  s->sum1 += d;
  s->sum2 += square;
  s->sum3 = __builtin_elementwise_fma(square, d, s->sum3);
  s->sum4 = __builtin_elementwise_fma(square, square, s->sum4);
}

// Some lanes are past the end or not finite: they count as the pivot, which
// leaves every sum as it was.
static __attribute__((noinline)) void NAME(scan_mixed)(
    NAME(scan_state) *s, const f32x16 *values, float pivot, uint32_t present) {
  f32x16 x = *values;
  i32x16 magnitude = NAME(as_i32)(x) & MAGNITUDE;
  uint32_t finite = NAME(bits)(magnitude < INFINITE) & present;
  s->finite += (uint64_t)__builtin_popcount(finite);
  s->nan += (uint64_t)__builtin_popcount(NAME(bits)(magnitude > INFINITE) & present);
  s->zero += (uint64_t)__builtin_popcount(NAME(bits)(magnitude == 0) & present);
  i32x16 taken = NAME(spread)(finite);
  f32x16 low = taken ? x : s->minimum, high = taken ? x : s->maximum;
  s->minimum = low < s->minimum ? low : s->minimum;
  s->maximum = high > s->maximum ? high : s->maximum;
  f64x16 d = __builtin_convertvector(taken ? x : (f32x16)pivot, f64x16) - (f64x16)(double)pivot;
  f64x16 square = d * d;
  s->sum1 += d;
  s->sum2 += square;
  s->sum3 = __builtin_elementwise_fma(square, d, s->sum3);
  s->sum4 = __builtin_elementwise_fma(square, square, s->sum4);
}

// Whole steps of 64 finite values go to one state, all else to another: the first
// then stays in registers, since nothing takes its address.
INLINE void NAME(scan_all)(int kind, const void *values, size_t count, float pivot,
                            int32_t threshold, uint64_t *mask, pare_moments *out) {
  const f32x16 none_low = __builtin_inff(), none_high = -__builtin_inff();
  NAME(scan_state) s = {.minimum = none_low, .maximum = none_high};
  NAME(scan_state) rest = {.minimum = none_low, .maximum = none_high};
  const f64x16 pivots = (double)pivot;
  size_t i = 0;
  for (; i + 64 <= count; i += 64) {
    f32x16 x[4];
    uint64_t word = 0, zero = 0;
    i32x16 largest = 0;
    const size_t size = kind == PARE_F32 ? 4 : 2;
    NAME(prefetch)((const char *)values + i * size, 64 * size);
#pragma clang loop unroll(full)
    for (size_t j = 0; j < 4; j++) {
      x[j] = NAME(load)(kind, values, i + j * LANES);
      i32x16 magnitude = NAME(as_i32)(x[j]) & MAGNITUDE;
      largest = magnitude > largest ? magnitude : largest;
      zero |= (uint64_t)NAME(bits)(magnitude == 0) << (j * LANES);
      if (mask) word |= (uint64_t)NAME(bits)(magnitude > threshold) << (j * LANES);
    }
    if (mask) mask[i / 64] = word;
    if (LIKELY(NAME(bits)(largest >= INFINITE) == 0)) {
      s.finite += 64;
      s.zero += (uint64_t)__builtin_popcountll(zero);
#pragma clang loop unroll(full)
      for (size_t j = 0; j < 4; j++) NAME(scan_finite)(&s, x[j], pivots);
    } else {
      for (size_t j = 0; j < 4; j++) {
        f32x16 again = NAME(load)(kind, values, i + j * LANES);
        NAME(scan_mixed)(&rest, &again, pivot, 0xffff);
      }
    }
  }
  uint64_t word = 0;
  size_t start = i;
  for (; i < count; i += LANES) {
    size_t some = count - i < LANES ? count - i : LANES;
    f32x16 x = NAME(load_some)(kind, values, i, some);
    uint32_t present = (1u << some) - 1;
    NAME(scan_mixed)(&rest, &x, pivot, present);
    i32x16 magnitude = NAME(as_i32)(x) & MAGNITUDE;
    word |= (uint64_t)(NAME(bits)(magnitude > threshold) & present) << (i - start);
  }
  if (mask && start < count) mask[start / 64] = word;
  s.minimum = rest.minimum < s.minimum ? rest.minimum : s.minimum;
  s.maximum = rest.maximum > s.maximum ? rest.maximum : s.maximum;
  *out = (pare_moments){
      NAME(sum)(s.sum1 + rest.sum1), NAME(sum)(s.sum2 + rest.sum2),
      NAME(sum)(s.sum3 + rest.sum3), NAME(sum)(s.sum4 + rest.sum4),
      NAME(smallest)(s.minimum), NAME(largest)(s.maximum),
      s.finite + rest.finite, rest.nan, s.zero + rest.zero};
}

static void NAME(scan_wide)(int kind, const void *values, size_t count, float pivot,
                            int32_t threshold, uint64_t *mask, pare_moments *out) {
  switch (kind) {
  case PARE_BF16: NAME(scan_all)(PARE_BF16, values, count, pivot, threshold, mask, out); break;
  case PARE_F16: NAME(scan_all)(PARE_F16, values, count, pivot, threshold, mask, out); break;
  default: NAME(scan_all)(PARE_F32, values, count, pivot, threshold, mask, out);
  }
}

// Adds one part's figures to another's.
INLINE void NAME(join)(pare_moments *to, const pare_moments *part) {
  to->sum1 += part->sum1;
  to->sum2 += part->sum2;
  to->sum3 += part->sum3;
  to->sum4 += part->sum4;
  to->minimum = part->minimum < to->minimum ? part->minimum : to->minimum;
  to->maximum = part->maximum > to->maximum ? part->maximum : to->maximum;
  to->finite += part->finite;
  to->nan += part->nan;
  to->zero += part->zero;
}

#include "scan_bf16.h"

static void NAME(scan)(int kind, const void *values, size_t count, float pivot, float scale,
                       int32_t threshold, uint64_t *mask, pare_moments *out) {
  if (kind != PARE_BF16) NAME(scan_wide)(kind, values, count, pivot, threshold, mask, out);
  else NAME(scan_bf16)(values, count, pivot, scale, threshold, mask, out);
}
