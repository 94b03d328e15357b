#define _GNU_SOURCE
#include "CKernels.h"

#include <sys/mman.h>
#include <unistd.h>

// Swift cannot import mremap, which is variadic.

size_t plk_page_size(void) {
  long size = sysconf(_SC_PAGESIZE);
  return size > 0 ? (size_t)size : 4096;
}

static void plk_advise_huge(void *base, size_t size) {
#ifdef MADV_HUGEPAGE
  // Advice may be refused (no huge pages on this kernel); the pages work without.
  if (size >= PLK_HUGE_PAGE_THRESHOLD) (void)madvise(base, size, MADV_HUGEPAGE);
#else
  (void)base;
  (void)size;
#endif
}

void *plk_pages_map(size_t size) {
  void *base = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) return 0;
  plk_advise_huge(base, size);
  return base;
}

void *plk_pages_reserve(size_t size) {
#ifdef MREMAP_MAYMOVE
  void *base = mmap(0, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return base == MAP_FAILED ? 0 : base;
#else
  (void)size;
  return 0;
#endif
}

int plk_pages_map_at(void *target, size_t size) {
  void *base = mmap(target, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  if (base == MAP_FAILED) return 0;
  plk_advise_huge(base, size);
  return 1;
}

int plk_pages_move(void *base, size_t size, void *target) {
#ifdef MREMAP_MAYMOVE
  return mremap(base, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, target) != MAP_FAILED;
#else
  (void)base;
  (void)size;
  (void)target;
  return 0;
#endif
}

void plk_pages_unmap(void *base, size_t size) { (void)munmap(base, size); }
