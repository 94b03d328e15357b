// Packing of any operand, a number at a time.
//
// No contraction in this file: a scale of 4-bit codes is two roundings, as where they are dequantized.
#include <string.h>

#include "MatrixProduct.h"
#include "Multiversion.h"

#pragma STDC FP_CONTRACT OFF

enum { PIECE = 256, BLOCKS_PER_SCALE = 256 };

PLK_INLINE uint32_t bits_of(float value) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  return bits;
}

// The nearest bf16 number in the upper half, ties to even; a NaN stays one.
PLK_INLINE uint32_t rounded(uint32_t bits) {
  const uint32_t near = (bits + 0x7FFFu + (bits >> 16 & 1u)) & 0xFFFF0000u;
  return (bits & 0x7FFFFFFFu) > 0x7F800000u ? (bits | 0x400000u) & 0xFFFF0000u : near;
}

static float scale_of(const plk_operand *operand, int64_t block) {
  if (operand->absmax != NULL) return operand->absmax[block];
  const float nested = operand->map[operand->absmax_codes[block]] * operand->absmax2[block / BLOCKS_PER_SCALE];
  return nested + operand->offset;
}

static void fetch_codes(uint32_t *numbers, const plk_operand *operand, int64_t first, int64_t count) {
  const uint8_t *codes = operand->base;
  for (int64_t at = first; at < first + count;) {
    const int64_t block = at / operand->block_size;
    const int64_t end = (block + 1) * operand->block_size;
    const int64_t last = end < first + count ? end : first + count;
    const float scale = scale_of(operand, block);
    for (; at < last; at++) {
      const uint8_t byte = codes[at / 2];
      numbers[at - first] = bits_of(operand->levels[at % 2 ? byte & 15 : byte >> 4] * scale);
    }
  }
}

// `count` numbers that are neighbors in memory, as the bits of floats.
PLK_MULTIVERSION
static void fetch(uint32_t *numbers, const plk_operand *operand, int64_t first, int64_t count, int32_t rounds) {
  if (operand->format == PLK_BF16) {
    const uint16_t *base = (const uint16_t *)operand->base + first;
    for (int64_t i = 0; i < count; i++) numbers[i] = (uint32_t)base[i] << 16;
    return;
  }
  if (operand->format == PLK_NF4) {
    fetch_codes(numbers, operand, first, count);
  } else {
    memcpy(numbers, (const float *)operand->base + first, (size_t)count * sizeof(float));
  }
  if (rounds) {
    for (int64_t i = 0; i < count; i++) numbers[i] = rounded(numbers[i]);
  }
}

// Cells of 4 bytes hold one number, or, where `pairs`, the upper halves of two.
PLK_INLINE void pack(uint32_t *packed, const plk_panel *panel, const int pairs) {
  const plk_operand *operand = panel->operand;
  const int64_t lanes = panel->lanes;
  uint32_t numbers[PIECE];
  uint16_t *halves = (uint16_t *)(void *)packed;
  if (pairs && panel->depths % 2 != 0) {
    memset(packed + panel->depths / 2 * lanes, 0, (size_t)lanes * sizeof(uint32_t));
  }
  if (operand->along_depth) {
    for (int64_t line = 0; line < panel->lines; line++) {
      const int64_t start = (panel->line + line) * operand->stride + panel->depth;
      for (int64_t piece = 0; piece < panel->depths; piece += PIECE) {
        const int64_t count = panel->depths - piece < PIECE ? panel->depths - piece : PIECE;
        fetch(numbers, operand, start + piece, count, panel->rounds);
        for (int64_t i = 0; i < count; i++) {
          const int64_t depth = piece + i;
          if (pairs) {
            halves[2 * (depth / 2 * lanes + line) + depth % 2] = (uint16_t)(numbers[i] >> 16);
          } else {
            packed[depth * lanes + line] = numbers[i];
          }
        }
      }
    }
  } else {
    for (int64_t depth = 0; depth < panel->depths; depth++) {
      fetch(numbers, operand, (panel->depth + depth) * operand->stride + panel->line, panel->lines, panel->rounds);
      if (pairs) {
        uint16_t *row = halves + depth / 2 * lanes * 2 + depth % 2;
        for (int64_t line = 0; line < panel->lines; line++) row[2 * line] = (uint16_t)(numbers[line] >> 16);
      } else {
        memcpy(packed + depth * lanes, numbers, (size_t)panel->lines * sizeof(uint32_t));
      }
    }
  }
}

PLK_MULTIVERSION
void plk_pack_floats(uint32_t *packed, const plk_panel *panel) { pack(packed, panel, 0); }

PLK_MULTIVERSION
void plk_pack_pairs(uint32_t *packed, const plk_panel *panel) { pack(packed, panel, 1); }
