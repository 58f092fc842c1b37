// Packs panels, multiplies them in f32, and writes sums out. Units need not give the same digits, so
// the compiler may fuse multiplications and additions.
#pragma STDC FP_CONTRACT ON

// Written out: of loops that copy lines the compiler makes calls.
#ifndef SIXTEEN
#define SIXTEEN(X) \
  X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#endif

INLINE void NAME(store_chunk)(int32_t *to, const i32x16 lines[16]) {
#define STORE_LINE(i) memcpy(to + 16 * (i), &lines[i], sizeof lines[i]);
  SIXTEEN(STORE_LINE)
#undef STORE_LINE
}

// To the nearest bf16, ties to even, as the high half of an f32. A NaN stays one.
INLINE i32x16 NAME(rounded)(f32x16 values) {
  i32x16 bits = NAME(as_i32)(values);
  i32x16 up = bits + 0x7fff + (bits >> 16 & 1);
  i32x16 is_nan = (bits & MAGNITUDE) > INFINITE;
  return (is_nan ? bits | 0x400000 : up) & (int32_t)0xffff0000;
}

// The low part: the difference between a value and its rounded one, rounded to bf16. It is 0 where
// the value is infinite or NaN.
INLINE i32x16 NAME(low_part)(f32x16 values, i32x16 high) {
  i32x16 low = NAME(rounded)(values - NAME(as_f32)(high));
  return (high & INFINITE) == INFINITE ? (i32x16)0 : low;
}

// Numbers in the high halves of words: 32 one after the other, or those of two steps of k, each row's
// in one word.
enum { NAME(in_order), NAME(beside) };

INLINE i32x16 NAME(joined)(int order, i32x16 first, i32x16 second) {
  if (order == NAME(beside)) return (first >> 16 & 0xffff) | second;
  u16x32 a, b;
  memcpy(&a, &first, sizeof a);
  memcpy(&b, &second, sizeof b);
  u16x32 all = __builtin_shufflevector(
      a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 33, 35, 37, 39, 41, 43, 45,
      47, 49, 51, 53, 55, 57, 59, 61, 63);
  i32x16 words;
  memcpy(&words, &all, sizeof words);
  return words;
}

#ifdef BF16_INSTRUCTIONS
// The instruction takes subnormal numbers for 0.
INLINE i32x16 NAME(half_pair)(int order, f32x16 first, f32x16 second) {
  u16x32 all = (u16x32)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first);
  if (order == NAME(beside))
    all = __builtin_shufflevector(all, all, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23,
                                  8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  return (i32x16)all;
}

INLINE f32x16 NAME(rest)(f32x16 value, i32x16 half) {
  // 0x99: infinities and NaN.
  __mmask16 finite = (__mmask16)~_mm512_fpclass_ps_mask((__m512)half, 0x99);
  return (f32x16)_mm512_maskz_sub_ps(finite, (__m512)value, (__m512)half);
}
#endif

// 32 numbers as bf16, and of PARE_SPLIT what that leaves of them, as bf16 too.
INLINE void NAME(halves)(
    int kind, int order, f32x16 first, f32x16 second, i32x16 *high, i32x16 *low) {
#ifdef BF16_INSTRUCTIONS
  *high = NAME(half_pair)(order, first, second);
  if (kind != PARE_SPLIT) return;
  i32x16 a, b;
  if (order == NAME(beside)) {
    a = *high << 16;
    b = *high & (int32_t)0xffff0000;
  } else {
    u16x16 parts[2];
    memcpy(parts, high, sizeof parts);
    a = __builtin_convertvector(parts[0], i32x16) << 16;
    b = __builtin_convertvector(parts[1], i32x16) << 16;
  }
  *low = NAME(half_pair)(order, NAME(rest)(first, a), NAME(rest)(second, b));
#else
  i32x16 a = NAME(rounded)(first), b = NAME(rounded)(second);
  *high = NAME(joined)(order, a, b);
  if (kind == PARE_SPLIT)
    *low = NAME(joined)(order, NAME(low_part)(first, a), NAME(low_part)(second, b));
#endif
}

INLINE f32x16 NAME(next)(const float *x, size_t some) {
  if (LIKELY(some >= LANES)) return NAME(load_f32)(x);
  return some == 0 ? (f32x16)0 : NAME(load_some)(PARE_F32, x, 0, some);
}

// Reads the numbers of one row in one chunk. Only the first `some` exist, the others become 0.
INLINE void NAME(line)(int kind, const float *x, size_t some, i32x16 *high, i32x16 *low) {
  f32x16 first = NAME(next)(x, some);
  if (kind == PARE_FULL) {
    *high = NAME(as_i32)(first);
    return;
  }
  f32x16 second = NAME(next)(x + LANES, some > LANES ? some - LANES : 0);
  NAME(halves)(kind, NAME(in_order), first, second, high, low);
}

static __attribute__((noinline)) void NAME(part_line)(
    int kind, const float *x, size_t some, i32x16 *high, i32x16 *low) {
  NAME(line)(kind, x, some, high, low);
}

INLINE void NAME(pack_of)(
    int kind, int turned, size_t rows, size_t k, const float *x, size_t stride, int32_t *high,
    int32_t *low) {
  size_t length = kind == PARE_FULL ? 16 : 32, chunks = (k + length - 1) / length;
  for (size_t panel = 0; panel * 16 < rows; panel++) {
    size_t here = rows - panel * 16 < 16 ? rows - panel * 16 : 16;
    for (size_t chunk = 0; chunk < chunks; chunk++) {
      i32x16 highs[16], lows[16];
      const float *from = x + panel * 16 * stride + chunk * length;
      size_t some = k - chunk * length;
      if (LIKELY(here == 16 && some >= length)) {
#define WHOLE_LINE(r) NAME(line)(kind, from + (r) * stride, 32, &highs[r], &lows[r]);
        SIXTEEN(WHOLE_LINE)
#undef WHOLE_LINE
      } else {
#define PART_LINE(r)                         \
  highs[r] = lows[r] = (i32x16)0;            \
  if ((r) < here) NAME(part_line)(kind, from + (r) * stride, some, &highs[r], &lows[r]);
        SIXTEEN(PART_LINE)
#undef PART_LINE
      }
      size_t place = (panel * chunks + chunk) * CHUNK_WORDS;
      if (turned) transpose(highs);
      NAME(store_chunk)(high + place, highs);
      if (kind != PARE_SPLIT || !low) continue;
      if (turned) transpose(lows);
      NAME(store_chunk)(low + place, lows);
    }
  }
}

static void NAME(pack)(
    int kind, int turned, size_t rows, size_t k, const float *x, size_t stride, int32_t *high,
    int32_t *low) {
#define PACK(kind, turned) \
  return NAME(pack_of)(kind, turned, rows, k, x, stride, high, low)
  switch (kind * 2 + turned) {
  case PARE_FULL * 2: PACK(PARE_FULL, 0);
  case PARE_FULL * 2 + 1: PACK(PARE_FULL, 1);
  case PARE_HALF * 2: PACK(PARE_HALF, 0);
  case PARE_HALF * 2 + 1: PACK(PARE_HALF, 1);
  case PARE_SPLIT * 2: PACK(PARE_SPLIT, 0);
  case PARE_SPLIT * 2 + 1: PACK(PARE_SPLIT, 1);
  }
#undef PACK
}

// Sums of `height` rows and `width` panels of inputs in f32. `w` and `x` are those of the first
// chunk; panels of inputs are `step` words apart.
#if LEVEL == 2
enum { NAME(height) = 8, NAME(width) = 3 };
#else
enum { NAME(height) = 4, NAME(width) = 1 };
#endif

INLINE void NAME(full_block)(
    int height, int width, size_t chunks, const float *w, const float *x, size_t step,
    float *sums, int begins) {
  f32x16 sum[8][3];
  for (int r = 0; r < height; r++)
    for (int i = 0; i < width; i++)
      sum[r][i] = begins ? (f32x16)0 : NAME(load_f32)(sums + i * CHUNK_WORDS + r * 16);
  for (size_t chunk = 0; chunk < chunks; chunk++) {
    for (int j = 0; j < 16; j++) {
      f32x16 inputs[3];
      for (int i = 0; i < width; i++)
        inputs[i] = NAME(load_f32)(x + chunk * CHUNK_WORDS + i * step + j * 16);
      for (int r = 0; r < height; r++) {
        f32x16 weight = w[chunk * CHUNK_WORDS + r * 16 + j];
        for (int i = 0; i < width; i++)
          sum[r][i] = __builtin_elementwise_fma(weight, inputs[i], sum[r][i]);
      }
    }
  }
  for (int r = 0; r < height; r++)
    for (int i = 0; i < width; i++) NAME(store_f32)(sums + i * CHUNK_WORDS + r * 16, sum[r][i]);
}

static void NAME(full)(
    size_t row_panels, size_t input_panels, size_t chunks, operand weights, operand inputs,
    float *sums, size_t apart, int begins) {
  size_t step = inputs.step / 4;
  const float *x = (const float *)inputs.high;
  for (size_t r = 0; r < row_panels * 16; r += NAME(height)) {
    const float *w = (const float *)(weights.high + r / 16 * weights.step) + r % 16 * 16;
    float *out = sums + r / 16 * apart + r % 16 * 16;
    size_t i = 0;
    for (; i + NAME(width) <= input_panels; i += NAME(width))
      NAME(full_block)(NAME(height), NAME(width), chunks, w, x + i * step, step,
                       out + i * CHUNK_WORDS, begins);
    for (; i < input_panels; i++)
      NAME(full_block)(NAME(height), 1, chunks, w, x + i * step, step, out + i * CHUNK_WORDS,
                       begins);
  }
}

// Packs one chunk from a transposed matrix, x[k · stride + row]. Only the first `rows` of sixteen
// rows and the first `some` numbers along k exist, the others become 0.
INLINE void NAME(turn_chunk)(
    int kind, size_t rows, size_t some, const float *x, size_t stride, int32_t *high,
    int32_t *low) {
  i32x16 highs[16], lows[16];
  for (size_t i = 0; i < 16; i++) {
    highs[i] = lows[i] = (i32x16)0;
    if (kind == PARE_FULL) {
      if (i < some) highs[i] = NAME(as_i32)(NAME(next)(x + i * stride, rows));
      continue;
    }
    if (2 * i >= some) continue;
    f32x16 first = NAME(next)(x + 2 * i * stride, rows);
    f32x16 second =
        2 * i + 1 < some ? NAME(next)(x + (2 * i + 1) * stride, rows) : (f32x16)0;
    NAME(halves)(kind, NAME(beside), first, second, &highs[i], &lows[i]);
  }
  transpose(highs);
  NAME(store_chunk)(high, highs);
  if (kind != PARE_SPLIT || !low) return;
  transpose(lows);
  NAME(store_chunk)(low, lows);
}

static void NAME(pack_columns)(
    int kind, size_t rows, size_t k, const float *x, size_t stride, int32_t *high, int32_t *low,
    size_t panel_words) {
  size_t length = kind == PARE_FULL ? 16 : 32;
  for (size_t row = 0; row < rows; row += 16)
    for (size_t from = 0; from < k; from += length) {
      size_t place = row / 16 * panel_words + from / length * CHUNK_WORDS;
      const float *at = x + from * stride + row;
#define TURN(kind) NAME(turn_chunk)(kind, rows - row, k - from, at, stride, high + place, low + place)
      if (kind == PARE_FULL) TURN(PARE_FULL);
      else if (kind == PARE_HALF) TURN(PARE_HALF);
      else TURN(PARE_SPLIT);
#undef TURN
    }
}

// Writes the sums of one row panel and one input panel.
static void NAME(put_sums)(
    const float *sums, size_t rows, size_t inputs, float *out, size_t stride, const float *bias,
    int adds, const float *factors) {
  i32x16 turned[16], lines[16];
  f32x16 factor = factors ? NAME(load_f32)(factors) : (f32x16)1;
#define LOAD_LINE(i) turned[i] = NAME(as_i32)(NAME(load_f32)(sums + 16 * (i)) * factor);
  SIXTEEN(LOAD_LINE)
#undef LOAD_LINE
  transpose(turned);
  NAME(store_chunk)((int32_t *)lines, turned);
  f32x16 more = bias ? NAME(next)(bias, rows) : (f32x16)0;
  for (size_t i = 0; i < inputs; i++) {
    float *target = out + i * stride;
    f32x16 values = NAME(as_f32)(lines[i]) + more;
    if (adds) values += NAME(next)(target, rows);
    if (LIKELY(rows == LANES)) NAME(store_f32)(target, values);
    else NAME(store_some)(target, values, rows);
  }
}

// The sums of one row panel and one input panel as inputs of a product whose k are the rows.
INLINE void NAME(line_pair)(
    int kind, f32x16 first, f32x16 second, int32_t *high, int32_t *low) {
  i32x16 line, rest;
  NAME(halves)(kind, NAME(beside), first, second, &line, &rest);
  memcpy(high, &line, sizeof line);
  if (kind == PARE_SPLIT) memcpy(low, &rest, sizeof rest);
}

static void NAME(pack_sums)(int kind, const float *sums, int32_t *high, int32_t *low) {
  for (int j = 0; j < 16; j += 2) {
    f32x16 first = NAME(load_f32)(sums + 16 * j), second = NAME(load_f32)(sums + 16 * j + 16);
    if (kind == PARE_FULL) {
      memcpy(high + 16 * j, &first, sizeof first);
      memcpy(high + 16 * j + 16, &second, sizeof second);
    } else {
      NAME(line_pair)(kind, first, second, high + 8 * j, kind == PARE_SPLIT ? low + 8 * j : NULL);
    }
  }
}

// MARK: Softmax

INLINE f32x16 NAME(exponential)(f32x16 values) {
  vf x;
  memcpy(&x, &values, sizeof x);
  x = EXP(x);
  memcpy(&values, &x, sizeof values);
  return values;
}

// A score as softmax takes it: scaled, and cap · tanh(score / cap) where there is a cap.
INLINE f32x16 NAME(score)(f32x16 sum, const pare_attention *rule) {
  f32x16 score = sum * rule->scale;
  if (rule->cap == 0) return score;
  f32x16 e = NAME(exponential)(score * (2 / rule->cap));
  return rule->cap * (1 - 2 / (e + 1));
}

// All bits of the lanes set whose query, `first` and those behind it, sees a key.
INLINE i32x16 NAME(sees)(ptrdiff_t key, ptrdiff_t first, ptrdiff_t window) {
  const i32x16 lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  // How far behind a query the key lies.
  i32x16 behind = (int32_t)(first - key) + lane;
  return window > 0 ? (behind >= 0) & (behind < (int32_t)window) : behind >= 0;
}

// Softmax of the scores of sixteen queries, the first at position `first`, for `panels` panels of
// keys, the first at position `start`. Writes exp(score − largest) as packed inputs of the product
// with the values, and 1 / (their sum) to `factors`, by which that product is to be multiplied.
INLINE void NAME(softmax_of)(
    int kind, size_t panels, ptrdiff_t start, ptrdiff_t first, const pare_attention *rule,
    const float *scores, size_t apart, int32_t *high, int32_t *low, float *factors) {
  f32x16 top = (f32x16){} - __builtin_inff();
  ptrdiff_t window = (ptrdiff_t)rule->window;
#define EDGE(key) ((key) + 15 > first || (window > 0 && (key) <= first + 15 - window))
  for (size_t panel = 0; panel < panels; panel++) {
    ptrdiff_t key = start + (ptrdiff_t)panel * 16;
    int edge = EDGE(key);
    for (int j = 0; j < 16; j++) {
      f32x16 sum = NAME(load_f32)(scores + panel * apart + j * 16);
      if (edge) sum = NAME(sees)(key + j, first, window) != 0 ? sum : (f32x16){} - __builtin_inff();
      top = __builtin_elementwise_max(top, sum);
    }
  }
  top = NAME(score)(top, rule);
  if (rule->sink) top = __builtin_elementwise_max(top, (f32x16){} + *rule->sink);
  f32x16 total = rule->sink ? NAME(exponential)(*rule->sink - top) : (f32x16)0;
  for (size_t panel = 0; panel < panels; panel++) {
    ptrdiff_t key = start + (ptrdiff_t)panel * 16;
    int edge = EDGE(key);
    for (int j = 0; j < 16; j += 2) {
      f32x16 shares[2];
      for (int i = 0; i < 2; i++) {
        f32x16 sum = NAME(load_f32)(scores + panel * apart + (j + i) * 16);
        shares[i] = NAME(exponential)(NAME(score)(sum, rule) - top);
        if (edge) shares[i] = NAME(sees)(key + j + i, first, window) != 0 ? shares[i] : (f32x16)0;
        total += shares[i];
      }
      if (kind == PARE_FULL) {
        int32_t *line = high + panel * CHUNK_WORDS + j * 16;
        memcpy(line, &shares[0], sizeof shares[0]);
        memcpy(line + 16, &shares[1], sizeof shares[1]);
        continue;
      }
      size_t place = panel * (CHUNK_WORDS / 2) + (size_t)j * 8;
      NAME(line_pair)(kind, shares[0], shares[1], high + place,
                      kind == PARE_SPLIT ? low + place : NULL);
    }
  }
#undef EDGE
  // A chunk of bf16 has the keys of two panels.
  if (kind != PARE_FULL && panels % 2) {
    size_t place = panels * (CHUNK_WORDS / 2), size = CHUNK_WORDS / 2 * sizeof(int32_t);
    memset(high + place, 0, size);
    if (kind == PARE_SPLIT) memset(low + place, 0, size);
  }
  NAME(store_f32)(factors, 1 / total);
}

static void NAME(softmax)(
    int kind, size_t panels, ptrdiff_t start, ptrdiff_t first, const pare_attention *rule,
    const float *scores, size_t apart, int32_t *high, int32_t *low, float *factors) {
#define SOFTMAX(kind) \
  return NAME(softmax_of)(kind, panels, start, first, rule, scores, apart, high, low, factors)
  if (kind == PARE_FULL) SOFTMAX(PARE_FULL);
  if (kind == PARE_HALF) SOFTMAX(PARE_HALF);
  SOFTMAX(PARE_SPLIT);
#undef SOFTMAX
}

#if LEVEL == 2
#include "pack_blocks.h"
#endif
