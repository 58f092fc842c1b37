#include "panels.h"
#include "block_numbers.h"
#include "blocks.h"
#include "decoder.h"
#include "lanes.h"
#include "sixteen.h"
#include "tiles.h"
#include "transpose.h"

#if defined(__linux__) && defined(__x86_64__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#ifdef PARE_X86
#include <immintrin.h>
#include <pthread.h>
#endif

// Words in a chunk.
enum { CHUNK_WORDS = 256 };

// Panels, `step` bytes apart.
typedef struct {
  const uint8_t *high, *low;
  size_t step;
} operand;

// Sums of all pairs of row panels and input panels are 16 × 16, those of a row beside each other;
// those of the same inputs are `apart` words apart.
#define WITH_BF16
#define BODY "bodies/panels.h"
#include "levels.h"

// Levels, and PARE_UNIT_BF16 where it is quicker.
#ifdef PARE_X86
#define DISPATCH_PACKING(name, ...)                                \
  if (level == PARE_UNIT_BF16) return name##_bf16(__VA_ARGS__);    \
  DISPATCH(name, __VA_ARGS__)
#else
#define DISPATCH_PACKING(name, ...) DISPATCH(name, __VA_ARGS__)
#endif

size_t pare_chunk_length(int kind) { return kind == PARE_FULL ? 16 : 32; }

void pare_pack_rows(
    int level, int kind, size_t rows, size_t k, const float *x, size_t stride, void *high,
    void *low) {
  DISPATCH_PACKING(pack, kind, 0, rows, k, x, stride, high, low)
}

void pare_pack_inputs(
    int level, int kind, size_t rows, size_t k, const float *x, size_t stride, void *high,
    void *low) {
  DISPATCH_PACKING(pack, kind, 1, rows, k, x, stride, high, low)
}

void pare_pack_columns(
    int level, int kind, size_t rows, size_t k, const float *x, size_t stride, void *high,
    void *low, size_t panel_bytes) {
  DISPATCH_PACKING(pack_columns, kind, rows, k, x, stride, high, low, panel_bytes / 4)
}

void pare_pack_short_rows(
    size_t rows, size_t k, const uint16_t *x, size_t stride, void *high) {
  size_t chunks = (k + 31) / 32;
  for (size_t panel = 0; panel * 16 < rows; panel++)
    for (size_t chunk = 0; chunk < chunks; chunk++) {
      uint8_t *to = (uint8_t *)high + (panel * chunks + chunk) * 1024;
      size_t some = smaller(k - chunk * 32, 32), here = smaller(rows - panel * 16, 16);
      if (some < 32 || here < 16) memset(to, 0, 1024);
      for (size_t r = 0; r < here; r++) {
        const uint16_t *from = x + (panel * 16 + r) * stride + chunk * 32;
        if (LIKELY(some == 32)) memcpy(to + r * 64, from, 64);
        else memcpy(to + r * 64, from, some * 2);
      }
    }
}

// Weights of a row of blocks that are read at once: as f32, those of sixteen rows stay in the first
// cache.
enum { SLICE = 256 };

// Some blocks of one row; 0 where they are to be read as f32 first.
static int pack_blocks(
    int level, int kind, int format, const uint8_t *at, size_t count, void *high, void *low) {
#ifdef PARE_X86
  if (kind == PARE_FULL) return 0;
  if (level == PARE_UNIT_BF16) return pack_blocks_bf16(kind, format, at, count, high, low);
  if (level == PARE_AVX512) return pack_blocks_avx512(kind, format, at, count, high, low);
#endif
  return 0;
}

void pare_pack_blocks(
    int level, int kind, int format, size_t weights, size_t bytes, size_t rows, size_t k,
    const uint8_t *blocks, size_t row_bytes, void *high, void *low) {
  _Alignas(64) float values[16 * SLICE];
  size_t length = pare_chunk_length(kind), chunks = (k + length - 1) / length;
  int vectors = level == PARE_UNIT_BF16 ? PARE_AVX512 : level;
  for (size_t first = 0; first < rows; first += 16) {
    size_t here = smaller(rows - first, 16);
    for (size_t from = 0; from < k; from += SLICE) {
      size_t some = smaller(k - from, SLICE), place = (first / 16 * chunks + from / length) * 1024;
      uint8_t *to = (uint8_t *)high + place, *rest = low ? (uint8_t *)low + place : NULL;
      size_t r = 0;
      for (; r < here; r++) {
        const uint8_t *at = blocks + (first + r) * row_bytes + from / weights * bytes;
        // What is read next of this row.
        for (size_t line = 0; line < SLICE / weights * bytes; line += 64)
          __builtin_prefetch(at + SLICE / weights * bytes + line);
        if (!pack_blocks(level, kind, format, at, some / weights, to + r * 64,
                         rest ? rest + r * 64 : NULL))
          break;
      }
      if (r == here) {
        for (; r < 16; r++)
          for (size_t chunk = 0; chunk * length < some; chunk++) {
            memset(to + chunk * 1024 + r * 64, 0, 64);
            if (rest) memset(rest + chunk * 1024 + r * 64, 0, 64);
          }
        continue;
      }
      for (r = 0; r < here; r++) {
        const uint8_t *at = blocks + (first + r) * row_bytes + from / weights * bytes;
        pare_dequantize(vectors, format, at, some / weights, values + r * SLICE, 0);
      }
      pare_pack_rows(level, kind, here, some, values, SLICE, to, rest);
    }
  }
}

static void full(
    int level, size_t row_panels, size_t input_panels, size_t chunks, operand weights,
    operand inputs, float *sums, size_t apart, int begins) {
  DISPATCH(full, row_panels, input_panels, chunks, weights, inputs, sums, apart, begins)
}

static void put_sums(
    int level, const float *sums, size_t rows, size_t inputs, float *out, size_t stride,
    const float *bias, int adds, const float *factors) {
  DISPATCH_PACKING(put_sums, sums, rows, inputs, out, stride, bias, adds, factors)
}

static void softmax(
    int level, int kind, size_t panels, ptrdiff_t start, ptrdiff_t first,
    const pare_attention *rule, const float *scores, size_t apart, int32_t *high, int32_t *low,
    float *factors) {
  DISPATCH_PACKING(softmax, kind, panels, start, first, rule, scores, apart, high, low, factors)
}

// From a panel and a chunk on.
static operand moved(operand panels, size_t panel, size_t chunk, int has_second) {
  size_t skip = panel * panels.step + chunk * 1024;
  return (operand){panels.high + skip, panels.low ? panels.low + skip : NULL,
                   has_second ? panels.step : 0};
}

// MARK: The plain product of bf16

static float widened(const uint16_t *number) {
  uint32_t bits = (uint32_t)*number << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static void add_plain(
    size_t row_panels, size_t input_panels, size_t chunks, const uint8_t *w, size_t w_step,
    const uint8_t *x, size_t x_step, float *sums, size_t apart) {
  for (size_t r = 0; r < row_panels * 16; r++)
    for (size_t i = 0; i < input_panels * 16; i++) {
      const uint16_t *row = (const uint16_t *)(w + r / 16 * w_step) + r % 16 * 32;
      const uint16_t *input = (const uint16_t *)(x + i / 16 * x_step) + i % 16 * 2;
      float sum = 0;
      for (size_t chunk = 0; chunk < chunks; chunk++)
        for (size_t k = 0; k < 32; k++) {
          size_t place = chunk * 2 * CHUNK_WORDS;
          sum += widened(row + place + k) * widened(input + place + k / 2 * 32 + k % 2);
        }
      sums[r / 16 * apart + i / 16 * CHUNK_WORDS + r % 16 * 16 + i % 16] += sum;
    }
}

// MARK: bf16 instructions

#ifdef PARE_X86
#define BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))
enum { BF16_HEIGHT = 8, BF16_WIDTH = 3 };

BF16 INLINE void bf16_block(
    int width, size_t chunks, const uint8_t *w, const uint8_t *x, size_t step, float *sums,
    int begins) {
  __m512 sum[BF16_HEIGHT][BF16_WIDTH];
  for (int r = 0; r < BF16_HEIGHT; r++)
    for (int i = 0; i < width; i++)
      sum[r][i] =
          begins ? _mm512_setzero_ps() : _mm512_loadu_ps(sums + i * CHUNK_WORDS + r * 16);
  for (size_t chunk = 0; chunk < chunks; chunk++) {
    for (int j = 0; j < 16; j++) {
      __m512bh inputs[BF16_WIDTH];
      for (int i = 0; i < width; i++)
        inputs[i] = (__m512bh)_mm512_loadu_si512(x + i * step + chunk * 1024 + j * 64);
      for (int r = 0; r < BF16_HEIGHT; r++) {
        int32_t pair;
        memcpy(&pair, w + chunk * 1024 + r * 64 + j * 4, sizeof pair);
        __m512bh weights = (__m512bh)_mm512_set1_epi32(pair);
        for (int i = 0; i < width; i++)
          sum[r][i] = _mm512_dpbf16_ps(sum[r][i], weights, inputs[i]);
      }
    }
  }
  for (int r = 0; r < BF16_HEIGHT; r++)
    for (int i = 0; i < width; i++)
      _mm512_storeu_ps(sums + i * CHUNK_WORDS + r * 16, sum[r][i]);
}

BF16 static void bf16(
    size_t row_panels, size_t input_panels, size_t chunks, operand weights, operand inputs,
    float *sums, size_t apart, int begins) {
  for (size_t r = 0; r < row_panels * 16; r += BF16_HEIGHT) {
    const uint8_t *w = weights.high + r / 16 * weights.step + r % 16 * 64, *x = inputs.high;
    float *out = sums + r / 16 * apart + r % 16 * 16;
    size_t i = 0;
    for (; i + BF16_WIDTH <= input_panels; i += BF16_WIDTH)
      bf16_block(BF16_WIDTH, chunks, w, x + i * inputs.step, inputs.step, out + i * CHUNK_WORDS,
                 begins);
    for (; i < input_panels; i++)
      bf16_block(1, chunks, w, x + i * inputs.step, inputs.step, out + i * CHUNK_WORDS, begins);
  }
}

// MARK: Tiles

#define TILES __attribute__((target("avx512f,amx-tile,amx-bf16")))

TILES static void end_tiles(void) { _tile_release(); }

// Tiles 0 to 3 are the sums of two row panels by two input panels. `is_tall`: there is a second
// row panel; `is_wide`: there is a second input panel. If a panel is missing, the step to it is 0,
// so the first one is loaded again, and the sums with it are not stored.
#define LINE 64
#define MULTIPLY_ALL()       \
  do {                       \
    _tile_dpbf16ps(0, 4, 6); \
    _tile_dpbf16ps(1, 4, 7); \
    _tile_dpbf16ps(2, 5, 6); \
    _tile_dpbf16ps(3, 5, 7); \
  } while (0)

TILES INLINE void tile_sums(int parts, size_t chunks, operand w, operand x) {
  for (size_t chunk = 0; chunk < chunks; chunk++) {
    size_t at = chunk * 1024;
    _tile_loadd(6, x.high + at, LINE);
    _tile_loadd(7, x.high + x.step + at, LINE);
    if (parts == 3) {
      _tile_loadd(4, w.low + at, LINE);
      _tile_loadd(5, w.low + w.step + at, LINE);
      MULTIPLY_ALL();
    }
    _tile_loadd(4, w.high + at, LINE);
    _tile_loadd(5, w.high + w.step + at, LINE);
    MULTIPLY_ALL();
    if (parts > 1) {
      _tile_loadd(6, x.low + at, LINE);
      _tile_loadd(7, x.low + x.step + at, LINE);
      MULTIPLY_ALL();
    }
  }
}

// Half as many sums, where there is one panel of inputs: those that are read one at a time.
TILES INLINE void narrow_tile_sums(int parts, size_t chunks, operand w, operand x) {
  for (size_t chunk = 0; chunk < chunks; chunk++) {
    size_t at = chunk * 1024;
    _tile_loadd(6, x.high + at, LINE);
    if (parts == 3) {
      _tile_loadd(4, w.low + at, LINE);
      _tile_loadd(5, w.low + w.step + at, LINE);
      _tile_dpbf16ps(0, 4, 6);
      _tile_dpbf16ps(2, 5, 6);
    }
    _tile_loadd(4, w.high + at, LINE);
    _tile_loadd(5, w.high + w.step + at, LINE);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(2, 5, 6);
    if (parts > 1) {
      _tile_loadd(7, x.low + at, LINE);
      _tile_dpbf16ps(0, 4, 7);
      _tile_dpbf16ps(2, 5, 7);
    }
  }
}

TILES INLINE void tile_block(
    int parts, int is_wide, int is_tall, size_t chunks, operand w, operand x,
    float *sums, size_t apart, int begins) {
  if (begins) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  } else {
    _tile_loadd(0, sums, LINE);
    if (is_wide) _tile_loadd(1, sums + CHUNK_WORDS, LINE);
    if (is_tall) _tile_loadd(2, sums + apart, LINE);
    if (is_wide && is_tall) _tile_loadd(3, sums + apart + CHUNK_WORDS, LINE);
  }
  if (is_wide) tile_sums(parts, chunks, w, x);
  else narrow_tile_sums(parts, chunks, w, x);
  _tile_stored(0, sums, LINE);
  if (is_wide) _tile_stored(1, sums + CHUNK_WORDS, LINE);
  if (is_tall) _tile_stored(2, sums + apart, LINE);
  if (is_wide && is_tall) _tile_stored(3, sums + apart + CHUNK_WORDS, LINE);
}

TILES static void tiles(
    size_t row_panels, size_t input_panels, size_t chunks, operand weights, operand inputs,
    float *sums, size_t apart, int begins) {
  int parts = !inputs.low ? 1 : !weights.low ? 2 : 3;
  for (size_t i = 0; i < input_panels; i += 2) {
    int is_wide = i + 1 < input_panels;
    operand x = moved(inputs, i, 0, is_wide);
    for (size_t r = 0; r < row_panels; r += 2) {
      int is_tall = r + 1 < row_panels;
      operand w = moved(weights, r, 0, is_tall);
      float *out = sums + r * apart + i * CHUNK_WORDS;
      switch (parts) {
      case 1: tile_block(1, is_wide, is_tall, chunks, w, x, out, apart, begins); break;
      case 2: tile_block(2, is_wide, is_tall, chunks, w, x, out, apart, begins); break;
      default: tile_block(3, is_wide, is_tall, chunks, w, x, out, apart, begins);
      }
    }
  }
}

static int may_use_tiles;

// Linux keeps no room for tiles until a process asks for it (Documentation/arch/x86/xstate.rst).
static void ask_for_tiles(void) {
#if defined(__linux__)
  enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
  may_use_tiles = __builtin_cpu_supports("amx-tile") && __builtin_cpu_supports("amx-bf16") &&
                  pare_best_level() == PARE_AVX512 &&
                  syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
#endif
}
#endif

int pare_has_bf16_unit(void) {
#ifdef PARE_X86
  return pare_best_level() == PARE_AVX512 && __builtin_cpu_supports("avx512bf16");
#else
  return 0;
#endif
}

int pare_best_packing(void) { return pare_has_bf16_unit() ? PARE_UNIT_BF16 : pare_best_level(); }

int pare_best_unit(int kind) {
#ifdef PARE_X86
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, ask_for_tiles);
  if (kind != PARE_FULL && may_use_tiles) return PARE_UNIT_TILES;
#endif
  if (kind == PARE_HALF && pare_has_bf16_unit()) return PARE_UNIT_BF16;
  return kind == PARE_FULL ? pare_best_level() : PARE_PLAIN;
}

static void begin(int unit) {
#ifdef PARE_X86
  if (unit == PARE_UNIT_TILES) begin_tiles();
#endif
  (void)unit;
}

static void end(int unit) {
#ifdef PARE_X86
  if (unit == PARE_UNIT_TILES) end_tiles();
#endif
  (void)unit;
}

static void add_all_plain(
    size_t row_panels, size_t input_panels, size_t chunks, operand weights, operand inputs,
    float *sums, size_t apart, int begins) {
  for (size_t r = 0; begins && r < row_panels; r++)
    memset(sums + r * apart, 0, input_panels * CHUNK_WORDS * sizeof(float));
  const uint8_t *parts[3][2] = {
      {weights.low, inputs.high}, {weights.high, inputs.high}, {weights.high, inputs.low}};
  for (int i = 0; i < 3; i++)
    if (parts[i][0] && parts[i][1])
      add_plain(row_panels, input_panels, chunks, parts[i][0], weights.step, parts[i][1],
                inputs.step, sums, apart);
}

// Chunks multiplied before moving on: for a few hundred rows and inputs they fit into 2 MB of cache.
enum { CHUNKS_AT_ONCE = 64 };

// Between `begin` and `end`.
static void sum_up(
    int unit, int kind, size_t row_panels, size_t input_panels, size_t chunks, operand weights,
    operand inputs, float *sums, size_t apart) {
  size_t from = 0;
  do {
    size_t some = smaller(chunks - from, CHUNKS_AT_ONCE);
    operand w = moved(weights, 0, from, 1), x = moved(inputs, 0, from, 1);
    int begins = from == 0;
    if (kind == PARE_FULL) full(unit, row_panels, input_panels, some, w, x, sums, apart, begins);
#ifdef PARE_X86
    else if (unit == PARE_UNIT_TILES)
      tiles(row_panels, input_panels, some, w, x, sums, apart, begins);
    else if (unit == PARE_UNIT_BF16)
      bf16(row_panels, input_panels, some, w, x, sums, apart, begins);
#endif
    else add_all_plain(row_panels, input_panels, some, w, x, sums, apart, begins);
    from += some;
  } while (from < chunks);
}

void pare_multiply_panels(
    int unit, int kind, size_t k, pare_panels weights, pare_panels inputs, float *room, float *out,
    size_t stride, const float *bias, int adds) {
  size_t length = pare_chunk_length(kind), chunks = (k + length - 1) / length, step = chunks * 1024;
  size_t row_panels = (weights.count + 15) / 16, apart = PARE_PANEL_INPUTS / 16 * CHUNK_WORDS;
  int level = kind == PARE_FULL ? unit : pare_best_packing();
  operand rows = {weights.high, weights.low, step}, all = {inputs.high, inputs.low, step};
  begin(unit);
  for (size_t first = 0; first < inputs.count; first += PARE_PANEL_INPUTS) {
    size_t some = smaller(inputs.count - first, PARE_PANEL_INPUTS), panels = (some + 15) / 16;
    sum_up(unit, kind, row_panels, panels, chunks, rows, moved(all, first / 16, 0, 1), room, apart);
    for (size_t i = 0; i < panels; i++)
      for (size_t r = 0; r < row_panels; r++)
        put_sums(level, room + r * apart + i * CHUNK_WORDS, smaller(weights.count - r * 16, 16),
                 smaller(some - i * 16, 16), out + (first + i * 16) * stride + r * 16, stride,
                 bias ? bias + r * 16 : NULL, adds, NULL);
  }
  end(unit);
}

static void pack_sums(int level, int kind, const float *sums, int32_t *high, int32_t *low) {
  DISPATCH_PACKING(pack_sums, kind, sums, high, low)
}

// Adds a bias to each row of sums.
static void add_bias(float *sums, size_t rows, const float *bias) {
  if (!bias) return;
  for (size_t r = 0; r < rows; r++)
    for (size_t i = 0; i < 16; i++) sums[r * 16 + i] += bias[r];
}

void pare_multiply_gated(
    int unit, int kind, size_t k, pare_panels gate, pare_panels up, const float *gate_bias,
    const float *up_bias, int function, pare_panels inputs, float *room, void *high, void *low,
    size_t panel_bytes) {
  size_t length = pare_chunk_length(kind), chunks = (k + length - 1) / length, step = chunks * 1024;
  size_t row_panels = (gate.count + 15) / 16, apart = PARE_PANEL_INPUTS / 16 * CHUNK_WORDS;
  int level = kind == PARE_FULL ? unit : pare_best_packing();
  float *other = room + row_panels * apart;
  // Words of one row panel in the panels that are written.
  size_t words = kind == PARE_FULL ? CHUNK_WORDS : CHUNK_WORDS / 2;
  operand all = {inputs.high, inputs.low, step};
  begin(unit);
  for (size_t first = 0; first < inputs.count; first += PARE_PANEL_INPUTS) {
    size_t some = smaller(inputs.count - first, PARE_PANEL_INPUTS), panels = (some + 15) / 16;
    operand x = moved(all, first / 16, 0, 1);
    sum_up(unit, kind, row_panels, panels, chunks, (operand){gate.high, gate.low, step}, x, room,
           apart);
    if (up.high)
      sum_up(unit, kind, row_panels, panels, chunks, (operand){up.high, up.low, step}, x, other,
             apart);
    for (size_t i = 0; i < panels; i++) {
      size_t skip = (first / 16 + i) * panel_bytes;
      int32_t *to = (int32_t *)((uint8_t *)high + skip);
      int32_t *rest = low ? (int32_t *)((uint8_t *)low + skip) : NULL;
      for (size_t r = 0; r < row_panels; r++) {
        size_t rows = smaller(gate.count - r * 16, 16);
        float *sums = room + r * apart + i * CHUNK_WORDS;
        float *more = up.high ? other + r * apart + i * CHUNK_WORDS : NULL;
        add_bias(sums, rows, gate_bias ? gate_bias + r * 16 : NULL);
        if (more) add_bias(more, rows, up_bias ? up_bias + r * 16 : NULL);
        pare_activate(CHUNK_WORDS, function, sums, more, sums, 0);
        // Rows that are not there stay 0.
        for (size_t j = rows * 16; j < CHUNK_WORDS; j++) sums[j] = 0;
        pack_sums(level, kind, sums, to + r * words, rest ? rest + r * words : NULL);
      }
      if (kind != PARE_FULL && row_panels % 2) {
        memset(to + row_panels * words, 0, words * 4);
        if (rest) memset(rest + row_panels * words, 0, words * 4);
      }
    }
  }
  end(unit);
}

// MARK: Attention

enum { QUERY_PANELS = 2 };

// Room for the scores of all positions. Softmax's shares, f32 or two bf16 parts, take as much.
static size_t score_room(size_t positions) { return (positions + 32) / 32 * 32 * 16 * QUERY_PANELS; }

size_t pare_attention_room(size_t positions, size_t key_width) {
  size_t query_words = (key_width + 31) / 32 * CHUNK_WORDS * QUERY_PANELS * 2;
  return 2 * score_room(positions) + query_words + 64 * 16 * QUERY_PANELS + 16 * QUERY_PANELS;
}

void pare_attend_panels(
    int unit, int kind, size_t key_width, size_t value_width, size_t first, pare_panels keys,
    pare_panels values, size_t value_panel_bytes, const float *queries, size_t query_stride,
    size_t count, const pare_attention *rule, float *room, float *out, size_t stride) {
  size_t length = pare_chunk_length(kind), chunks = (key_width + length - 1) / length;
  size_t panels = (count + 15) / 16, end_key = first + count;
  // Keys that none of the queries sees are left out, by whole chunks.
  size_t start = rule->window > 0 && first + 1 > rule->window ? first + 1 - rule->window : 0;
  start = start / 32 * 32;
  size_t key_panels = (end_key - start + 15) / 16, apart = panels * CHUNK_WORDS;
  size_t key_chunks = (end_key - start + length - 1) / length;
  int level = kind == PARE_FULL ? unit : pare_best_packing(), is_split = kind == PARE_SPLIT;
  float *scores = room, *shares = scores + score_room(end_key - start);
  float *packed = shares + score_room(end_key - start);
  float *packed_low = packed + chunks * CHUNK_WORDS * panels;
  float *factors = packed_low + (is_split ? chunks * CHUNK_WORDS * panels : 0);
  float *sums = factors + 16 * QUERY_PANELS;
  pare_pack_inputs(
      level, kind, count, key_width, queries, query_stride, packed, is_split ? packed_low : NULL);
  begin(unit);
  operand q = {(uint8_t *)packed, is_split ? (uint8_t *)packed_low : NULL, chunks * 1024};
  operand k = {keys.high, keys.low, chunks * 1024};
  sum_up(unit, kind, key_panels, panels, chunks, moved(k, start / 16, 0, 1), q, scores, apart);
  size_t share_words = key_chunks * CHUNK_WORDS;
  operand p = {(uint8_t *)shares, is_split ? (uint8_t *)(shares + panels * share_words) : NULL,
               share_words * 4};
  for (size_t i = 0; i < panels; i++)
    softmax(level, kind, key_panels, (ptrdiff_t)start, (ptrdiff_t)(first + i * 16), rule,
            scores + i * CHUNK_WORDS, apart, (int32_t *)(p.high + i * p.step),
            is_split ? (int32_t *)(p.low + i * p.step) : NULL, factors + i * 16);
  operand v = {values.high, values.low, value_panel_bytes};
  // Some widths at a time.
  enum { VALUE_PANELS = 4 };
  for (size_t d = 0; d < value_width; d += 16 * VALUE_PANELS) {
    size_t some = smaller(value_width - d, 16 * VALUE_PANELS), rows = (some + 15) / 16;
    sum_up(unit, kind, rows, panels, key_chunks, moved(v, d / 16, start / length, 1), p, sums,
           apart);
    for (size_t i = 0; i < panels; i++)
      for (size_t r = 0; r < rows; r++)
        put_sums(level, sums + r * apart + i * CHUNK_WORDS, smaller(some - r * 16, 16),
                 smaller(count - i * 16, 16), out + i * 16 * stride + d + r * 16, stride, NULL, 0,
                 factors + i * 16);
  }
  end(unit);
}
