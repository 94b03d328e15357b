// Root mean square normalization: Zhang and Sennrich 2019, equation 4.
#include "CKernels.h"
#include "Multiversion.h"

PLK_MULTIVERSION
void plk_rms_norm(float *restrict normed, float *restrict reciprocal_rms, const float *restrict x,
                  const float *restrict weight, float epsilon, int64_t rows, int64_t width) {
#pragma clang fp reassociate(on)
  for (int64_t row = 0; row < rows; row++) {
    const float *a = x + row * width;
    float *y = normed + row * width;
    double squares = 0;
    for (int64_t j = 0; j < width; j++) squares += (double)a[j] * (double)a[j];
    const float r = (float)(1.0 / __builtin_elementwise_sqrt(squares / (double)width + (double)epsilon));
    reciprocal_rms[row] = r;
    for (int64_t j = 0; j < width; j++) y[j] = weight[j] * (a[j] * r);
  }
}

PLK_MULTIVERSION
void plk_rms_norm_input_gradient(float *restrict dx, const float *restrict d_normed, const float *restrict x,
                                 const float *restrict reciprocal_rms, const float *restrict weight, int accumulate,
                                 int64_t rows, int64_t width) {
#pragma clang fp reassociate(on)
  for (int64_t row = 0; row < rows; row++) {
    const float *a = x + row * width, *dy = d_normed + row * width;
    float *out = dx + row * width;
    const double r = (double)reciprocal_rms[row];
    double dot = 0;
    for (int64_t j = 0; j < width; j++) dot += (double)a[j] * (double)(weight[j] * dy[j]);
    const float scale = (float)r;
    const float pull = (float)(dot * r * r * r / (double)width);
    if (accumulate) {
      for (int64_t j = 0; j < width; j++) out[j] += scale * (weight[j] * dy[j]) - pull * a[j];
    } else {
      for (int64_t j = 0; j < width; j++) out[j] = scale * (weight[j] * dy[j]) - pull * a[j];
    }
  }
}
