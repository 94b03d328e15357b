// The 4-bit NormalFloat format of Dettmers et al. 2023, <https://arxiv.org/abs/2305.14314>, as bitsandbytes stores it.
//
// No contraction in this file: scale = map * absmax2 + offset is two roundings there, and must be two here.
#include "CKernels.h"
#include "Multiversion.h"

#pragma STDC FP_CONTRACT OFF

enum { LEVELS = 16, BLOCKS_PER_SCALE = 256 };

// A level is the number of midpoints below the value, so that a tie goes to the lower code.
PLK_INLINE void nearest_levels(uint8_t *levels, const float *scaled, const float *midpoints, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    const float x = scaled[i] < -1.0f ? -1.0f : scaled[i] > 1.0f ? 1.0f : scaled[i];
    uint8_t level = 0;
#pragma clang loop unroll(full)
    for (int m = 0; m < LEVELS - 1; m++) level += midpoints[m] < x;
    levels[i] = level;
  }
}

enum { PIECE = 64 };

PLK_MULTIVERSION
void plk_nf4_quantize(uint8_t *restrict packed, float *restrict absmax, const float *restrict weights,
                      const float *restrict code, int64_t block_size, int64_t count) {
  // The smallest divisor bitsandbytes allows. A full block of zeros keeps its zero, a ragged one keeps this.
  const float least = 1e-38f;
  float midpoints[LEVELS - 1];
  for (int m = 0; m < LEVELS - 1; m++) midpoints[m] = (code[m] + code[m + 1]) / 2.0f;
  for (int64_t start = 0; start < count; start += block_size) {
    const int64_t size = count - start < block_size ? count - start : block_size;
    const float *w = weights + start;
    uint32_t largest_bits = 0;  // The bits of magnitudes are ordered as the magnitudes are.
    for (int64_t i = 0; i < size; i++) {
      uint32_t bits;
      __builtin_memcpy(&bits, w + i, sizeof bits);
      bits &= 0x7FFFFFFFu;
      largest_bits = bits > largest_bits ? bits : largest_bits;
    }
    const float largest = plk_float_from_bits(largest_bits);
    const float divisor = largest < least ? least : largest;
    const int full = size == block_size;
    const float factor = 1.0f / divisor;
    absmax[start / block_size] = full ? largest : divisor;
    for (int64_t piece = 0; piece < size; piece += PIECE) {
      const int64_t length = size - piece < PIECE ? size - piece : PIECE;
      float scaled[PIECE + 1];
      uint8_t levels[PIECE + 1];
      for (int64_t i = 0; i < length; i++) scaled[i] = full ? w[piece + i] * factor : w[piece + i] / divisor;
      // An odd count is padded with a zero.
      scaled[length] = 0.0f;
      nearest_levels(levels, scaled, midpoints, length + 1);
      for (int64_t i = 0; i < length; i += 2)
        packed[(start + piece + i) / 2] = (uint8_t)(levels[i] << 4 | levels[i + 1]);
    }
  }
}

// Both elements of every byte, so that a byte is one load.
PLK_INLINE void fill_pairs(float pairs[256][2], const float *code) {
  for (int byte = 0; byte < 256; byte++) {
    pairs[byte][0] = code[byte >> 4];
    pairs[byte][1] = code[byte & 15];
  }
}

PLK_INLINE void dequantize_block(float *restrict w, const uint8_t *restrict packed, const float pairs[256][2],
                                 float scale, int64_t size) {
  for (int64_t i = 0; i < size / 2; i++) {
    w[2 * i] = pairs[packed[i]][0] * scale;
    w[2 * i + 1] = pairs[packed[i]][1] * scale;
  }
  if (size % 2) w[size - 1] = pairs[packed[size / 2]][0] * scale;
}

PLK_MULTIVERSION
void plk_nf4_dequantize(float *restrict weights, const uint8_t *restrict packed, const float *restrict absmax,
                        const float *restrict code, int64_t block_size, int64_t count) {
  float pairs[256][2];
  fill_pairs(pairs, code);
  for (int64_t start = 0; start < count; start += block_size) {
    const int64_t size = count - start < block_size ? count - start : block_size;
    dequantize_block(weights + start, packed + start / 2, pairs, absmax[start / block_size], size);
  }
}

PLK_MULTIVERSION
void plk_nf4_dequantize_double(float *restrict weights, const uint8_t *restrict packed,
                               const uint8_t *restrict absmax_codes, const float *restrict absmax2, float offset,
                               const float *restrict code, const float *restrict map, int64_t first_block,
                               int64_t block_size, int64_t count) {
  float pairs[256][2];
  fill_pairs(pairs, code);
  for (int64_t start = 0; start < count; start += block_size) {
    const int64_t size = count - start < block_size ? count - start : block_size;
    const int64_t block = start / block_size;
    const float scale = map[absmax_codes[block]] * absmax2[(first_block + block) / BLOCKS_PER_SCALE] + offset;
    dequantize_block(weights + start, packed + start / 2, pairs, scale, size);
  }
}
