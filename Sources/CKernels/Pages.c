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

void *plk_pages_resize(void *base, size_t old_size, size_t new_size) {
#ifdef MREMAP_MAYMOVE
  void *moved = mremap(base, old_size, new_size, MREMAP_MAYMOVE);
  if (moved == MAP_FAILED) return 0;
  plk_advise_huge(moved, new_size);
  return moved;
#else
  (void)base;
  (void)old_size;
  (void)new_size;
  return 0;
#endif
}

void plk_pages_unmap(void *base, size_t size) { (void)munmap(base, size); }
