// Root mean square normalization: Zhang and Sennrich 2019, equation 4.
#include "Number.h"

PLK_INLINE void rms_norm(void *restrict normed, float *restrict reciprocal_rms, const void *restrict x,
                         const void *restrict weight, float epsilon, int format, int weight_format, int64_t rows,
                         int64_t width) {
#pragma clang fp reassociate(on)
  for (int64_t row = 0; row < rows; row++) {
    const void *a = plk_at(x, format, row * width);
    void *y = plk_at_mutable(normed, format, row * width);
    double squares = 0;
    for (int64_t j = 0; j < width; j++) squares += (double)plk_load(a, format, j) * (double)plk_load(a, format, j);
    const float r = (float)(1.0 / __builtin_elementwise_sqrt(squares / (double)width + (double)epsilon));
    reciprocal_rms[row] = r;
    for (int64_t j = 0; j < width; j++)
      plk_store(y, format, j, plk_load(weight, weight_format, j) * (plk_load(a, format, j) * r));
  }
}

PLK_MULTIVERSION
void plk_rms_norm(void *restrict normed, float *restrict reciprocal_rms, const void *restrict x,
                  const void *restrict weight, float epsilon, int format, int weight_format, int64_t rows,
                  int64_t width) {
  PLK_FORMAT_PAIRS(
      format, weight_format, rms_norm(normed, reciprocal_rms, x, weight, epsilon, FORMAT, WEIGHT, rows, width))
}

PLK_INLINE void input_gradient(void *restrict dx, const void *restrict d_normed, const void *restrict x,
                               const float *restrict reciprocal_rms, const void *restrict weight, int accumulate,
                               int format, int weight_format, int64_t rows, int64_t width) {
#pragma clang fp reassociate(on)
  for (int64_t row = 0; row < rows; row++) {
    const void *a = plk_at(x, format, row * width), *dy = plk_at(d_normed, format, row * width);
    void *out = plk_at_mutable(dx, format, row * width);
    const double r = (double)reciprocal_rms[row];
    double dot = 0;
    for (int64_t j = 0; j < width; j++)
      dot += (double)plk_load(a, format, j) * (double)(plk_load(weight, weight_format, j) * plk_load(dy, format, j));
    const float scale = (float)r;
    const float pull = (float)(dot * r * r * r / (double)width);
    if (accumulate) {
      for (int64_t j = 0; j < width; j++)
        plk_store(
            out, format, j,
            plk_load(out, format, j) + (scale * (plk_load(weight, weight_format, j) * plk_load(dy, format, j)) -
                                        pull * plk_load(a, format, j)));
    } else {
      for (int64_t j = 0; j < width; j++)
        plk_store(
            out, format, j,
            scale * (plk_load(weight, weight_format, j) * plk_load(dy, format, j)) - pull * plk_load(a, format, j));
    }
  }
}

PLK_MULTIVERSION
void plk_rms_norm_input_gradient(void *restrict dx, const void *restrict d_normed, const void *restrict x,
                                 const float *restrict reciprocal_rms, const void *restrict weight, int accumulate,
                                 int format, int weight_format, int64_t rows, int64_t width) {
  PLK_FORMAT_PAIRS(
      format, weight_format,
      input_gradient(dx, d_normed, x, reciprocal_rms, weight, accumulate, FORMAT, WEIGHT, rows, width))
}
