// Optimizer updates. No contraction anywhere in this file: every level of hardware computes the same bits.
#include <math.h>

#include "CKernels.h"
#include "Multiversion.h"

#pragma STDC FP_CONTRACT OFF

PLK_MULTIVERSION
void plk_adamw(float *restrict weight, float *restrict first_moment, float *restrict second_moment,
               const float *restrict gradient, float gradient_scale, float decay, float one_minus_beta1, float beta2,
               float one_minus_beta2, float correction, float epsilon, float step_size, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    const float g = gradient[i] * gradient_scale;
    const float w = weight[i] * decay;
    const float m = first_moment[i] + one_minus_beta1 * (g - first_moment[i]);
    const float v = second_moment[i] * beta2 + one_minus_beta2 * g * g;
    first_moment[i] = m;
    second_moment[i] = v;
    const float denominator = __builtin_elementwise_sqrt(v) / correction + epsilon;
    weight[i] = w - step_size * m / denominator;
  }
}

double plk_power(double base, int64_t exponent) { return pow(base, (double)exponent); }

PLK_MULTIVERSION
void plk_sgd(float *restrict weight, float *restrict momentum_buffer, const float *restrict gradient,
             float gradient_scale, float learning_rate, float momentum, float weight_decay, int nesterov,
             int64_t count) {
  if (!momentum_buffer) {
    for (int64_t i = 0; i < count; i++) {
      const float g = gradient[i] * gradient_scale + weight_decay * weight[i];
      weight[i] = weight[i] - learning_rate * g;
    }
    return;
  }
  for (int64_t i = 0; i < count; i++) {
    const float g = gradient[i] * gradient_scale + weight_decay * weight[i];
    const float b = momentum * momentum_buffer[i] + g;
    momentum_buffer[i] = b;
    weight[i] = weight[i] - learning_rate * (nesterov ? g + momentum * b : b);
  }
}
