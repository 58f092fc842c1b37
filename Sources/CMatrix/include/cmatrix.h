#ifndef PARE_CMATRIX_H
#define PARE_CMATRIX_H
// Matrix products on one thread, behind a narrow door: oneDNN (its C interface
// 2 or 3) or OpenBLAS. All matrices are row-major; a stride is the number of
// values from one row to the next. The caller owns the threads.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Whether products of bf16 run faster than those of f32 here.
bool pare_matrix_has_bf16(void);

/// Whether `pare_weights_apply` adds the bias and applies GELU itself. Where it
/// does not, the caller does so afterwards.
bool pare_matrix_fuses(void);

/// What one thread needs to multiply: prepared products and scratch memory. Not
/// to be used by two threads at once.
typedef struct pare_matrix pare_matrix;
pare_matrix *pare_matrix_create(void);
void pare_matrix_destroy(pare_matrix *matrix);

/// A linear layer's weights in the order in which the library reads them. Any
/// number of threads may use them.
typedef struct pare_weights pare_weights;

/// Packs `w`, n × k (out × in), to be multiplied into rows of `out_stride` values,
/// on which the best order depends. The library may also keep `w` itself, which must
/// therefore live as long as the result. With `bf16` they are rounded. NULL when
/// memory runs out.
pare_weights *pare_weights_pack(
    const float *w, size_t n, size_t k, size_t out_stride, bool bf16);
void pare_weights_free(pare_weights *weights);

/// What happens to a product before it is stored; may be joined.
enum {
  PARE_FUSE_GELU = 1,       // out = GELU(x·Wᵀ + bias), by the error function
  PARE_FUSE_GELU_TANH = 2,  // the same in its tanh form
  PARE_FUSE_ADD = 4,        // out += x·Wᵀ + bias
  PARE_FUSE_BF16 = 8,   // out is bf16; only with bf16 weights
};

/// out (m × n) = x (m × k)·Wᵀ + bias. `x` is of the weights' type, f32 or bf16;
/// `bias` may be NULL. Returns false when the library refuses.
bool pare_weights_apply(
    pare_matrix *matrix, const pare_weights *weights, size_t m, const void *x, size_t x_stride,
    void *out, size_t out_stride, const float *bias, int epilogue);

/// `count` products c = a·b, m × k by k × n; the matrices of product i start
/// i × step values after the first. A transposed matrix is stored the other way
/// round, n × k for b; its stride is that of the rows in memory.
typedef struct {
  size_t count, m, n, k;
  size_t a_stride, b_stride, c_stride;
  size_t a_step, b_step, c_step;
  bool a_transposed, b_transposed;
  /// c += a·b; only where c is f32.
  bool adds;
  /// a and b are bf16; only where `pare_matrix_has_bf16`. Sums are f32.
  bool bf16;
  /// c is bf16; only with bf16.
  bool bf16_output;
} pare_product;

/// Runs the products one after the other. Returns false when the library refuses.
bool pare_gemm(
    pare_matrix *matrix, const pare_product *product, const void *a, const void *b, void *c);
#endif
