// The gated unit of Shazeer 2020, <https://arxiv.org/abs/2002.05202>, with silu(x) = x * sigmoid(x) as the gate.
#include "Number.h"

// e^-x, kept finite so that e * sigmoid below is a number: beyond 88 both are as good as zero or one.
PLK_INLINE float negated_exponential(float x) { return plk_exp(x < -88.0f ? 88.0f : -x); }

PLK_INLINE void swiglu(void *restrict product, const void *restrict gate, const void *restrict up, int format,
                       int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    const float g = plk_load(gate, format, i);
    plk_store(product, format, i, g / (1.0f + negated_exponential(g)) * plk_load(up, format, i));
  }
}

PLK_MULTIVERSION
void plk_swiglu(void *restrict product, const void *restrict gate, const void *restrict up, int format,
                int64_t count) {
  PLK_FORMATS(format, swiglu(product, gate, up, FORMAT, count))
}

PLK_INLINE void gradient(void *restrict gate, void *restrict up, const void *restrict d_product, int format,
                         int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    const float g = plk_load(gate, format, i), u = plk_load(up, format, i), dy = plk_load(d_product, format, i);
    const float e = negated_exponential(g);
    const float sigmoid = 1.0f / (1.0f + e);
    // 1 - sigmoid = e * sigmoid, without the cancellation.
    plk_store(gate, format, i, dy * u * sigmoid * (1.0f + g * (e * sigmoid)));
    plk_store(up, format, i, dy * g * sigmoid);
  }
}

PLK_MULTIVERSION
void plk_swiglu_gradient(void *restrict gate, void *restrict up, const void *restrict d_product, int format,
                         int64_t count) {
  PLK_FORMATS(format, gradient(gate, up, d_product, FORMAT, count))
}

PLK_MULTIVERSION
void plk_exponential(float *y, const float *x, int64_t count) {
  for (int64_t i = 0; i < count; i++) y[i] = plk_exp(x[i]);
}
