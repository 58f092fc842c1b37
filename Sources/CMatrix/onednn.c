#ifdef PARE_ONEDNN
#include "cfaults.h"
#include "cmatrix.h"

#include <dlfcn.h>
#include <oneapi/dnnl/dnnl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// The interface's third version makes memory descriptors opaque handles and
// folds operation descriptors into primitive descriptors. `desc` is either.
#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t desc;
typedef const_dnnl_memory_desc_t desc_view;
#define DESC_FREE(d) dnnl_memory_desc_destroy(d)
#else
typedef dnnl_memory_desc_t desc;
typedef const dnnl_memory_desc_t *desc_view;
#define DESC_FREE(d) ((void)(d))
#endif

// The library keeps the code of products for whoever prepares the same again: the
// other threads, and the next engine. A shape that is gone, as where channels are
// removed, stays there too, in 100 to 200 kB; its own limit of 1024 is 200 MB.
enum { MATRIX_RANK = 3, MAXIMAL_PREPARED = 1024, MAXIMAL_KEPT = 128 };

static dnnl_engine_t engine;
static pthread_once_t engine_once = PTHREAD_ONCE_INIT;

static void make_engine(void) {
  dnnl_set_primitive_cache_capacity(MAXIMAL_KEPT);
  if (dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success) engine = NULL;
}

// oneDNN divides a product among OpenMP threads unless the calling thread has
// only one, and it must not be interrupted on the usual stack. Both settings
// belong to a thread, so each makes them once.
static void own_this_thread(void) {
  static _Thread_local bool done = false;
  if (done) return;
  done = true;
  pare_use_signal_stack();
  void (*set)(int) = (void (*)(int))dlsym(RTLD_DEFAULT, "omp_set_num_threads");
  if (set) set(1);
}

static bool ready(void) {
  pthread_once(&engine_once, make_engine);
  own_this_thread();
  return engine != NULL;
}

bool pare_matrix_has_bf16(void) {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

// What tells one prepared product from another.
typedef struct {
  int64_t count, m, n, k;
  int64_t a_stride, b_stride, c_stride, a_step, b_step, c_step;
  int32_t a_transposed, b_transposed, bf16, adds, bf16_output;
} key;

typedef struct {
  key key;
  dnnl_primitive_t primitive;
  dnnl_memory_t a, b, c, scratch;
} prepared;

struct pare_matrix {
  dnnl_stream_t stream;
  prepared *list;
  size_t count, last;
  void *scratch;
  size_t scratch_bytes;
};

static bool make_desc(
    desc *d, int rank, const int64_t *lengths, dnnl_data_type_t type, const int64_t *strides) {
  dnnl_dims_t dims, steps;
  for (int i = 0; i < rank; i++) {
    dims[i] = lengths[i];
    steps[i] = strides[i];
  }
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_memory_desc_create_with_strides(d, rank, dims, type, steps) == dnnl_success;
#else
  return dnnl_memory_desc_init_by_strides(d, rank, dims, type, steps) == dnnl_success;
#endif
}

static bool append_sum(dnnl_post_ops_t ops) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_post_ops_append_sum(ops, 1, 0, dnnl_data_type_undef) == dnnl_success;
#else
  return dnnl_post_ops_append_sum(ops, 1) == dnnl_success;
#endif
}

static bool make_attributes(dnnl_primitive_attr_t *attributes, bool adds) {
  dnnl_post_ops_t ops = NULL;
  if (dnnl_primitive_attr_create(attributes) != dnnl_success) return false;
  // Scratch memory of our own: the library's belongs to the thread that
  // prepared the product, which need not be the one that runs it.
  bool good =
      dnnl_primitive_attr_set_scratchpad_mode(*attributes, dnnl_scratchpad_mode_user)
          == dnnl_success
      && dnnl_post_ops_create(&ops) == dnnl_success;
  if (good && adds) good = append_sum(ops);
  if (good) good = dnnl_primitive_attr_set_post_ops(*attributes, ops) == dnnl_success;
  if (ops) dnnl_post_ops_destroy(ops);
  return good;
}

static bool make_product(
    dnnl_primitive_desc_t *product, desc *a, desc *b, desc *c, bool adds) {
  dnnl_primitive_attr_t attributes = NULL;
  bool good = make_attributes(&attributes, adds);
#if DNNL_VERSION_MAJOR >= 3
  good = good
         && dnnl_matmul_primitive_desc_create(
                product, engine, *a, *b, NULL, *c, attributes)
                == dnnl_success;
#else
  dnnl_matmul_desc_t operation;
  good = good && dnnl_matmul_desc_init(&operation, a, b, NULL, c) == dnnl_success
         && dnnl_primitive_desc_create(product, &operation, attributes, engine, NULL)
                == dnnl_success;
#endif
  if (attributes) dnnl_primitive_attr_destroy(attributes);
  return good;
}

static bool make_memory(dnnl_memory_t *memory, desc_view d) {
  return dnnl_memory_create(memory, d, engine, DNNL_MEMORY_NONE) == dnnl_success;
}

static bool make_descs(const key *key, desc *a, desc *b, desc *c) {
  dnnl_data_type_t type = key->bf16 ? dnnl_bf16 : dnnl_f32;
  dnnl_data_type_t out = key->bf16_output ? dnnl_bf16 : dnnl_f32;
  // One product alone must not look like a batch: the library then finds no fast way.
  int rank = key->count == 1 ? 2 : MATRIX_RANK;
  int skip = MATRIX_RANK - rank;
  int64_t a_dims[] = {key->count, key->m, key->k}, b_dims[] = {key->count, key->k, key->n};
  int64_t c_dims[] = {key->count, key->m, key->n};
  int64_t a_steps[] = {
      key->a_step, key->a_transposed ? 1 : key->a_stride, key->a_transposed ? key->a_stride : 1};
  int64_t c_steps[] = {key->c_step, key->c_stride, 1};
  int64_t b_steps[] = {
      key->b_step, key->b_transposed ? 1 : key->b_stride, key->b_transposed ? key->b_stride : 1};
  return make_desc(a, rank, a_dims + skip, type, a_steps + skip)
         && make_desc(b, rank, b_dims + skip, type, b_steps + skip)
         && make_desc(c, rank, c_dims + skip, out, c_steps + skip);
}

static bool describe(const key *key, dnnl_primitive_desc_t *product) {
  desc a = {0}, b = {0}, c = {0};
  bool good = make_descs(key, &a, &b, &c) && make_product(product, &a, &b, &c, key->adds);
  DESC_FREE(a);
  DESC_FREE(b);
  DESC_FREE(c);
  return good;
}

static void release(prepared *p) {
  dnnl_memory_t memories[] = {p->a, p->b, p->c, p->scratch};
  for (int i = 0; i < 4; i++)
    if (memories[i]) dnnl_memory_destroy(memories[i]);
  if (p->primitive) dnnl_primitive_destroy(p->primitive);
}

static bool reserve_scratch(pare_matrix *matrix, size_t bytes) {
  enum { ALIGNMENT = 64 };
  if (bytes <= matrix->scratch_bytes) return true;
  size_t rounded = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  void *larger = aligned_alloc(ALIGNMENT, rounded);
  if (!larger) return false;
  free(matrix->scratch);
  matrix->scratch = larger;
  matrix->scratch_bytes = rounded;
  return true;
}

static bool prepare(pare_matrix *matrix, const key *key, prepared *p) {
  dnnl_primitive_desc_t product = NULL;
  memset(p, 0, sizeof *p);
  p->key = *key;
  bool good = describe(key, &product);
  if (good) {
    desc_view scratch = dnnl_primitive_desc_query_md(product, dnnl_query_scratchpad_md, 0);
    good = dnnl_primitive_create(&p->primitive, product) == dnnl_success
           && make_memory(&p->a, dnnl_primitive_desc_query_md(product, dnnl_query_src_md, 0))
           && make_memory(&p->b, dnnl_primitive_desc_query_md(product, dnnl_query_weights_md, 0))
           && make_memory(&p->c, dnnl_primitive_desc_query_md(product, dnnl_query_dst_md, 0))
           && make_memory(&p->scratch, scratch)
           && reserve_scratch(matrix, dnnl_memory_desc_get_size(scratch));
  }
  if (product) dnnl_primitive_desc_destroy(product);
  if (!good) release(p);
  return good;
}

static void forget_all(pare_matrix *matrix) {
  for (size_t i = 0; i < matrix->count; i++) release(&matrix->list[i]);
  matrix->count = matrix->last = 0;
}

// The product for a key, prepared on its first use.
static prepared *find(pare_matrix *matrix, const key *key) {
  // Products repeat in the same order: the next one is usually behind the last.
  for (size_t i = 0; i < matrix->count; i++) {
    size_t at = (matrix->last + 1 + i) % matrix->count;
    if (memcmp(&matrix->list[at].key, key, sizeof *key) == 0) {
      matrix->last = at;
      return &matrix->list[at];
    }
  }
  if (matrix->count == MAXIMAL_PREPARED) forget_all(matrix);
  if (!prepare(matrix, key, &matrix->list[matrix->count])) return NULL;
  matrix->last = matrix->count++;
  return &matrix->list[matrix->last];
}

static bool run(pare_matrix *matrix, prepared *p, const void *a, const void *b, void *c) {
  dnnl_exec_arg_t arguments[] = {
      {DNNL_ARG_SRC, p->a},
      {DNNL_ARG_WEIGHTS, p->b},
      {DNNL_ARG_DST, p->c},
      {DNNL_ARG_SCRATCHPAD, p->scratch},
  };
  return dnnl_memory_set_data_handle(p->a, (void *)a) == dnnl_success
         && dnnl_memory_set_data_handle(p->b, (void *)b) == dnnl_success
         && dnnl_memory_set_data_handle(p->c, c) == dnnl_success
         && dnnl_memory_set_data_handle(p->scratch, matrix->scratch) == dnnl_success
         && dnnl_primitive_execute(p->primitive, matrix->stream, 4, arguments) == dnnl_success;
}

pare_matrix *pare_matrix_create(void) {
  if (!ready()) return NULL;
  pare_matrix *matrix = calloc(1, sizeof *matrix);
  if (!matrix) return NULL;
  matrix->list = calloc(MAXIMAL_PREPARED, sizeof *matrix->list);
  if (!matrix->list
      || dnnl_stream_create(&matrix->stream, engine, dnnl_stream_default_flags)
             != dnnl_success) {
    free(matrix->list);
    free(matrix);
    return NULL;
  }
  return matrix;
}

void pare_matrix_destroy(pare_matrix *matrix) {
  if (!matrix) return;
  forget_all(matrix);
  dnnl_stream_destroy(matrix->stream);
  free(matrix->scratch);
  free(matrix->list);
  free(matrix);
}

bool pare_gemm(
    pare_matrix *matrix, const pare_product *product, const void *a, const void *b, void *c) {
  key key;
  memset(&key, 0, sizeof key);
  key.count = (int64_t)product->count;
  key.m = (int64_t)product->m;
  key.n = (int64_t)product->n;
  key.k = (int64_t)product->k;
  key.a_stride = (int64_t)product->a_stride;
  key.b_stride = (int64_t)product->b_stride;
  key.c_stride = (int64_t)product->c_stride;
  key.a_step = (int64_t)product->a_step;
  key.b_step = (int64_t)product->b_step;
  key.c_step = (int64_t)product->c_step;
  key.a_transposed = product->a_transposed;
  key.b_transposed = product->b_transposed;
  key.bf16 = product->bf16;
  key.adds = product->adds;
  key.bf16_output = product->bf16_output;
  own_this_thread();
  prepared *p = find(matrix, &key);
  return p && run(matrix, p, a, b, c);
}
#endif
