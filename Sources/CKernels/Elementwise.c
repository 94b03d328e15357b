// Sums, scalings and column sums.
#include "CKernels.h"
#include "Multiversion.h"

PLK_MULTIVERSION
void plk_add_scaled(float *restrict y, const float *restrict x, float scale, int64_t count) {
  for (int64_t i = 0; i < count; i++) y[i] += scale * x[i];
}

PLK_MULTIVERSION
void plk_fill(float *y, float value, int64_t count) {
  for (int64_t i = 0; i < count; i++) y[i] = value;
}

PLK_MULTIVERSION
double plk_sum_of_squares(const float *x, int64_t count) {
#pragma clang fp reassociate(on)
  double sum = 0;
  for (int64_t i = 0; i < count; i++) sum += (double)x[i] * (double)x[i];
  return sum;
}

PLK_MULTIVERSION
void plk_bias_add(float *restrict y, const float *restrict bias, int64_t rows, int64_t columns) {
  for (int64_t row = 0; row < rows; row++)
    for (int64_t j = 0; j < columns; j++) y[row * columns + j] += bias[j];
}

// Columns are taken by strips whose sums stay in registers or the first-level cache.
enum { STRIP = 64 };

PLK_MULTIVERSION
void plk_column_sum(float *restrict sum, const float *restrict x, const float *restrict y,
                    const float *restrict row_scale, int accumulate, int64_t first, int64_t last, int64_t rows,
                    int64_t width) {
  for (int64_t start = first; start < last; start += STRIP) {
    const int64_t columns = last - start < STRIP ? last - start : STRIP;
    double strip[STRIP] = {0};
    for (int64_t row = 0; row < rows; row++) {
      const float *a = x + row * width + start;
      const double scale = row_scale ? (double)row_scale[row] : 1.0;
      if (y) {
        const float *b = y + row * width + start;
        for (int64_t j = 0; j < columns; j++) strip[j] += (double)a[j] * (double)b[j] * scale;
      } else {
        for (int64_t j = 0; j < columns; j++) strip[j] += (double)a[j] * scale;
      }
    }
    for (int64_t j = 0; j < columns; j++)
      sum[start + j] = (accumulate ? sum[start + j] : 0.0f) + (float)strip[j];
  }
}
