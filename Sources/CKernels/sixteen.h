#ifndef PARE_SIXTEEN_H
#define PARE_SIXTEEN_H
// Sixteen lanes of f32 for loops that are written once and compiled for several
// instruction sets.
#include <stdint.h>
#include <string.h>

// One source for every machine: 16 lanes as a vector type, which the compiler
// splits into the registers the target has.
typedef float vf __attribute__((vector_size(64)));
typedef int32_t vi __attribute__((vector_size(64)));
typedef uint32_t vu __attribute__((vector_size(64)));
typedef uint16_t vh __attribute__((vector_size(32)));
#ifndef PARE_LANES_H
enum { LANES = 16 };
#define INLINE static inline __attribute__((always_inline))
#endif

#if defined(__x86_64__)
#define TARGETS(name, parameters, arguments)                                      \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))) static void \
      name##_avx512 parameters { name##_body arguments; }                         \
  __attribute__((target("avx2,fma"))) static void name##_avx2 parameters {        \
    name##_body arguments;                                                        \
  }                                                                               \
  void name parameters {                                                          \
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))  \
      name##_avx512 arguments;                                                    \
    else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))     \
      name##_avx2 arguments;                                                      \
    else                                                                          \
      name##_body arguments;                                                      \
  }
#else
#define TARGETS(name, parameters, arguments) \
  void name parameters { name##_body arguments; }
#endif

#define SPLAT(value) ((vf){0} + (float)(value))
#define SIGN_BITS ((vi){0} + INT32_MIN)

// Macros rather than functions: passing a vector that the plain machine has no
// register for is an error in C, even where the call is inlined.
#define LOAD(pointer)                       \
  ({                                        \
    vf loaded_;                             \
    memcpy(&loaded_, (pointer), sizeof(vf)); \
    loaded_;                                \
  })
#define STORE(pointer, vector)               \
  do {                                       \
    vf stored_ = (vector);                   \
    memcpy((pointer), &stored_, sizeof(vf)); \
  } while (0)
#define LOAD_SOME(pointer, count, fill)                          \
  ({                                                             \
    vf some_ = SPLAT(fill);                                      \
    memcpy(&some_, (pointer), (size_t)(count) * sizeof(float));  \
    some_;                                                       \
  })
#define STORE_SOME(pointer, count, vector)                       \
  do {                                                           \
    vf some_ = (vector);                                         \
    memcpy((pointer), &some_, (size_t)(count) * sizeof(float));  \
  } while (0)
#define MAX(a, b) __builtin_elementwise_max(a, b)
#define MIN(a, b) __builtin_elementwise_min(a, b)

// Halves are folded onto each other, so the order of additions is fixed.
#define FOLD(vector, combine)                                                         \
  ({                                                                                  \
    vf v_ = (vector);                                                                 \
    v_ = combine(v_, __builtin_shufflevector(v_, v_, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, \
                                             3, 4, 5, 6, 7));                         \
    v_ = combine(v_, __builtin_shufflevector(v_, v_, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, \
                                             15, 8, 9, 10, 11));                      \
    v_ = combine(v_, __builtin_shufflevector(v_, v_, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, \
                                             14, 15, 12, 13));                        \
    v_ = combine(v_, __builtin_shufflevector(v_, v_, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, \
                                             13, 12, 15, 14));                        \
    v_[0];                                                                            \
  })
#define PLUS(a, b) ((a) + (b))
#define SUM(vector) FOLD(vector, PLUS)
#define LARGEST(vector) FOLD(vector, MAX)

// exp(x) = 2ⁿ·exp(r), n = rint(x / ln 2), |r| ≤ ln 2 / 2; seven terms of the
// series leave less than 1e-8. Adding 1.5·2²³ rounds to the nearest integer,
// which then stands in the low bits. ln 2 comes in two parts so that n·ln 2 is
// exact. Below −87.3 the result would be subnormal and is cut off there.
#define EXP(argument)                                                          \
  ({                                                                           \
    const vf magic_ = SPLAT(12582912.0f);                                      \
    vf x_ = MIN(MAX((argument), SPLAT(-87.3f)), SPLAT(88.3f));                 \
    vf t_ = x_ * SPLAT(1.44269504f) + magic_;                                  \
    vf n_ = t_ - magic_;                                                       \
    vf r_ = x_ - n_ * SPLAT(0.693359375f);                                     \
    r_ = r_ + n_ * SPLAT(2.12194440e-4f);                                      \
    vf p_ = SPLAT(1.0f / 5040);                                                \
    p_ = p_ * r_ + SPLAT(1.0f / 720);                                          \
    p_ = p_ * r_ + SPLAT(1.0f / 120);                                          \
    p_ = p_ * r_ + SPLAT(1.0f / 24);                                           \
    p_ = p_ * r_ + SPLAT(1.0f / 6);                                            \
    p_ = p_ * r_ + SPLAT(0.5f);                                                \
    p_ = p_ * r_ + SPLAT(1.0f);                                                \
    p_ = p_ * r_ + SPLAT(1.0f);                                                \
    vi e_ = ((vi)t_ - (vi)magic_ + 127) << 23;                                 \
    p_ * (vf)e_;                                                               \
  })

// erf(|z|) ≈ 1 − (a₁t + … + a₅t⁵)·exp(−z²), t = 1 / (1 + 0.3275911·|z|), off by
// less than 1.5e-7 (Abramowitz and Stegun, 7.1.26).
#define GELU_ERF(argument)                                                     \
  ({                                                                           \
    vf u_ = (argument);                                                        \
    vi sign_ = (vi)u_ & SIGN_BITS;                                      \
    vf z_ = (vf)((vi)u_ ^ sign_) * SPLAT(0.70710678f);                         \
    vf t5_ = SPLAT(1.0f) / (SPLAT(1.0f) + SPLAT(0.3275911f) * z_);             \
    vf q_ = SPLAT(1.061405429f);                                               \
    q_ = q_ * t5_ + SPLAT(-1.453152027f);                                      \
    q_ = q_ * t5_ + SPLAT(1.421413741f);                                       \
    q_ = q_ * t5_ + SPLAT(-0.284496736f);                                      \
    q_ = q_ * t5_ + SPLAT(0.254829592f);                                       \
    vf square_ = -(z_ * z_);                                                   \
    vf erf_ = SPLAT(1.0f) - q_ * t5_ * EXP(square_);                           \
    erf_ = (vf)((vi)erf_ | sign_);                                             \
    SPLAT(0.5f) * u_ * (SPLAT(1.0f) + erf_);                                   \
  })

// ½x(1 + tanh(√(2/π)(x + 0.044715x³))), with (1 + tanh y)/2 = 1/(1 + exp(−2y)).
#define GELU_TANH(argument)                                                    \
  ({                                                                           \
    vf u_ = (argument);                                                        \
    vf y_ = SPLAT(-2 * 0.79788456f) * (u_ + SPLAT(0.044715f) * u_ * u_ * u_);  \
    u_ / (SPLAT(1.0f) + EXP(y_));                                              \
  })

// Nearest, ties to even; a NaN keeps a set bit so that it stays one.
#define TO_BF16(vector)                                                        \
  ({                                                                           \
    vu b_ = (vu)(vector);                                                      \
    vu nan_ = (vu)((b_ & 0x7FFFFFFFu) > 0x7F800000u);                          \
    vu rounded_ = (b_ + 0x7FFFu + ((b_ >> 16) & 1u)) >> 16;                    \
    rounded_ = (rounded_ & ~nan_) | (((b_ >> 16) | 0x40u) & nan_);             \
    __builtin_convertvector(rounded_, vh);                                     \
  })

// Activations are f32, or bf16 where `half` is set; `i` counts values.
#define LOAD_ACT(pointer, i, half)                                          \
  ({                                                                        \
    vf act_;                                                                \
    if (half) {                                                             \
      vh bits_;                                                             \
      memcpy(&bits_, (const uint16_t *)(pointer) + (i), sizeof(vh));        \
      act_ = (vf)(__builtin_convertvector(bits_, vu) << 16);                \
    } else {                                                                \
      memcpy(&act_, (const float *)(pointer) + (i), sizeof(vf));            \
    }                                                                       \
    act_;                                                                   \
  })
#define LOAD_ACT_SOME(pointer, i, count, half)                              \
  ({                                                                        \
    vf act_ = SPLAT(0);                                                     \
    if (half) {                                                             \
      vh bits_ = {0};                                                       \
      memcpy(&bits_, (const uint16_t *)(pointer) + (i), (count) * 2);       \
      act_ = (vf)(__builtin_convertvector(bits_, vu) << 16);                \
    } else {                                                                \
      memcpy(&act_, (const float *)(pointer) + (i), (count) * 4);           \
    }                                                                       \
    act_;                                                                   \
  })
#define STORE_ACT(pointer, i, count, half, vector)                          \
  do {                                                                      \
    vf kept_ = (vector);                                                    \
    if (half) {                                                             \
      vh bits_ = TO_BF16(kept_);                                            \
      if ((count) == LANES) memcpy((uint16_t *)(pointer) + (i), &bits_, 32); \
      else memcpy((uint16_t *)(pointer) + (i), &bits_, (count) * 2);        \
    } else if ((count) == LANES) {                                          \
      memcpy((float *)(pointer) + (i), &kept_, 64);                         \
    } else {                                                                \
      memcpy((float *)(pointer) + (i), &kept_, (count) * 4);                \
    }                                                                       \
  } while (0)
// The next 16 values, or what is left of `end`, with zeros behind.
#define NEXT_ACT(pointer, i, n, half) \
  ((n) == LANES ? LOAD_ACT(pointer, i, half) : LOAD_ACT_SOME(pointer, i, n, half))
#define NEXT(pointer, n) ((n) == LANES ? LOAD(pointer) : LOAD_SOME(pointer, n, 0))
#define PUT(pointer, n, vector)            \
  do {                                     \
    vf put_ = (vector);                    \
    if ((n) == LANES) STORE(pointer, put_); \
    else STORE_SOME(pointer, n, put_);     \
  } while (0)
#endif
