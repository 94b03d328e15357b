// fp32 from and to the two 16-bit floating-point formats, and the search for numbers that are none.
//
// Integer arithmetic throughout: it is exact at every processor level, subnormal numbers included, and loads are by
// memcpy because nothing in a weight file has to be aligned.
#include "Number.h"

PLK_INLINE uint16_t load16(const uint8_t *bytes, int64_t index) {
  uint16_t bits;
  __builtin_memcpy(&bits, bytes + 2 * index, sizeof bits);
  return bits;
}

PLK_MULTIVERSION
void plk_widen_float16(float *restrict y, const uint8_t *restrict bytes, int64_t count) {
  for (int64_t i = 0; i < count; i++) y[i] = plk_float_from_float16(load16(bytes, i));
}

PLK_MULTIVERSION
void plk_widen_bfloat16(float *restrict y, const uint8_t *restrict bytes, int64_t count) {
  for (int64_t i = 0; i < count; i++) y[i] = plk_float_from_bits((uint32_t)load16(bytes, i) << 16);
}

PLK_MULTIVERSION
void plk_narrow_float16(uint16_t *restrict y, const float *restrict x, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    const uint32_t bits = plk_bits(x[i]);
    const uint32_t magnitude = bits & 0x7FFFFFFFu;
    // Half of the last place kept, less one unless that place is odd: ties go to even. A carry out of the fraction
    // lands in the exponent, where it belongs, and from 65520 up makes infinity.
    const uint32_t rounded = magnitude + 0xFFFu + ((magnitude >> 13) & 1u);
    const uint32_t normal = (rounded - (112u << 23)) >> 13;
    // Below 2^-14 the result counts multiples of 2^-24, which is what the last place of 0.5 counts: adding rounds.
    const uint32_t subnormal = plk_bits(plk_float_from_bits(magnitude) + 0.5f) - plk_bits(0.5f);
    uint32_t half = magnitude < 0x38800000u ? subnormal : normal;
    half = magnitude >= 0x47800000u ? 0x7C00u : half;
    half = magnitude > 0x7F800000u ? 0x7E00u : half;
    y[i] = (uint16_t)(half | (bits >> 16 & 0x8000u));
  }
}

PLK_MULTIVERSION
void plk_narrow_bfloat16(uint16_t *restrict y, const float *restrict x, int64_t count) {
  for (int64_t i = 0; i < count; i++) y[i] = plk_nearest_bfloat16(x[i]);
}

PLK_MULTIVERSION
int plk_has_nonfinite(const void *x, int format, int64_t count) {
  uint32_t found = 0;
  PLK_FORMATS(format, for (int64_t i = 0; i < count; i++)
                          found |= (plk_bits(plk_load(x, FORMAT, i)) & 0x7F800000u) == 0x7F800000u)
  return (int)found;
}
