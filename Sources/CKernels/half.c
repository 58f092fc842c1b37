#include "half.h"
#include "lanes.h"
#include "panels.h"
#include "tiles.h"
#include "transpose.h"

int pare_multiplies_half(void) { return pare_best_unit(PARE_HALF) == PARE_UNIT_TILES; }

static size_t panels_of(size_t count) { return (count + 15) / 16; }
static size_t chunks_of(size_t k) { return (k + 31) / 32; }

// Whether tiles read a where it lies.
static int lies_ready(const pare_half_product *p) {
  return !p->a_transposed && p->m % 16 == 0 && p->k % 32 == 0;
}

// Columns of b that are multiplied at a time: what they take stays in the second cache.
enum { KEPT_BYTES = 1 << 20 };

static size_t columns_at_once(const pare_half_product *p) {
  size_t panels = KEPT_BYTES / (chunks_of(p->k) * 1024) / 2 * 2;
  return (panels < 2 ? 2 : panels) * 16;
}

size_t pare_half_room(const pare_half_product *p) {
  size_t panel = chunks_of(p->k) * 1024;
  size_t columns = p->b_packed ? 0 : smaller(p->n, columns_at_once(p));
  return panel * (panels_of(columns) + (lies_ready(p) ? 0 : panels_of(p->m)));
}

size_t pare_packed_half_bytes(size_t n, size_t k) { return panels_of(n) * chunks_of(k) * 1024; }

#ifdef PARE_X86
#define TILES                                                                                    \
  __attribute__((target(                                                                         \
      "avx2,fma,bmi2,avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,amx-tile,amx-bf16")))
enum { LINE = 64 };

// Panels have 16 rows of a or 16 columns of b. A chunk of 32 numbers along k is 16 lines: a row's
// numbers in a, and in b two numbers of each column.

// Lines of two steps of k: `some` columns of two rows of memory, which may be NULL for zeros.
TILES INLINE __m512i pairs_at(const uint16_t *first, const uint16_t *second, size_t some) {
  const __m512i order = _mm512_set_epi16(
      31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19,
      3, 18, 2, 17, 1, 16, 0);
  __mmask16 there = (__mmask16)((1u << some) - 1);
  __m256i a = first ? _mm256_maskz_loadu_epi16(there, first) : _mm256_setzero_si256();
  __m256i b = second ? _mm256_maskz_loadu_epi16(there, second) : _mm256_setzero_si256();
  return _mm512_permutexvar_epi16(
      order, _mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1));
}

// One chunk of a panel from memory whose rows are along k: `rows` of them, `some` numbers each.
TILES INLINE void chunk_of_rows(
    const uint16_t *x, size_t stride, size_t rows, size_t some, int turned, uint8_t *to) {
  __m512i lines[16];
  __mmask32 there = some >= 32 ? 0xffffffff : (__mmask32)((1u << some) - 1);
  for (size_t i = 0; i < 16; i++)
    lines[i] =
        i < rows ? _mm512_maskz_loadu_epi16(there, x + i * stride) : _mm512_setzero_si512();
  if (turned) transpose((i32x16 *)lines);
  for (size_t i = 0; i < 16; i++) _mm512_store_si512(to + i * LINE, lines[i]);
}

// The same from memory whose rows are steps of k: `some` steps of `columns` numbers.
TILES INLINE void chunk_of_steps(
    const uint16_t *x, size_t stride, size_t columns, size_t some, int turned, uint8_t *to) {
  __m512i lines[16];
  for (size_t i = 0; i < 16; i++) {
    const uint16_t *first = 2 * i < some ? x + 2 * i * stride : NULL;
    const uint16_t *second = 2 * i + 1 < some ? x + (2 * i + 1) * stride : NULL;
    lines[i] = pairs_at(first, second, columns);
  }
  if (turned) transpose((i32x16 *)lines);
  for (size_t i = 0; i < 16; i++) _mm512_store_si512(to + i * LINE, lines[i]);
}

// Packs `count` rows of a (`is_a`) or columns of b. Each of them is a row in memory (`is_row`), or a
// column.
TILES static void pack(
    const uint16_t *x, size_t stride, size_t count, size_t k, int is_row, int is_a, uint8_t *to) {
  size_t chunks = chunks_of(k);
  for (size_t first = 0; first < count; first += 16) {
    size_t here = smaller(count - first, 16);
    uint8_t *panel = to + first / 16 * chunks * 1024;
    for (size_t chunk = 0; chunk < chunks; chunk++) {
      size_t from = chunk * 32, some = smaller(k - from, 32);
      uint8_t *place = panel + chunk * 1024;
      if (is_row)
        chunk_of_rows(x + first * stride + from, stride, here, some, !is_a, place);
      else
        chunk_of_steps(x + from * stride + first, stride, here, some, is_a, place);
    }
  }
}

// a where tiles read it: rows `line` bytes apart, chunks `step`, panels `panel`.
typedef struct {
  const uint8_t *start;
  size_t line, step, panel;
} rows_of_a;

// Up to two panels of a by two of b; tiles 0 to 3 are sums. Where there is no second panel the first
// is read again, and what comes of it is not kept.
TILES INLINE void sum_up(
    size_t chunks, rows_of_a a, size_t second_a, const uint8_t *b, size_t second_b) {
  for (size_t i = 0; i < chunks; i++) {
    const uint8_t *x = a.start + i * a.step, *y = b + i * 1024;
    _tile_loadd(4, x, a.line);
    _tile_loadd(6, y, LINE);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, y + second_b, LINE);
    _tile_dpbf16ps(1, 4, 7);
    _tile_loadd(5, x + second_a, a.line);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
}

// A sum of 16 × 16 where not all of it is wanted, or as bf16.
TILES INLINE void put_sum(
    const float *sum, size_t rows, size_t columns, const pare_half_product *p, void *c) {
  __mmask16 there = (__mmask16)((1u << columns) - 1);
  for (size_t r = 0; r < rows; r++) {
    __m512 values = _mm512_load_ps(sum + 16 * r);
    if (p->half_output) {
      __m256i half = (__m256i)_mm512_cvtneps_pbh(values);
      _mm256_mask_storeu_epi16((uint16_t *)c + r * p->c_stride, there, half);
      continue;
    }
    float *out = (float *)c + r * p->c_stride;
    if (p->adds) values += _mm512_maskz_loadu_ps(there, out);
    _mm512_mask_storeu_ps(out, there, values);
  }
}

// The product of some rows and columns, 32 of each at most.
TILES INLINE void multiply_block(
    const pare_half_product *p, size_t chunks, rows_of_a a, size_t rows, const uint8_t *b,
    size_t columns, uint8_t *c) {
  size_t second_a = rows > 16 ? a.panel : 0, second_b = columns > 16 ? chunks * 1024 : 0;
  size_t size = p->half_output ? 2 : 4, down = 16 * p->c_stride * size, right = 16 * size;
  // Whole tiles of f32 are read and written where they are.
  int is_whole = !p->half_output && rows == 32 && columns == 32;
  size_t line = p->c_stride * 4;
  if (is_whole && p->adds) {
    _tile_loadd(0, c, line);
    _tile_loadd(1, c + right, line);
    _tile_loadd(2, c + down, line);
    _tile_loadd(3, c + down + right, line);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  sum_up(chunks, a, second_a, b, second_b);
  if (is_whole) {
    _tile_stored(0, c, line);
    _tile_stored(1, c + right, line);
    _tile_stored(2, c + down, line);
    _tile_stored(3, c + down + right, line);
    return;
  }
  _Alignas(64) float sums[4][256];
  size_t top = smaller(rows, 16), left = smaller(columns, 16);
  _tile_stored(0, sums[0], LINE);
  put_sum(sums[0], top, left, p, c);
  if (columns > 16) {
    _tile_stored(1, sums[1], LINE);
    put_sum(sums[1], top, columns - 16, p, c + right);
  }
  if (rows <= 16) return;
  _tile_stored(2, sums[2], LINE);
  put_sum(sums[2], rows - 16, left, p, c + down);
  if (columns > 16) {
    _tile_stored(3, sums[3], LINE);
    put_sum(sums[3], rows - 16, columns - 16, p, c + down + right);
  }
}

TILES static void multiply(
    const pare_half_product *p, const uint16_t *a, const uint16_t *b, uint8_t *c, uint8_t *room) {
  size_t chunks = chunks_of(p->k), panel = chunks * 1024, size = p->half_output ? 2 : 4;
  size_t wide = smaller(p->n, columns_at_once(p));
  rows_of_a rows = {(const uint8_t *)a, p->a_stride * 2, 64, 16 * p->a_stride * 2};
  if (!lies_ready(p)) {
    uint8_t *packed = room + (p->b_packed ? 0 : panels_of(wide) * panel);
    pack(a, p->a_stride, p->m, p->k, !p->a_transposed, 1, packed);
    rows = (rows_of_a){packed, LINE, 1024, panel};
  }
  for (size_t first = 0; first < p->n; first += wide) {
    size_t some = smaller(p->n - first, wide);
    const uint8_t *columns = room;
    if (p->b_packed)
      columns = (const uint8_t *)b + first / 16 * panel;
    else
      pack(b + (p->b_transposed ? first * p->b_stride : first), p->b_stride, some, p->k,
           p->b_transposed, 0, room);
    for (size_t r = 0; r < p->m; r += 32) {
      rows_of_a from = rows;
      from.start += r / 16 * rows.panel;
      for (size_t i = 0; i < some; i += 32)
        multiply_block(
            p, chunks, from, smaller(p->m - r, 32), columns + i / 16 * panel, smaller(some - i, 32),
            c + (r * p->c_stride + first + i) * size);
    }
  }
}

void pare_pack_half(
    size_t n, size_t k, const uint16_t *b, size_t stride, int transposed, void *packed) {
  pack(b, stride, n, k, transposed, 0, packed);
}

TILES static void end_tiles(void) { _tile_release(); }

void pare_multiply_half(
    const pare_half_product *p, const uint16_t *a, const uint16_t *b, void *c, void *room) {
  begin_tiles();
  for (size_t i = 0; i < p->count; i++)
    multiply(p, a + i * p->a_step, b + i * p->b_step,
             (uint8_t *)c + i * p->c_step * (p->half_output ? 2 : 4), room);
  end_tiles();
}
#else
void pare_pack_half(
    size_t n, size_t k, const uint16_t *b, size_t stride, int transposed, void *packed) {
  (void)n, (void)k, (void)b, (void)stride, (void)transposed, (void)packed;
}

void pare_multiply_half(
    const pare_half_product *p, const uint16_t *a, const uint16_t *b, void *c, void *room) {
  (void)p, (void)a, (void)b, (void)c, (void)room;
}
#endif
