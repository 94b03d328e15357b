// The gated unit of Shazeer 2020, <https://arxiv.org/abs/2002.05202>, with silu(x) = x * sigmoid(x) as the gate.
#include "CKernels.h"
#include "Multiversion.h"

// e^-x, kept finite so that e * sigmoid below is a number: beyond 88 both are as good as zero or one.
PLK_INLINE float negated_exponential(float x) { return plk_exp(x < -88.0f ? 88.0f : -x); }

PLK_MULTIVERSION
void plk_swiglu(float *restrict product, const float *restrict gate, const float *restrict up, int64_t count) {
  for (int64_t i = 0; i < count; i++) product[i] = gate[i] / (1.0f + negated_exponential(gate[i])) * up[i];
}

PLK_MULTIVERSION
void plk_swiglu_gradient(float *restrict gate, float *restrict up, const float *restrict d_product, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    const float g = gate[i], u = up[i], dy = d_product[i];
    const float e = negated_exponential(g);
    const float sigmoid = 1.0f / (1.0f + e);
    // 1 - sigmoid = e * sigmoid, without the cancellation.
    gate[i] = dy * u * sigmoid * (1.0f + g * (e * sigmoid));
    up[i] = dy * g * sigmoid;
  }
}

PLK_MULTIVERSION
void plk_exponential(float *y, const float *x, int64_t count) {
  for (int64_t i = 0; i < count; i++) y[i] = plk_exp(x[i]);
}
