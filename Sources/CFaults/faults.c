#include "cfaults.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

enum { guard_count = 4096 };

/* `end` is set last and cleared first, and is 0 while the place is free or being filled. */
static struct {
  atomic_bool taken, tripped;
  _Atomic(uintptr_t) start, end;
} guards[guard_count];

static uintptr_t page_size;
static struct sigaction before;

bool pare_repair_fault(void *address) {
  uintptr_t place = (uintptr_t)address;
  for (int i = 0; i < guard_count; i++) {
    uintptr_t end = atomic_load(&guards[i].end);
    if (place >= end || place < atomic_load(&guards[i].start)) continue;
    /* A file ends once: all that follows is lost as well. */
    uintptr_t page = place & ~(page_size - 1);
    void *zeros = mmap((void *)page, end - page, PROT_READ,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
    if (zeros == MAP_FAILED) return false;
    atomic_store(&guards[i].tripped, true);
    return true;
  }
  return false;
}

static void on_bus_error(int number, siginfo_t *info, void *context) {
  (void)context;
  if (info->si_code > 0 && pare_repair_fault(info->si_addr)) return;
  sigaction(number, &before, NULL);
  /* The instruction runs again and meets the old handler; a signal that was sent is sent on. */
  if (info->si_code <= 0) raise(number);
}

static void catch_bus_errors(void) {
  page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
  struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
  action.sa_sigaction = on_bus_error;
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, &before);
}

int pare_guard(const void *start, size_t count) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, catch_bus_errors);
  for (int i = 0; i < guard_count; i++) {
    bool free = false;
    if (!atomic_compare_exchange_strong(&guards[i].taken, &free, true)) continue;
    atomic_store(&guards[i].tripped, false);
    atomic_store(&guards[i].start, (uintptr_t)start);
    atomic_store(&guards[i].end, (uintptr_t)start + count);
    return i;
  }
  return -1;
}

void pare_unguard(int guard) {
  if (guard < 0) return;
  atomic_store(&guards[guard].end, 0);
  atomic_store(&guards[guard].taken, false);
}

bool pare_guard_is_tripped(int guard) {
  return guard >= 0 && atomic_load(&guards[guard].tripped);
}
