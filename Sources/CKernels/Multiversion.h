// How kernels are compiled for several x86-64 levels at once, and the exponential that they share.
#ifndef PLK_MULTIVERSION_H
#define PLK_MULTIVERSION_H

#include <stdint.h>

// One body for each level, picked by the loader. ELF only, because it rests on indirect functions; elsewhere the one
// baseline body is what is wanted anyway.
#if defined(__x86_64__) && defined(__ELF__)
#define PLK_MULTIVERSION __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define PLK_MULTIVERSION
#endif

#define PLK_INLINE static inline __attribute__((always_inline))

// Where a sum of floats is handed over to a double: short enough that the lanes' rounding stays below an ulp or two.
enum { PLK_CHUNK = 512 };

PLK_INLINE float plk_float_from_bits(uint32_t bits) {
  float value;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}

// An IEEE half, every one of which is a float: normal numbers move their exponent, subnormal ones are a count of 2^-24.
PLK_INLINE float plk_float_from_float16(uint16_t half) {
  const uint32_t magnitude = half & 0x7FFFu;
  const float counted = (float)(int32_t)magnitude * 0x1p-24f;
  uint32_t subnormal;
  __builtin_memcpy(&subnormal, &counted, sizeof subnormal);
  uint32_t bits = (magnitude << 13) + (112u << 23);
  bits = magnitude >= 0x7C00u ? bits + (112u << 23) : bits;
  bits = magnitude < 0x0400u ? subnormal : bits;
  return plk_float_from_bits(bits | (uint32_t)(half & 0x8000u) << 16);
}

// e^x to 1.1 ulp, without branches, so that loops over it vectorize.
//
// x = k ln 2 + r with |r| <= ln 2 / 2, and e^x = 2^k e^r. The Taylor polynomial of degree 7 leaves a remainder of
// r^8 / 8! < 5.2e-9, a tenth of an ulp, so minimax coefficients would gain nothing that can be seen. ln 2 is split in
// two (its head has nine trailing zero bits, so k times it is exact); 2^k is applied as two factors, so that
// subnormal results and infinity come out right. A NaN stays a NaN: both comparisons are false for it.
PLK_INLINE float plk_exp(float x) {
  const float head = 0.693359375f, tail = -2.12194440e-4f;
  x = x > 89.0f ? 89.0f : x;
  x = x < -104.0f ? -104.0f : x;
  // Adding 1.5 * 2^23 rounds to the nearest integer, which then sits in the low bits.
  const float shifted = x * 1.44269504f + 12582912.0f;
  const float whole = shifted - 12582912.0f;
  uint32_t bits;
  __builtin_memcpy(&bits, &shifted, sizeof bits);
  const int32_t k = (int32_t)(bits - 0x4B400000u);
  float r = x - whole * head;
  r = r - whole * tail;
  float p = 1.0f / 5040.0f;
  p = p * r + 1.0f / 720.0f;
  p = p * r + 1.0f / 120.0f;
  p = p * r + 1.0f / 24.0f;
  p = p * r + 1.0f / 6.0f;
  p = p * r + 0.5f;
  p = (r * r) * p + r + 1.0f;
  const int32_t half = k >> 1;
  const float first = plk_float_from_bits((uint32_t)(half + 127) << 23);
  const float second = plk_float_from_bits((uint32_t)(k - half + 127) << 23);
  return p * first * second;
}

#endif
