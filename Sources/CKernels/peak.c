#include "ckernels.h"
#include "panels.h"
#include "sixteen.h"
#include "tiles.h"

// Independent sums: more than the multiply-adds that are under way at a time.
enum { SUMS = 12 };

#if defined(__x86_64__)
__attribute__((target("avx512f"))) static double peak_f32_avx512(int64_t rounds) {
  vf sums[SUMS], x = SPLAT(1e-3f);
  for (int i = 0; i < SUMS; i++) sums[i] = SPLAT(i);
  for (int64_t round = 0; round < rounds; round++) {
    for (int i = 0; i < SUMS; i++) {
      sums[i] = __builtin_elementwise_fma(sums[i], x, x);
      __asm__ volatile("" : "+v"(sums[i]));
    }
  }
  return 2.0 * LANES * SUMS * (double)rounds;
}

typedef __bf16 vbf __attribute__((vector_size(64)));

__attribute__((target("avx512f,avx512bf16"))) static double peak_bf16_avx512(int64_t rounds) {
  vf sums[SUMS];
  vbf x = {0};
  __asm__ volatile("" : "+v"(x));
  for (int i = 0; i < SUMS; i++) sums[i] = SPLAT(i);
  for (int64_t round = 0; round < rounds; round++) {
    for (int i = 0; i < SUMS; i++) {
      sums[i] = __builtin_ia32_dpbf16ps_512(sums[i], x, x);
      __asm__ volatile("" : "+v"(sums[i]));
    }
  }
  return 4.0 * LANES * SUMS * (double)rounds;
}

// Six sums of 16 × 16 in tiles 0 to 5, from one pair of 16 × 32 factors in 6 and 7.
__attribute__((target("amx-tile,amx-bf16"))) static double peak_bf16_amx(int64_t rounds) {
  enum { TILE_SUMS = 6, ROWS = 16, ROW_BYTES = 64 };
  begin_tiles();
  _tile_zero(0), _tile_zero(1), _tile_zero(2), _tile_zero(3);
  _tile_zero(4), _tile_zero(5), _tile_zero(6), _tile_zero(7);
  for (int64_t round = 0; round < rounds; round++) {
    _tile_dpbf16ps(0, 6, 7), _tile_dpbf16ps(1, 6, 7), _tile_dpbf16ps(2, 6, 7);
    _tile_dpbf16ps(3, 6, 7), _tile_dpbf16ps(4, 6, 7), _tile_dpbf16ps(5, 6, 7);
  }
  _tile_release();
  return 2.0 * ROWS * (ROW_BYTES / 4) * (ROW_BYTES / 2) * TILE_SUMS * (double)rounds;
}
#endif

int pare_peak_unit(int bf16) {
#if defined(__x86_64__)
  if (bf16 && pare_best_unit(PARE_HALF) == PARE_UNIT_TILES) return PARE_UNIT_AMX;
  if (bf16 && __builtin_cpu_supports("avx512bf16")) return PARE_UNIT_AVX512_BF16;
  if (!bf16 && __builtin_cpu_supports("avx512f")) return PARE_UNIT_AVX512;
#endif
  (void)bf16;
  return PARE_UNIT_UNKNOWN;
}

double pare_peak(int unit, int64_t rounds) {
#if defined(__x86_64__)
  if (unit == PARE_UNIT_AMX) return peak_bf16_amx(rounds);
  if (unit == PARE_UNIT_AVX512_BF16) return peak_bf16_avx512(rounds);
  if (unit == PARE_UNIT_AVX512) return peak_f32_avx512(rounds);
#endif
  (void)unit, (void)rounds;
  return 0;
}
