// A pool of threads for loops of a few microseconds: workers spin for a moment before they sleep.
//
// A region is open while its state is zero or more, which is then the number of workers inside; the caller closes it by
// swapping 0 for CLOSED, after which no worker can enter and its fields may change. Thus a worker that wakes late costs
// nothing: the caller has done its share meanwhile.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "CKernels.h"

enum { CLOSED = -1, SPINS_BEFORE_SLEEP = 20000, SPINS_BEFORE_YIELD = 2000 };

static pthread_mutex_t owner = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t sleeping = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static int64_t worker_count = 0;  // guarded by owner

static _Atomic uint64_t generation = 0;
static _Atomic int64_t sleepers = 0;
static _Atomic int64_t state = CLOSED;
static _Atomic int64_t next_task = 0;

// The open region; written only while closed.
static plk_task region_body;
static void *region_context;
static int64_t region_tasks;
static int64_t region_threads;

static void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static void work(int64_t worker) {
  for (;;) {
    const int64_t task = atomic_fetch_add(&next_task, 1);
    if (task >= region_tasks) return;
    region_body(region_context, task, worker);
  }
}

static uint64_t await_next(uint64_t seen) {
  for (int spin = 0; spin < SPINS_BEFORE_SLEEP; spin++) {
    const uint64_t now = atomic_load(&generation);
    if (now != seen) return now;
    pause_briefly();
  }
  pthread_mutex_lock(&sleeping);
  atomic_fetch_add(&sleepers, 1);
  uint64_t now;
  while ((now = atomic_load(&generation)) == seen) pthread_cond_wait(&wake, &sleeping);
  atomic_fetch_sub(&sleepers, 1);
  pthread_mutex_unlock(&sleeping);
  return now;
}

static void *worker_main(void *argument) {
  const int64_t worker = (int64_t)(intptr_t)argument;
  uint64_t seen = 0;
  for (;;) {
    seen = await_next(seen);
    int64_t inside = atomic_load(&state);
    while (inside >= 0 && !atomic_compare_exchange_weak(&state, &inside, inside + 1)) {
    }
    if (inside < 0) continue;
    if (worker < region_threads) work(worker);
    atomic_fetch_sub(&state, 1);
  }
  return NULL;
}

// Fewer workers than asked for (the system refused one) only costs speed.
static void grow(int64_t wanted) {
  while (worker_count < wanted) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, worker_main, (void *)(intptr_t)(worker_count + 1)) != 0) return;
    pthread_detach(thread);
    worker_count++;
  }
}

void plk_parallel_run(int64_t thread_count, plk_task body, void *context, int64_t task_count) {
  if (thread_count <= 1 || task_count <= 1 || pthread_mutex_trylock(&owner) != 0) {
    for (int64_t task = 0; task < task_count; task++) body(context, task, 0);
    return;
  }
  grow(thread_count - 1);
  region_body = body;
  region_context = context;
  region_tasks = task_count;
  region_threads = thread_count;
  atomic_store(&next_task, 0);
  atomic_store(&state, 0);
  atomic_fetch_add(&generation, 1);
  if (atomic_load(&sleepers) > 0) {
    pthread_mutex_lock(&sleeping);
    pthread_cond_broadcast(&wake);
    pthread_mutex_unlock(&sleeping);
  }
  work(0);
  int64_t inside = 0;
  for (int spin = 0; !atomic_compare_exchange_weak(&state, &inside, CLOSED); spin++) {
    inside = 0;
    // On a crowded machine the worker may be waiting for this very core.
    if (spin < SPINS_BEFORE_YIELD) pause_briefly(); else sched_yield();
  }
  pthread_mutex_unlock(&owner);
}

int64_t plk_processor_count(void) {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  const long count = sysconf(_SC_NPROCESSORS_ONLN);
  return count > 0 ? count : 1;
}

uint64_t plk_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
