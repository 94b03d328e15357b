// The row-wise parts of causal attention; its products are matrix products.
//
// Queries and keys are taken by tiles. `diagonal` is the first query's position less the first key's: row i of a tile
// may see its keys 0 ... diagonal + i.
#include <math.h>

#include "Number.h"
#include "SoftmaxRow.h"

PLK_INLINE int64_t visible_keys(int64_t diagonal, int64_t row, int64_t keys) {
  return diagonal + row + 1 < keys ? diagonal + row + 1 : keys;
}

PLK_MULTIVERSION
void plk_softmax_tile(float *restrict scores, float *restrict out, float *restrict largest, double *restrict sums,
                      int is_first, int64_t diagonal, int64_t stride, int64_t rows, int64_t keys, int64_t width) {
  for (int64_t row = 0; row < rows; row++) {
    float *s = scores + row * keys;
    const int64_t visible = visible_keys(diagonal, row, keys);
    const float before = largest[row];
    float top = plk_largest(s, visible);
    if (!is_first && before > top) top = before;
    double sum = plk_exponentials(s, s, top, visible);
    for (int64_t j = visible; j < keys; j++) s[j] = 0;
    if (!is_first) {
      const float shrink = plk_exp(before - top);
      sum += sums[row] * (double)shrink;
      if (shrink != 1.0f)
        for (int64_t j = 0; j < width; j++) out[row * stride + j] *= shrink;
    }
    largest[row] = top;
    sums[row] = sum;
  }
}

PLK_MULTIVERSION
void plk_softmax_end(void *out, const float *sum_of_values, const float *restrict largest,
                     const double *restrict sums, float *restrict logsumexp, int format, int64_t stride,
                     int64_t rows, int64_t width) {
  for (int64_t row = 0; row < rows; row++) {
    const float reciprocal = (float)(1.0 / sums[row]);
    logsumexp[row] = (float)((double)largest[row] + log(sums[row]));
    if (format == PLK_BF16) {
      uint16_t *restrict y = (uint16_t *)out + row * stride;
      const float *restrict x = sum_of_values + row * width;
      for (int64_t j = 0; j < width; j++) y[j] = plk_nearest_bfloat16(x[j] * reciprocal);
    } else {
      float *y = (float *)out + row * stride;
      for (int64_t j = 0; j < width; j++) y[j] *= reciprocal;
    }
  }
}

PLK_MULTIVERSION
void plk_causal_probabilities(float *restrict scores, const float *restrict logsumexp, int64_t diagonal, int64_t rows,
                              int64_t keys) {
  for (int64_t row = 0; row < rows; row++) {
    float *s = scores + row * keys;
    const int64_t visible = visible_keys(diagonal, row, keys);
    const float shift = logsumexp[row];
    for (int64_t j = 0; j < visible; j++) s[j] = plk_exp(s[j] - shift);
    for (int64_t j = visible; j < keys; j++) s[j] = 0;
  }
}

PLK_INLINE void row_dots(float *restrict dots, const void *restrict x, const void *restrict y, int format,
                         int64_t stride, int64_t rows, int64_t width) {
#pragma clang fp reassociate(on)
  for (int64_t row = 0; row < rows; row++) {
    const void *a = plk_at(x, format, row * stride), *b = plk_at(y, format, row * stride);
    double dot = 0;
    for (int64_t d = 0; d < width; d++) dot += (double)plk_load(a, format, d) * (double)plk_load(b, format, d);
    dots[row] = (float)dot;
  }
}

PLK_MULTIVERSION
void plk_row_dots(float *restrict dots, const void *restrict x, const void *restrict y, int format, int64_t stride,
                  int64_t rows, int64_t width) {
  PLK_FORMATS(format, row_dots(dots, x, y, FORMAT, stride, rows, width))
}

PLK_MULTIVERSION
void plk_softmax_gradient(float *restrict d_probabilities, const float *restrict probabilities,
                          const float *restrict deltas, float scale, int64_t rows, int64_t keys) {
  for (int64_t row = 0; row < rows; row++) {
    float *dp = d_probabilities + row * keys;
    const float *p = probabilities + row * keys;
    const float delta = deltas[row];
    for (int64_t j = 0; j < keys; j++) dp[j] = p[j] * (dp[j] - delta) * scale;
  }
}
