#include "lanes.h"

int pare_best_level(void) {
#ifdef PARE_X86
  int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
             __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
  if (!avx2) return PARE_PLAIN;
  int avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  return avx512 ? PARE_AVX512 : PARE_AVX2;
#else
  return PARE_PLAIN;
#endif
}
