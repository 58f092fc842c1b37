#ifndef PARE_ONEDNN
#include "cmatrix.h"

#include <cblas.h>
#include <pthread.h>
#include <stdlib.h>

// OpenBLAS packs by itself in every call, so the weights stay where they are,
// and it needs nothing of a thread.
struct pare_weights {
  const float *values;
  size_t n, k;
};

struct pare_matrix {
  char unused;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static void own_threads(void) { openblas_set_num_threads(1); }

bool pare_matrix_fuses(void) { return false; }

bool pare_matrix_has_bf16(void) { return false; }

pare_matrix *pare_matrix_create(void) {
  pthread_once(&once, own_threads);
  return calloc(1, sizeof(pare_matrix));
}

void pare_matrix_destroy(pare_matrix *matrix) { free(matrix); }

pare_weights *pare_weights_pack(
    const float *w, size_t n, size_t k, size_t out_stride, bool bf16) {
  (void)out_stride;
  if (bf16) return NULL;
  pare_weights *weights = calloc(1, sizeof *weights);
  if (weights) *weights = (pare_weights){w, n, k};
  return weights;
}

void pare_weights_free(pare_weights *weights) { free(weights); }

bool pare_weights_apply(
    pare_matrix *matrix, const pare_weights *weights, size_t m, const void *x, size_t x_stride,
    void *out, size_t out_stride, const float *bias, int epilogue) {
  (void)matrix;
  (void)bias;
  cblas_sgemm(
      CblasRowMajor, CblasNoTrans, CblasTrans, (int)m, (int)weights->n, (int)weights->k, 1, x,
      (int)x_stride, weights->values, (int)weights->k, (epilogue & PARE_FUSE_ADD) ? 1 : 0, out,
      (int)out_stride);
  return true;
}

bool pare_gemm(
    pare_matrix *matrix, const pare_product *p, const void *a, const void *b, void *c) {
  (void)matrix;
  if (p->bf16 || p->bf16_output) return false;
  const float *from = a, *by = b;
  float *to = c;
  for (size_t i = 0; i < p->count; i++)
    cblas_sgemm(
        CblasRowMajor, p->a_transposed ? CblasTrans : CblasNoTrans,
        p->b_transposed ? CblasTrans : CblasNoTrans, (int)p->m, (int)p->n, (int)p->k, 1,
        from + i * p->a_step, (int)p->a_stride, by + i * p->b_step, (int)p->b_stride,
        p->adds ? 1 : 0, to + i * p->c_step, (int)p->c_stride);
  return true;
}
#endif
