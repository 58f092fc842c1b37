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

/// What one thread needs to multiply: prepared products and scratch memory. Not
/// to be used by two threads at once.
typedef struct pare_matrix pare_matrix;
pare_matrix *pare_matrix_create(void);
void pare_matrix_destroy(pare_matrix *matrix);

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
