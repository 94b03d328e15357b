// GGUF's block formats to fp32: layouts and formulas are those of ggml (ggml-common.h, struct block_*, and
// ggml-quants.c, dequantize_row_*).
//
// Blocks of 32 hold one fp16 scale d, in some formats an fp16 minimum m, and codes q: element = d q or d q + m. Blocks
// of 256 (the K formats) hold an fp16 scale of scales, and a small integer scale for every 16 or 32 elements.
//
// No contraction in this file: d q + m is two roundings there, and must be two here.
#include "CKernels.h"
#include "Multiversion.h"

#pragma STDC FP_CONTRACT OFF

// Elements of a small block, and of a K block.
enum { SMALL = 32, LARGE = 256 };

PLK_INLINE float scale_at(const uint8_t *bytes) {
  uint16_t half;
  __builtin_memcpy(&half, bytes, sizeof half);
  return plk_float_from_float16(half);
}

// Sixteen bytes hold 32 codes of four bits: the low nibbles come first, then the high ones.
PLK_INLINE void nibbles(int32_t codes[SMALL], const uint8_t *packed) {
  for (int i = 0; i < SMALL / 2; i++) {
    codes[i] = packed[i] & 15;
    codes[i + SMALL / 2] = packed[i] >> 4;
  }
}

// Four bytes hold the fifth bits of 32 codes, that of the first code lowest.
PLK_INLINE void add_fifth_bits(int32_t codes[SMALL], const uint8_t *bytes) {
  uint32_t fifth;
  __builtin_memcpy(&fifth, bytes, sizeof fifth);
  for (int i = 0; i < SMALL; i++) codes[i] |= (int32_t)(fifth >> i & 1u) << 4;
}

PLK_INLINE void scaled(float *y, const int32_t *codes, int32_t zero, float scale, int count) {
  for (int i = 0; i < count; i++) y[i] = (float)(codes[i] - zero) * scale;
}

PLK_INLINE void scaled_and_moved(float *y, const int32_t *codes, float scale, float minimum, int count) {
  for (int i = 0; i < count; i++) y[i] = (float)codes[i] * scale + minimum;
}

PLK_MULTIVERSION
void plk_dequantize_q4_0(float *restrict y, const uint8_t *restrict blocks, int64_t count) {
  for (int64_t block = 0; block < count; block++, blocks += 18, y += SMALL) {
    int32_t codes[SMALL];
    nibbles(codes, blocks + 2);
    scaled(y, codes, 8, scale_at(blocks), SMALL);
  }
}

PLK_MULTIVERSION
void plk_dequantize_q4_1(float *restrict y, const uint8_t *restrict blocks, int64_t count) {
  for (int64_t block = 0; block < count; block++, blocks += 20, y += SMALL) {
    int32_t codes[SMALL];
    nibbles(codes, blocks + 4);
    scaled_and_moved(y, codes, scale_at(blocks), scale_at(blocks + 2), SMALL);
  }
}

PLK_MULTIVERSION
void plk_dequantize_q5_0(float *restrict y, const uint8_t *restrict blocks, int64_t count) {
  for (int64_t block = 0; block < count; block++, blocks += 22, y += SMALL) {
    int32_t codes[SMALL];
    nibbles(codes, blocks + 6);
    add_fifth_bits(codes, blocks + 2);
    scaled(y, codes, 16, scale_at(blocks), SMALL);
  }
}

PLK_MULTIVERSION
void plk_dequantize_q5_1(float *restrict y, const uint8_t *restrict blocks, int64_t count) {
  for (int64_t block = 0; block < count; block++, blocks += 24, y += SMALL) {
    int32_t codes[SMALL];
    nibbles(codes, blocks + 8);
    add_fifth_bits(codes, blocks + 4);
    scaled_and_moved(y, codes, scale_at(blocks), scale_at(blocks + 2), SMALL);
  }
}

PLK_MULTIVERSION
void plk_dequantize_q8_0(float *restrict y, const uint8_t *restrict blocks, int64_t count) {
  for (int64_t block = 0; block < count; block++, blocks += 34, y += SMALL) {
    const float scale = scale_at(blocks);
    for (int i = 0; i < SMALL; i++) y[i] = (float)(int8_t)blocks[2 + i] * scale;
  }
}

// Twelve bytes hold eight scales and eight minima of six bits. The first four of each are the low six bits of bytes
// 0 to 3 and 4 to 7; of the last four, the low nibbles are those of bytes 8 to 11 (minima in the high half), and the
// two bits above them are what bytes 0 to 7 have left.
PLK_INLINE void six_bit_pairs(int32_t scales[8], int32_t minima[8], const uint8_t *bytes) {
  for (int i = 0; i < 4; i++) {
    scales[i] = bytes[i] & 63;
    minima[i] = bytes[i + 4] & 63;
    scales[i + 4] = (bytes[i + 8] & 15) | bytes[i] >> 6 << 4;
    minima[i + 4] = bytes[i + 8] >> 4 | bytes[i + 4] >> 6 << 4;
  }
}

// The eight groups of 32 of a Q4_K or Q5_K block; groups share their code bytes by twos. `fifth` holds a byte for
// every place in a group, whose bits are those of the eight groups; null without fifth bits.
PLK_INLINE void dequantize_groups(float *y, const uint8_t *block, const uint8_t *fifth, const uint8_t *packed) {
  int32_t scales[8], minima[8];
  six_bit_pairs(scales, minima, block + 4);
  const float scale = scale_at(block), minimum = scale_at(block + 2);
  for (int group = 0; group < 8; group++) {
    const uint8_t *bytes = packed + SMALL * (group / 2);
    const float d = scale * (float)scales[group], m = minimum * (float)minima[group];
    for (int i = 0; i < SMALL; i++) {
      int32_t code = group % 2 ? bytes[i] >> 4 : bytes[i] & 15;
      if (fifth) code |= (fifth[i] >> group & 1) << 4;
      y[SMALL * group + i] = d * (float)code - m;
    }
  }
}

PLK_MULTIVERSION
void plk_dequantize_q4_k(float *restrict y, const uint8_t *restrict blocks, int64_t count) {
  for (int64_t block = 0; block < count; block++, blocks += 144, y += LARGE)
    dequantize_groups(y, blocks, 0, blocks + 16);
}

PLK_MULTIVERSION
void plk_dequantize_q5_k(float *restrict y, const uint8_t *restrict blocks, int64_t count) {
  for (int64_t block = 0; block < count; block++, blocks += 176, y += LARGE)
    dequantize_groups(y, blocks, blocks + 16, blocks + 48);
}

// A block is two halves of 128, each four quarters of 32. A half has 64 bytes of low nibbles (quarters 0 and 1 in the
// low halves of the bytes, 2 and 3 in the high ones), 32 bytes of upper bit pairs (one a quarter), and eight scales, one
// for every 16 elements.
PLK_MULTIVERSION
void plk_dequantize_q6_k(float *restrict y, const uint8_t *restrict blocks, int64_t count) {
  for (int64_t block = 0; block < count; block++, blocks += 210) {
    const float scale = scale_at(blocks + 208);
    for (int half = 0; half < 2; half++) {
      const uint8_t *low = blocks + 64 * half, *high = blocks + 128 + 32 * half;
      const uint8_t *scales = blocks + 192 + 8 * half;
      for (int quarter = 0; quarter < 4; quarter++, y += SMALL) {
        const uint8_t *bytes = low + SMALL * (quarter % 2);
        const float first = scale * (float)(int8_t)scales[2 * quarter];
        const float second = scale * (float)(int8_t)scales[2 * quarter + 1];
        for (int i = 0; i < SMALL; i++) {
          const int32_t nibble = quarter / 2 ? bytes[i] >> 4 : bytes[i] & 15;
          const int32_t code = (nibble | (high[i] >> 2 * quarter & 3) << 4) - 32;
          y[i] = (i < SMALL / 2 ? first : second) * (float)code;
        }
      }
    }
  }
}
