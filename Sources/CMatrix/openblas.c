#ifndef PARE_ONEDNN
#include "cmatrix.h"

#include <cblas.h>
#include <pthread.h>
#include <stdlib.h>

struct pare_matrix {
  char unused;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static void own_threads(void) { openblas_set_num_threads(1); }

bool pare_matrix_has_bf16(void) { return false; }

pare_matrix *pare_matrix_create(void) {
  pthread_once(&once, own_threads);
  return calloc(1, sizeof(pare_matrix));
}

void pare_matrix_destroy(pare_matrix *matrix) { free(matrix); }

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
