// The row-wise parts of causal attention; its products are matrix products.
#include <math.h>

#include "CKernels.h"
#include "Multiversion.h"
#include "SoftmaxRow.h"

PLK_MULTIVERSION
void plk_causal_exponentials(float *restrict scores, float *restrict reciprocal_sum, float *restrict logsumexp,
                             int64_t first_query, int64_t rows, int64_t keys) {
  for (int64_t row = 0; row < rows; row++) {
    float *s = scores + row * keys;
    const int64_t visible = first_query + row + 1;
    const float largest = plk_largest(s, visible);
    const double sum = plk_exponentials(s, s, largest, visible);
    for (int64_t j = visible; j < keys; j++) s[j] = 0;
    reciprocal_sum[row] = (float)(1.0 / sum);
    logsumexp[row] = (float)((double)largest + log(sum));
  }
}

PLK_MULTIVERSION
void plk_causal_probabilities(float *restrict scores, const float *restrict logsumexp, int64_t first_query,
                              int64_t rows, int64_t keys) {
  for (int64_t row = 0; row < rows; row++) {
    float *s = scores + row * keys;
    const int64_t visible = first_query + row + 1;
    const float shift = logsumexp[row];
    for (int64_t j = 0; j < visible; j++) s[j] = plk_exp(s[j] - shift);
    for (int64_t j = visible; j < keys; j++) s[j] = 0;
  }
}

PLK_MULTIVERSION
void plk_softmax_gradient(float *restrict d_probabilities, const float *restrict probabilities,
                          const float *restrict d_out, const float *restrict out, float scale, int64_t stride,
                          int64_t head_dimension, int64_t rows, int64_t keys) {
#pragma clang fp reassociate(on)
  for (int64_t row = 0; row < rows; row++) {
    const float *dy = d_out + row * stride, *y = out + row * stride;
    double dot = 0;
    for (int64_t d = 0; d < head_dimension; d++) dot += (double)dy[d] * (double)y[d];
    const float delta = (float)dot;
    float *dp = d_probabilities + row * keys;
    const float *p = probabilities + row * keys;
    for (int64_t j = 0; j < keys; j++) dp[j] = p[j] * (dp[j] - delta) * scale;
  }
}

PLK_MULTIVERSION
void plk_scale_rows(float *restrict x, const float *restrict factors, int64_t stride, int64_t rows, int64_t width) {
  for (int64_t row = 0; row < rows; row++)
    for (int64_t j = 0; j < width; j++) x[row * stride + j] *= factors[row];
}
