#ifndef PARE_HALF_PRODUCT_H
#define PARE_HALF_PRODUCT_H
// Products of matrices of bf16 with AMX tiles, for training: operands lie in memory in either order,
// and results are written where they are wanted.
#include <stddef.h>
#include <stdint.h>

/// `count` products c = a·b, m × k by k × n. All matrices are row-major; a stride is the number of
/// values from one row in memory to the next, a step that from one product's matrix to the next
/// one's. A transposed matrix is stored the other way round: k × m for a, n × k for b.
typedef struct {
  size_t count, m, n, k;
  size_t a_stride, b_stride, c_stride;
  size_t a_step, b_step, c_step;
  int a_transposed, b_transposed;
  /// b was packed by `pare_pack_half` already, and its stride and step are not read.
  int b_packed;
  /// c += a·b; only where c is f32.
  int adds;
  /// c is bf16; else f32.
  int half_output;
} pare_half_product;

/// Whether this machine computes them; on others they do nothing.
int pare_multiplies_half(void);

/// Bytes that the operands of one product may take on the way, on a boundary of 64.
size_t pare_half_room(const pare_half_product *product);

/// Packs an operand b of k × n numbers, or n × k where it is transposed, into
/// `pare_packed_half_bytes`, on a boundary of 64.
size_t pare_packed_half_bytes(size_t n, size_t k);
void pare_pack_half(
    size_t n, size_t k, const uint16_t *b, size_t stride, int transposed, void *packed);

/// Sums are f32, each in the order of k.
void pare_multiply_half(
    const pare_half_product *product, const uint16_t *a, const uint16_t *b, void *c, void *room);
#endif
