/// Includes BODY once an instruction set; the body names its functions by NAME().
/// LEVEL is the number of PARE_PLAIN, PARE_AVX2 or PARE_AVX512, which `#if` does not know.
/// A fused product is asked for, never left to the compiler: levels must agree.
#pragma STDC FP_CONTRACT OFF

#define NAME(function) function##_plain
#define LEVEL 0
#include "bodies/lanes.h"
#include BODY
#undef NAME
#undef LEVEL

#ifdef PARE_X86
#pragma clang attribute push(TARGET_AVX2, apply_to = function)
#define NAME(function) function##_avx2
#define LEVEL 1
#include "bodies/lanes.h"
#include BODY
#undef NAME
#undef LEVEL
#pragma clang attribute pop

#pragma clang attribute push(TARGET_AVX512, apply_to = function)
#define NAME(function) function##_avx512
#define LEVEL 2
#include "bodies/lanes.h"
#include BODY
#undef NAME
#undef LEVEL
#pragma clang attribute pop

// One more, for a body that gains by the bf16 instructions of AVX-512.
#ifdef WITH_BF16
#pragma clang attribute push(TARGET_BF16, apply_to = function)
#define NAME(function) function##_bf16
#define LEVEL 2
#define BF16_INSTRUCTIONS
#include "bodies/lanes.h"
#include BODY
#undef BF16_INSTRUCTIONS
#undef NAME
#undef LEVEL
#pragma clang attribute pop
#endif
#endif
