// Sums, scalings, conversions and column sums.
#include "Number.h"

PLK_INLINE void add_scaled(void *restrict y, const void *restrict x, float scale, int format, int x_format,
                           int64_t count) {
  for (int64_t i = 0; i < count; i++)
    plk_store(y, format, i, plk_load(y, format, i) + scale * plk_load(x, x_format, i));
}

PLK_MULTIVERSION
void plk_add_scaled(void *restrict y, const void *restrict x, float scale, int y_format, int x_format,
                    int64_t count) {
  PLK_FORMAT_PAIRS(y_format, x_format, add_scaled(y, x, scale, FORMAT, WEIGHT, count))
}

PLK_INLINE void convert(void *restrict y, const void *restrict x, int format, int x_format, int64_t count) {
  for (int64_t i = 0; i < count; i++) plk_store(y, format, i, plk_load(x, x_format, i));
}

PLK_MULTIVERSION
void plk_convert(void *restrict y, const void *restrict x, int y_format, int x_format, int64_t count) {
  PLK_FORMAT_PAIRS(y_format, x_format, convert(y, x, FORMAT, WEIGHT, count))
}

PLK_MULTIVERSION
void plk_widen_rows(float *restrict y, const void *restrict x, int x_format, int64_t stride, int64_t rows,
                    int64_t width) {
  for (int64_t row = 0; row < rows; row++)
    PLK_FORMATS(
        x_format, convert(y + row * width, plk_at(x, FORMAT, row * stride), PLK_FP32, FORMAT, width))
}

PLK_MULTIVERSION
void plk_fill(void *y, float value, int format, int64_t count) {
  PLK_FORMATS(format, for (int64_t i = 0; i < count; i++) plk_store(y, FORMAT, i, value))
}

PLK_MULTIVERSION
double plk_sum_of_squares(const float *x, int64_t count) {
#pragma clang fp reassociate(on)
  double sum = 0;
  for (int64_t i = 0; i < count; i++) sum += (double)x[i] * (double)x[i];
  return sum;
}

PLK_INLINE void bias_add(void *restrict y, const void *restrict bias, int format, int bias_format, int64_t rows,
                         int64_t columns) {
  for (int64_t row = 0; row < rows; row++) {
    void *restrict line = plk_at_mutable(y, format, row * columns);
    for (int64_t j = 0; j < columns; j++)
      plk_store(line, format, j, plk_load(line, format, j) + plk_load(bias, bias_format, j));
  }
}

PLK_MULTIVERSION
void plk_bias_add(void *restrict y, const void *restrict bias, int y_format, int bias_format, int64_t rows,
                  int64_t columns) {
  PLK_FORMAT_PAIRS(y_format, bias_format, bias_add(y, bias, FORMAT, WEIGHT, rows, columns))
}

// Columns are taken by strips whose sums stay in registers or the first-level cache.
enum { STRIP = 64 };

PLK_INLINE void column_sum(float *restrict sum, const void *restrict x, const void *restrict y,
                           const float *restrict row_scale, int accumulate, int format, int64_t first, int64_t last,
                           int64_t rows, int64_t width) {
  for (int64_t start = first; start < last; start += STRIP) {
    const int64_t columns = last - start < STRIP ? last - start : STRIP;
    double strip[STRIP] = {0};
    for (int64_t row = 0; row < rows; row++) {
      const void *a = plk_at(x, format, row * width + start);
      const double scale = row_scale ? (double)row_scale[row] : 1.0;
      if (y) {
        const void *b = plk_at(y, format, row * width + start);
        for (int64_t j = 0; j < columns; j++)
          strip[j] += (double)plk_load(a, format, j) * (double)plk_load(b, format, j) * scale;
      } else {
        for (int64_t j = 0; j < columns; j++) strip[j] += (double)plk_load(a, format, j) * scale;
      }
    }
    for (int64_t j = 0; j < columns; j++)
      sum[start + j] = (accumulate ? sum[start + j] : 0.0f) + (float)strip[j];
  }
}

PLK_MULTIVERSION
void plk_column_sum(float *restrict sum, const void *restrict x, const void *restrict y,
                    const float *restrict row_scale, int accumulate, int format, int64_t first, int64_t last,
                    int64_t rows, int64_t width) {
  PLK_FORMATS(format, column_sum(sum, x, y, row_scale, accumulate, FORMAT, first, last, rows, width))
}
