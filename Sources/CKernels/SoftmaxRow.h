// The two passes over a row that softmax and cross-entropy share.
#ifndef PLK_SOFTMAX_ROW_H
#define PLK_SOFTMAX_ROW_H

#include "Multiversion.h"

// A maximum of floats is only vectorized when written on vectors: the compiler must keep NaN's order otherwise.
typedef float plk_lanes __attribute__((vector_size(64)));
enum { PLK_LANES = 16 };

PLK_INLINE float plk_largest(const float *x, int64_t count) {
  float largest = x[0];
  int64_t i = 0;
  if (count >= PLK_LANES) {
    plk_lanes best, next;
    __builtin_memcpy(&best, x, sizeof best);
    for (i = PLK_LANES; i + PLK_LANES <= count; i += PLK_LANES) {
      __builtin_memcpy(&next, x + i, sizeof next);
      best = __builtin_elementwise_max(best, next);
    }
    for (int lane = 0; lane < PLK_LANES; lane++) largest = best[lane] > largest ? best[lane] : largest;
  }
  for (; i < count; i++) largest = x[i] > largest ? x[i] : largest;
  return largest;
}

// y = exp(x - shift), x and y may be the same; returns the sum.
PLK_INLINE double plk_exponentials(float *y, const float *x, float shift, int64_t count) {
#pragma clang fp reassociate(on)
  double total = 0;
  for (int64_t start = 0; start < count; start += PLK_CHUNK) {
    const int64_t end = start + PLK_CHUNK < count ? start + PLK_CHUNK : count;
    float sum = 0;
    for (int64_t i = start; i < end; i++) {
      const float e = plk_exp(x[i] - shift);
      y[i] = e;
      sum += e;
    }
    total += (double)sum;
  }
  return total;
}

#endif
