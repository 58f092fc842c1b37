#include "crew.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

// What is to be done, in one word so that it is taken in one step:
//
//      63        40 39        20 19         0
//     ┌────────────┬────────────┬────────────┐
//     │ which work │ its tiles  │ next tile  │
//     └────────────┴────────────┴────────────┘
//
// A tile is taken by adding 1, which fails when the word has changed meanwhile.
// Who has a tile may read `work` and `context`: they stay until it is done.
enum { FIELD = 20, FIELD_MASK = (1 << FIELD) - 1 };
// Looks at the word before a thread gives its core away, and before it sleeps:
// some microseconds, and some tenths of a millisecond.
enum { SPINS_BEFORE_YIELD = 2000, SPINS_BEFORE_SLEEP = 20000 };

struct pare_crew {
  _Alignas(64) _Atomic uint64_t word;
  _Alignas(64) _Atomic size_t done;
  _Alignas(64) pare_tile_work work;
  void *context;
  uint64_t round;
  _Atomic int sleepers;
  atomic_bool leaving;
  pthread_mutex_t mutex;
  pthread_cond_t wake;
  size_t helpers;
  struct helper {
    pare_crew *crew;
    size_t worker;
    pthread_t thread;
  } *list;
};

static void pause_briefly(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static bool has_tile(uint64_t word) {
  return (word & FIELD_MASK) < (word >> FIELD & FIELD_MASK);
}

static bool do_one_tile(pare_crew *crew, size_t worker) {
  uint64_t word = atomic_load_explicit(&crew->word, memory_order_acquire);
  while (has_tile(word)) {
    if (!atomic_compare_exchange_weak_explicit(
            &crew->word, &word, word + 1, memory_order_acquire, memory_order_acquire))
      continue;
    crew->work(crew->context, worker, word & FIELD_MASK);
    atomic_fetch_add_explicit(&crew->done, 1, memory_order_release);
    return true;
  }
  return false;
}

static void sleep_until_work(pare_crew *crew) {
  pthread_mutex_lock(&crew->mutex);
  atomic_fetch_add(&crew->sleepers, 1);
  while (!has_tile(atomic_load(&crew->word)) && !atomic_load(&crew->leaving))
    pthread_cond_wait(&crew->wake, &crew->mutex);
  atomic_fetch_sub(&crew->sleepers, 1);
  pthread_mutex_unlock(&crew->mutex);
}

static void *help(void *argument) {
  struct helper *helper = argument;
  pare_crew *crew = helper->crew;
  int idle = 0;
  while (!atomic_load_explicit(&crew->leaving, memory_order_relaxed)) {
    if (do_one_tile(crew, helper->worker)) {
      idle = 0;
    } else if (++idle < SPINS_BEFORE_SLEEP) {
      pause_briefly();
      if (idle % SPINS_BEFORE_YIELD == 0) sched_yield();
    } else {
      sleep_until_work(crew);
      idle = 0;
    }
  }
  return NULL;
}

pare_crew *pare_crew_create(size_t threads) {
  enum { ALIGNMENT = 64 };
  size_t size = (sizeof(pare_crew) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  pare_crew *crew = aligned_alloc(ALIGNMENT, size);
  if (!crew) return NULL;
  *crew = (pare_crew){0};
  pthread_mutex_init(&crew->mutex, NULL);
  pthread_cond_init(&crew->wake, NULL);
  crew->list = threads > 1 ? calloc(threads - 1, sizeof *crew->list) : NULL;
  while (crew->list && crew->helpers + 1 < threads) {
    struct helper *helper = &crew->list[crew->helpers];
    helper->crew = crew;
    helper->worker = crew->helpers + 1;
    if (pthread_create(&helper->thread, NULL, help, helper) != 0) break;
    crew->helpers++;
  }
  return crew;
}

static void wake_all(pare_crew *crew) {
  pthread_mutex_lock(&crew->mutex);
  pthread_cond_broadcast(&crew->wake);
  pthread_mutex_unlock(&crew->mutex);
}

void pare_crew_destroy(pare_crew *crew) {
  if (!crew) return;
  atomic_store(&crew->leaving, true);
  wake_all(crew);
  for (size_t i = 0; i < crew->helpers; i++) pthread_join(crew->list[i].thread, NULL);
  pthread_cond_destroy(&crew->wake);
  pthread_mutex_destroy(&crew->mutex);
  free(crew->list);
  free(crew);
}

void pare_crew_run(pare_crew *crew, size_t tiles, pare_tile_work work, void *context) {
  if (tiles == 0) return;
  crew->work = work;
  crew->context = context;
  atomic_store_explicit(&crew->done, 0, memory_order_relaxed);
  crew->round++;
  atomic_store(&crew->word, crew->round << (2 * FIELD) | (uint64_t)tiles << FIELD);
  if (atomic_load(&crew->sleepers) > 0) wake_all(crew);
  while (do_one_tile(crew, 0)) continue;
  for (int spins = 1; atomic_load_explicit(&crew->done, memory_order_acquire) < tiles; spins++) {
    pause_briefly();
    if (spins % SPINS_BEFORE_YIELD == 0) sched_yield();
  }
}
