#include "cfaults.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

/* The kernel saves all vector and tile registers in a handler's frame, some 11 kB; the
   sanitizers' own stacks are of at least `least_size` and stay. */
enum { stack_size = 64 << 10, least_size = 32 << 10 };

static pthread_key_t stack_key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;

static void drop_stack(void *memory) {
  stack_t used, none = {.ss_flags = SS_DISABLE};
  if (sigaltstack(NULL, &used) == 0 && used.ss_sp == memory) sigaltstack(&none, NULL);
  free(memory);
}

static void make_key(void) { pthread_key_create(&stack_key, drop_stack); }

void pare_use_signal_stack(void) {
  stack_t used;
  if (sigaltstack(NULL, &used) != 0) return;
  if (!(used.ss_flags & SS_DISABLE) && used.ss_size >= least_size) return;
  pthread_once(&key_once, make_key);
  void *memory = malloc(stack_size);
  if (!memory) return;
  stack_t own = {.ss_sp = memory, .ss_size = stack_size};
  if (sigaltstack(&own, NULL) != 0 || pthread_setspecific(stack_key, memory) != 0)
    drop_stack(memory);
}
