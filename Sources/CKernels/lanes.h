/// Sixteen lanes at a time, in the compiler's vector types, so that one body
/// serves every instruction set.
#ifndef PARE_LANES_H
#define PARE_LANES_H
#include <string.h>
#include "ckernels.h"

#pragma clang diagnostic ignored "-Wpsabi"

typedef float f32x16 __attribute__((ext_vector_type(16)));
typedef float f32x8 __attribute__((ext_vector_type(8)));
typedef float f32x4 __attribute__((ext_vector_type(4)));
typedef double f64x16 __attribute__((ext_vector_type(16)));
typedef double f64x8 __attribute__((ext_vector_type(8)));
typedef double f64x4 __attribute__((ext_vector_type(4)));
typedef int32_t i32x16 __attribute__((ext_vector_type(16)));
typedef uint32_t u32x16 __attribute__((ext_vector_type(16)));
typedef uint64_t u64x8 __attribute__((ext_vector_type(8)));
typedef uint16_t u16x16 __attribute__((ext_vector_type(16)));
typedef uint8_t u8x16 __attribute__((ext_vector_type(16)));
typedef uint8_t u8x8 __attribute__((ext_vector_type(8)));
typedef int8_t i8x16 __attribute__((ext_vector_type(16)));
typedef _Bool b1x16 __attribute__((ext_vector_type(16)));
typedef uint16_t u16x32 __attribute__((ext_vector_type(32)));
typedef int16_t i16x32 __attribute__((ext_vector_type(32)));
typedef _Bool b1x32 __attribute__((ext_vector_type(32)));

enum { LANES = 16 };
#define MAGNITUDE 0x7fffffff
#define INFINITE 0x7f800000

#if defined(__x86_64__)
#define PARE_X86 1
#define TARGET_AVX2 __attribute__((target("avx2,fma,bmi2,lzcnt,popcnt,f16c")))
#define TARGET_AVX512                                                                          \
  __attribute__((target(                                                                       \
      "avx2,fma,bmi2,lzcnt,popcnt,f16c,avx512f,avx512bw,avx512vl,avx512dq")))
#define TARGET_BF16                                                                            \
  __attribute__((target(                                                                       \
      "avx2,fma,bmi2,lzcnt,popcnt,f16c,avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))
/// Calls the version of a kernel that `level` asks for.
#define DISPATCH(name, ...)                                                                    \
  switch (level) {                                                                             \
  case PARE_AVX512: return name##_avx512(__VA_ARGS__);                                         \
  case PARE_AVX2: return name##_avx2(__VA_ARGS__);                                             \
  default: return name##_plain(__VA_ARGS__);                                                   \
  }
#else
#define DISPATCH(name, ...)                                                                    \
  (void)level;                                                                                 \
  return name##_plain(__VA_ARGS__);
#endif

#define INLINE static inline __attribute__((always_inline))
#define LIKELY(x) __builtin_expect(!!(x), 1)
// Asks for the line that will be read a page later: the processor's own prefetching stops at
// pages, and costs a third of memory's bandwidth there.
#define FETCH(at) __builtin_prefetch((const char *)(at) + 4096)

static inline size_t smaller(size_t a, size_t b) { return a < b ? a : b; }
static inline size_t larger(size_t a, size_t b) { return a > b ? a : b; }
#endif
