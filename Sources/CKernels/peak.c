#include "ckernels.h"
#include "sixteen.h"

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
#endif

double pare_peak(int bf16, int64_t rounds) {
#if defined(__x86_64__)
  if (bf16 && __builtin_cpu_supports("avx512bf16")) return peak_bf16_avx512(rounds);
  if (!bf16 && __builtin_cpu_supports("avx512f")) return peak_f32_avx512(rounds);
#endif
  (void)bf16, (void)rounds;
  return 0;
}
