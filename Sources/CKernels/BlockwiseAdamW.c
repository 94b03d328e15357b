// AdamW with moments in 8 bits, a block at a time. No contraction: every level of hardware computes the same bits.
#include "CKernels.h"
#include "Multiversion.h"

#pragma STDC FP_CONTRACT OFF

// How many midpoints are below a magnitude of at most one: as many as below its bucket, and one more if the next is
// too, since a bucket is narrow enough to hold no more than one. What is no number gets the last bucket.
PLK_INLINE int32_t nearest_level(float magnitude, const int32_t *restrict buckets, const float *restrict midpoints) {
  uint32_t bits;
  __builtin_memcpy(&bits, &magnitude, sizeof bits);
  int32_t bucket = (int32_t)(bits >> PLK_BUCKET_SHIFT) - PLK_FIRST_BUCKET;
  bucket = bucket < 0 ? 0 : bucket >= PLK_BUCKETS ? PLK_BUCKETS - 1 : bucket;
  const int32_t level = buckets[bucket];
  return level + (magnitude > midpoints[level]);
}

PLK_INLINE float largest_magnitude(const float *x, int64_t count) {
  uint32_t largest = 0;  // The bits of magnitudes are ordered as the magnitudes are.
  for (int64_t i = 0; i < count; i++) {
    uint32_t bits;
    __builtin_memcpy(&bits, x + i, sizeof bits);
    bits &= 0x7FFFFFFFu;
    largest = bits > largest ? bits : largest;
  }
  return plk_float_from_bits(largest);
}

PLK_MULTIVERSION
void plk_adamw_8bit(float *restrict weight, const float *restrict gradient, uint8_t *restrict first_codes,
                    float *restrict first_absmax, const plk_dynamic_map *restrict first,
                    uint8_t *restrict second_codes, float *restrict second_absmax,
                    const plk_dynamic_map *restrict second, float gradient_scale, float decay, float beta1,
                    float one_minus_beta1, float beta2, float one_minus_beta2, float correction, float epsilon,
                    float step_size, int64_t count) {
  for (int64_t start = 0; start < count; start += PLK_MOMENT_BLOCK) {
    const int64_t size = count - start < PLK_MOMENT_BLOCK ? count - start : PLK_MOMENT_BLOCK;
    const int64_t block = start / PLK_MOMENT_BLOCK;
    float *restrict w = weight + start;
    const float *restrict g = gradient + start;
    uint8_t *restrict codes1 = first_codes + start;
    uint8_t *restrict codes2 = second_codes + start;
    const float scale1 = first_absmax[block];
    const float scale2 = second_absmax[block];
    float m[PLK_MOMENT_BLOCK], v[PLK_MOMENT_BLOCK];
    for (int64_t i = 0; i < size; i++) {
      const float scaled = g[i] * gradient_scale;
      m[i] = first->values[codes1[i]] * scale1 * beta1 + one_minus_beta1 * scaled;
      v[i] = second->values[codes2[i]] * scale2 * beta2 + one_minus_beta2 * scaled * scaled;
    }
    for (int64_t i = 0; i < size; i++) {
      const float denominator = __builtin_elementwise_sqrt(v[i]) / correction + epsilon;
      w[i] = w[i] * decay - step_size * m[i] / denominator;
    }
    const float largest1 = largest_magnitude(m, size);
    const float largest2 = largest_magnitude(v, size);
    first_absmax[block] = largest1;
    second_absmax[block] = largest2;
    const float divisor1 = largest1 > 0.0f ? largest1 : 1.0f;
    const float divisor2 = largest2 > 0.0f ? largest2 : 1.0f;
    for (int64_t i = 0; i < size; i++) {
      const float x = m[i] / divisor1;
      const int32_t level = nearest_level(__builtin_fabsf(x), first->buckets, first->midpoints);
      // There is a one, but no minus one.
      const int32_t below = level < PLK_SIGNED_ZERO ? level : PLK_SIGNED_ZERO;
      codes1[i] = (uint8_t)(PLK_SIGNED_ZERO + (x < 0.0f ? -below : level));
    }
    for (int64_t i = 0; i < size; i++)
      codes2[i] = (uint8_t)nearest_level(v[i] / divisor2, second->buckets, second->midpoints);
  }
}
