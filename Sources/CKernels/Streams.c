// Streams through memory, for its bandwidth.
#include "CKernels.h"
#include "Multiversion.h"

PLK_MULTIVERSION
uint64_t plk_stream_read(const uint64_t *x, int64_t count) {
  uint64_t bits = 0;
  for (int64_t i = 0; i < count; i++) bits |= x[i];
  return bits;
}

PLK_MULTIVERSION
void plk_stream_write(float *x, float value, int64_t count) {
  for (int64_t i = 0; i < count; i++) x[i] = value;
}

PLK_MULTIVERSION
void plk_stream_triad(float *restrict a, const float *restrict b, const float *restrict c, float factor,
                      int64_t count) {
  for (int64_t i = 0; i < count; i++) a[i] = b[i] + factor * c[i];
}
