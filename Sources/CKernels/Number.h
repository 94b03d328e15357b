// What activations and weights are stored in. Loads widen to fp32, stores round to nearest even: arithmetic is fp32.
//
// A kernel's body takes the format as an argument and is inlined with a constant one: see PLK_FORMATS.
#ifndef PLK_NUMBER_H
#define PLK_NUMBER_H

#include "CKernels.h"
#include "Multiversion.h"

PLK_INLINE uint32_t plk_bits(float value) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  return bits;
}

// The nearest bfloat16, ties to even, in integers: the same bits at every processor level.
PLK_INLINE uint16_t plk_nearest_bfloat16(float value) {
  const uint32_t bits = plk_bits(value);
  const uint32_t rounded = (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16;
  // A NaN may have all its set bits in the half that goes: the quiet bit keeps it one.
  const uint32_t quiet = bits >> 16 | 0x40u;
  return (uint16_t)((bits & 0x7FFFFFFFu) > 0x7F800000u ? quiet : rounded);
}

PLK_INLINE float plk_load(const void *x, int format, int64_t index) {
  return format == PLK_BF16 ? plk_float_from_bits((uint32_t)((const uint16_t *)x)[index] << 16)
                            : ((const float *)x)[index];
}

PLK_INLINE void plk_store(void *y, int format, int64_t index, float value) {
  if (format == PLK_BF16)
    ((uint16_t *)y)[index] = plk_nearest_bfloat16(value);
  else
    ((float *)y)[index] = value;
}

// Where an element is.
PLK_INLINE const void *plk_at(const void *x, int format, int64_t index) {
  return (const char *)x + index * (format == PLK_BF16 ? 2 : 4);
}

PLK_INLINE void *plk_at_mutable(void *x, int format, int64_t index) {
  return (char *)x + index * (format == PLK_BF16 ? 2 : 4);
}

// Runs BODY with `format` as a constant.
#define PLK_FORMATS(format, body) \
  if ((format) == PLK_BF16) {     \
    enum { FORMAT = PLK_BF16 };   \
    body;                         \
  } else {                        \
    enum { FORMAT = PLK_FP32 };   \
    body;                         \
  }

// The same with the formats of activations and of a weight.
#define PLK_FORMAT_PAIRS(format, weight_format, body) \
  if ((weight_format) == PLK_BF16) {                  \
    enum { WEIGHT = PLK_BF16 };                       \
    PLK_FORMATS(format, body)                         \
  } else {                                            \
    enum { WEIGHT = PLK_FP32 };                       \
    PLK_FORMATS(format, body)                         \
  }

#endif
