/// Inner loops over weights.
///
/// Every kernel exists three times, compiled from one body: plain C, AVX2 and
/// AVX-512. `level` chooses; all three give the same bytes, because they run the
/// same IEEE operations over the same sixteen lanes. Pointers need no alignment
/// unless it is said; counts may be 0.
#ifndef PARE_CKERNELS_H
#define PARE_CKERNELS_H
#include <stddef.h>
#include <stdint.h>

/// Instruction sets a kernel is compiled for.
enum { PARE_PLAIN = 0, PARE_AVX2 = 1, PARE_AVX512 = 2 };

/// The best of them that this machine runs.
int pare_best_level(void);

/// How a number is stored.
enum {
  PARE_F32, PARE_BF16, PARE_F16, PARE_F64, PARE_F8E4M3, PARE_F8E5M2,
  PARE_I64, PARE_I32, PARE_I16, PARE_I8, PARE_U8, PARE_BOOL
};

/// Sums over finite values, of (x - pivot) to the powers 1 to 4, with the rest
/// counted. `minimum > maximum` when no value is finite.
typedef struct {
  double sum1, sum2, sum3, sum4;
  float minimum, maximum;
  uint64_t finite, nan, zero;
} pare_moments;

/// One read of f32, bf16 or f16 values. With `mask`, bit i of it tells whether
/// the bits of |value i| as f32 exceed `threshold`; whole words are written.
/// `scale` is a power of two by which bf16 values about the pivot come near 1.
void pare_scan(int level, int kind, const void *values, size_t count, float pivot,
               float scale, int32_t threshold, uint64_t *mask, pare_moments *out);

/// Adds to `counts[bins]`, bin = trunc((x - lower) * inverse) held to 0...bins-1,
/// the f32, bf16 or f16 values within lower...upper, and to `outside[3]` those
/// below, those above, and the NaNs. `inside` promises that there are none such.
void pare_histogram(int level, int kind, const void *values, size_t count, float lower,
                    float upper, float inverse, uint32_t bins, int inside,
                    uint64_t *counts, uint64_t outside[3]);

/// Adds to `counts[4][32768]` the bits 30...16 of each value: value i to table
/// i % 4, and the tables belong together.
void pare_count_high(int level, const float *values, size_t count, uint32_t *counts);

/// Writes the values whose bits of |value| are `low` to `high`, and their places, one after the
/// other, and returns how many; adds to `below` how many are lower, and sets bit i of `words` where
/// value i is not, and clears the others of their words. `out` and `places` have room for all.
size_t pare_collect(int level, const float *values, size_t count, int32_t low, int32_t high,
                    uint64_t *words, float *out, uint32_t *places, size_t *below);

/// Adds to `counts[65536]` the bits 15...0 of each value whose bits 30...16 are
/// `bucket`.
void pare_count_low(int level, const float *values, size_t count, uint32_t bucket,
                    uint32_t *counts);

/// The k-th smallest (from 0) of the bits of |value|; `below` gets how many are
/// smaller. k < count, which is less than 2³².
uint32_t pare_select(const float *values, size_t count, size_t k, size_t *below);

/// Sets bit i of `words` where value i is not +0, and clears all others of their words.
void pare_stored(int level, const float *values, size_t count, uint64_t *words);

/// Whether `values` are `before` bit for bit where they are kept, and 0 or −0 elsewhere; of
/// NULL, everywhere. The first value's bit is the lowest of the first word.
int pare_are_pruned(int level, const float *values, const float *before, const uint64_t *kept,
                    size_t count);

/// Sets bit `offset + i` of `words`, zero before, where the bits of |value i|
/// exceed `threshold`; returns how many equal `ties`.
size_t pare_mask(int level, const float *values, size_t count, int32_t threshold, int32_t ties,
                 uint64_t *words, size_t offset);

/// `out[i]` = `values[i]` where bit `offset + i` of `words` is set, else 0. `stream` writes past
/// the caches; `out` then is at a 64-byte boundary.
void pare_apply_mask(int level, const float *values, size_t count, const uint64_t *words,
                     size_t offset, float *out, int stream);

/// The values whose bits of `words` are set, one after another.
void pare_gather(int level, const float *values, size_t count, const uint64_t *words, float *out);

/// `out[i]` = the next of `values` where bit i of `words` is set, else 0.
void pare_scatter(int level, const float *values, size_t count, const uint64_t *words, float *out);

/// Any kind to f32: floats exactly (f64 and 64- and 32-bit integers rounded).
void pare_widen(int level, int kind, const void *values, float *out, size_t count);

/// f32 to a float kind, to nearest, ties to even. NaN stays NaN; too large gives
/// infinity, and NaN in F8_E4M3, which has none.
void pare_narrow(int level, int kind, const float *values, void *out, size_t count);

/// `out[c * rows + r]` = `values[r * columns + c]` for rows first..<last.
void pare_transpose(const float *values, size_t rows, size_t columns, size_t first, size_t last,
                    float *out);

/// What one group of weights is like; infinities and NaNs are left out.
typedef struct {
  float minimum, maximum;
  double sum_magnitude, sum_squares;
  uint64_t finite, zero;
} pare_group;

void pare_measure_group(int level, const float *values, size_t count, pare_group *out);

/// `out` = scale * (clamp(rint(x / scale) + zero, low, high) - zero), never -0;
/// returns the sum of squared differences over finite values. `out` may be null.
double pare_quantize(int level, const float *values, size_t count, float scale, float zero,
                     float low, float high, float *out);

/// Adds to `errors[factors]` the squared error that scale * factor[i] would make,
/// with x multiplied by the scale's reciprocal.
void pare_scale_errors(int level, const float *values, size_t count, float scale, float zero,
                       float low, float high, const float *factor, size_t factors,
                       double *errors);

/// Adds to `errors[scales]` the sum of weights[i] (x - scale * clamp(rint(x / scale)))^2
/// of each scale, with x multiplied by the scale's reciprocal. `weights` may be null,
/// which is 1 for all; `low` <= 0 <= `high`; values are finite.
void pare_weighted_errors(int level, const float *values, const float *weights, size_t count,
                          float low, float high, const float *scale, size_t scales,
                          double *errors);

/// Sums over finite values, where code has the zero subtracted: the quotient of
/// `products` and `squares` is the scale of least squared error for those codes.
typedef struct {
  double error, products, squares;
} pare_fit;

/// The squared error that `pare_quantize` would make, the sum of x * code and that
/// of code squared.
void pare_fit_scale(int level, const float *values, size_t count, float scale, float zero,
                    float low, float high, pare_fit *out);

/// `out` = sign(x) * scale where |x| > threshold, else 0; with threshold < 0 zeros
/// become +scale. Returns the squared error over finite values.
double pare_ternarize(int level, const float *values, size_t count, float scale, float threshold,
                      float *out);

/// Sums over the places where both are finite, and counts over all of them: places that
/// differ, where two NaNs are the same; NaNs of the first, of the second and of both in one
/// place; and the same of infinities, where both have the same sign.
typedef struct {
  double difference_squares, first_squares, second_squares, product;
  float maximum_difference;
  uint64_t different;
  uint64_t nan_first, nan_second, nan_both;
  uint64_t infinite_first, infinite_second, infinite_both;
} pare_difference;

void pare_compare(int level, const float *first, const float *second, size_t count,
                  pare_difference *out);

/// sums[i] += |row[i]| and maxima[i] = max(maxima[i], |row[i]|); NaN counts as 0.
void pare_add_magnitudes(int level, const float *row, size_t count, float *sums, float *maxima);

/// Reads memory as fast as it goes; the result only keeps the loads alive.
uint64_t pare_read(int level, const void *memory, size_t bytes);

/// What multiplies and adds: vectors of f32, vectors of bf16 pairs, tiles of bf16.
enum { PARE_UNIT_UNKNOWN, PARE_UNIT_AVX512, PARE_UNIT_AVX512_BF16, PARE_UNIT_AMX };

/// The fastest unit of this machine for f32 or bf16; unknown where it is not known how to
/// reach its peak.
int pare_peak_unit(int bf16);

/// Multiplies and adds in a unit's registers alone, as fast as it goes, on one thread: how many
/// operations that were, two for each multiply-add; 0 for an unknown unit. The unit is one that
/// `pare_peak_unit` gave.
double pare_peak(int unit, int64_t rounds);

#endif
