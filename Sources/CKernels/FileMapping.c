// Files as memory, read-only.
#include "CKernels.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

const uint8_t *plk_file_map(const char *path, size_t *size, int *error) {
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    *error = errno;
    return 0;
  }
  struct stat status;
  void *base = MAP_FAILED;
  if (fstat(descriptor, &status) != 0) {
    *error = errno;
  } else if (!S_ISREG(status.st_mode)) {
    *error = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
  } else if (status.st_size == 0) {
    *error = EINVAL;
  } else {
    *size = (size_t)status.st_size;
    base = mmap(0, *size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (base == MAP_FAILED) *error = errno;
  }
  // The mapping holds the file open.
  (void)close(descriptor);
  return base == MAP_FAILED ? 0 : base;
}

// Advice works on whole pages. Those at both ends may hold neighbors, which only costs reading them again.
void plk_file_release(const uint8_t *base, size_t size) {
  const uintptr_t page = plk_page_size();
  const uintptr_t start = (uintptr_t)base / page * page;
  const uintptr_t end = ((uintptr_t)base + size + page - 1) / page * page;
  (void)madvise((void *)start, end - start, MADV_DONTNEED);
}

void plk_file_unmap(const uint8_t *base, size_t size) { (void)munmap((void *)base, size); }
