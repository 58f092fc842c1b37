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

// Rows of a and columns of b multiplied at a time. One of the two is cut into parts that fit into
// the second-level cache; the other is used whole.
typedef struct {
  size_t rows, columns;
} part_sizes;

enum { KEPT_BYTES = 512 << 10 };

static part_sizes parts_of(const pare_half_product *p) {
  size_t most = larger(KEPT_BYTES / (chunks_of(p->k) * 1024) / 2, 1) * 32;
  int by_rows = !lies_ready(p) && !p->b_packed && p->m > p->n;
  return by_rows ? (part_sizes){smaller(p->m, most), p->n}
                 : (part_sizes){p->m, smaller(p->n, most)};
}

size_t pare_half_room(const pare_half_product *p) {
  part_sizes at_once = parts_of(p);
  size_t panels = (p->b_packed ? 0 : panels_of(at_once.columns)) +
                  (lies_ready(p) ? 0 : panels_of(at_once.rows));
  return panels * chunks_of(p->k) * 1024;
}

size_t pare_packed_half_bytes(size_t n, size_t k) { return panels_of(n) * chunks_of(k) * 1024; }

#ifdef PARE_X86
#define TILES                                                                                    \
  __attribute__((target(                                                                         \
      "avx2,fma,bmi2,avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,amx-tile,amx-bf16")))
enum { LINE = 64 };

// Panels have 16 rows of a or 16 columns of b. A chunk of 32 numbers along k is 16 lines: a row's
// numbers in a, and in b two numbers of each column.

TILES INLINE void store_chunk(__m512i lines[16], int turned, uint8_t *to) {
  if (turned) transpose((i32x16 *)lines);
  for (size_t i = 0; i < 16; i++) _mm512_store_si512(to + i * LINE, lines[i]);
}

// One chunk of a panel from memory whose rows are along k: `rows` of them, `some` numbers each.
TILES INLINE void chunk_of_rows(
    const uint16_t *x, size_t stride, size_t rows, size_t some, int turned, uint8_t *to) {
  __m512i lines[16];
  __mmask32 there = some >= 32 ? 0xffffffff : (__mmask32)((1u << some) - 1);
  for (size_t i = 0; i < 16; i++)
    lines[i] =
        i < rows ? _mm512_maskz_loadu_epi16(there, x + i * stride) : _mm512_setzero_si512();
  store_chunk(lines, turned, to);
}

// The same from memory whose rows are steps of k, `some` of them, for two panels: `columns` numbers,
// 32 at most.
TILES INLINE void chunks_of_steps(
    const uint16_t *x, size_t stride, size_t columns, size_t some, int turned, uint8_t *to,
    uint8_t *second) {
  const __m512i left = _mm512_set_epi16(
      47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8, 39, 7, 38, 6, 37, 5, 36, 4, 35,
      3, 34, 2, 33, 1, 32, 0);
  const __m512i right = _mm512_add_epi16(left, _mm512_set1_epi16(16));
  __mmask32 there = columns >= 32 ? 0xffffffff : (__mmask32)((1u << columns) - 1);
  __m512i lines[16], others[16];
  for (size_t i = 0; i < 16; i++) {
    const uint16_t *first = x + 2 * i * stride;
    __m512i a = 2 * i < some ? _mm512_maskz_loadu_epi16(there, first) : _mm512_setzero_si512();
    __m512i b =
        2 * i + 1 < some ? _mm512_maskz_loadu_epi16(there, first + stride) : _mm512_setzero_si512();
    lines[i] = _mm512_permutex2var_epi16(a, left, b);
    others[i] = _mm512_permutex2var_epi16(a, right, b);
  }
  store_chunk(lines, turned, to);
  if (columns > 16) store_chunk(others, turned, second);
}

// Packs `count` rows of a (`is_a`) or columns of b. Each of them is a row in memory (`is_row`), or a
// column.
TILES static void pack(
    const uint16_t *x, size_t stride, size_t count, size_t k, int is_row, int is_a, uint8_t *to) {
  size_t chunks = chunks_of(k), step = is_row ? 16 : 32;
  for (size_t chunk = 0; chunk < chunks; chunk++) {
    size_t from = chunk * 32, some = smaller(k - from, 32);
    for (size_t first = 0; first < count; first += step) {
      size_t here = smaller(count - first, step);
      uint8_t *place = to + (first / 16 * chunks + chunk) * 1024;
      if (is_row)
        chunk_of_rows(x + first * stride + from, stride, here, some, !is_a, place);
      else
        chunks_of_steps(
            x + from * stride + first, stride, here, some, is_a, place, place + chunks * 1024);
    }
  }
}

// a where tiles read it: rows `line` bytes apart, chunks `step`, panels `panel`.
typedef struct {
  const uint8_t *start;
  size_t line, step, panel;
} rows_of_a;

// Up to two panels of a by two of b; tiles 0 to 3 are sums. If a second panel is missing, the first
// is loaded again and its sums are not stored. b is loaded with a streaming hint, so that a stays in
// the first-level cache. The `rows` of c to be written next, `line` bytes apart, are prefetched.
TILES INLINE void sum_up(
    size_t chunks, rows_of_a a, size_t second_a, const uint8_t *b, size_t second_b,
    const uint8_t *next, size_t line, size_t rows) {
  size_t each = (rows + chunks - 1) / chunks;
  for (size_t i = 0; i < chunks; i++) {
    const uint8_t *x = a.start + i * a.step, *y = b + i * 1024;
    _tile_loadd(4, x, a.line);
    _tile_stream_loadd(6, y, LINE);
    _tile_dpbf16ps(0, 4, 6);
    for (size_t r = 0; r < each; r++, next += line) {
      __builtin_prefetch(next, 1);
      __builtin_prefetch(next + LINE, 1);
    }
    _tile_stream_loadd(7, y + second_b, LINE);
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
    size_t columns, uint8_t *c, const uint8_t *next) {
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
  sum_up(chunks, a, second_a, b, second_b, next, p->c_stride * size, rows);
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

TILES INLINE void multiply_part(
    const pare_half_product *p, size_t chunks, rows_of_a a, size_t rows, const uint8_t *b,
    size_t columns, uint8_t *c) {
  size_t size = p->half_output ? 2 : 4, line = p->c_stride * size;
  for (size_t r = 0; r < rows; r += 32, a.start += 2 * a.panel, c += 32 * line)
    for (size_t i = 0; i < columns; i += 32) {
      uint8_t *next = i + 32 < columns ? c + (i + 32) * size : c + 32 * line;
      multiply_block(
          p, chunks, a, smaller(rows - r, 32), b + i / 16 * chunks * 1024,
          smaller(columns - i, 32), c + i * size, next);
    }
}

TILES static void multiply(
    const pare_half_product *p, const uint16_t *a, const uint16_t *b, uint8_t *c, uint8_t *room) {
  size_t chunks = chunks_of(p->k), panel = chunks * 1024, size = p->half_output ? 2 : 4;
  part_sizes at_once = parts_of(p);
  uint8_t *packed_a = room + (p->b_packed ? 0 : panels_of(at_once.columns) * panel);
  for (size_t top = 0; top < p->m; top += at_once.rows) {
    size_t rows = smaller(p->m - top, at_once.rows);
    rows_of_a from = {packed_a, LINE, 1024, panel};
    if (lies_ready(p))
      from = (rows_of_a){(const uint8_t *)a, p->a_stride * 2, 64, 16 * p->a_stride * 2};
    else
      pack(a + (p->a_transposed ? top : top * p->a_stride), p->a_stride, rows, p->k,
           !p->a_transposed, 1, packed_a);
    for (size_t left = 0; left < p->n; left += at_once.columns) {
      size_t columns = smaller(p->n - left, at_once.columns);
      const uint8_t *to = p->b_packed ? (const uint8_t *)b + left / 16 * panel : room;
      if (!p->b_packed && top == 0)
        pack(b + (p->b_transposed ? left * p->b_stride : left), p->b_stride, columns, p->k,
             p->b_transposed, 0, room);
      multiply_part(p, chunks, from, rows, to, columns, c + (top * p->c_stride + left) * size);
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
