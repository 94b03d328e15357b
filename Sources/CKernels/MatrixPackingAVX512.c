// Packing with AVX-512, 32 numbers at a time: the fast path of MatrixPacking.c, which takes what does not fit.
//
// No contraction in this file: a scale of 4-bit codes is two roundings, as where they are dequantized.
#include "MatrixProduct.h"

#if PLK_X86_TILES
#include <immintrin.h>

#include "Multiversion.h"

#pragma STDC FP_CONTRACT OFF

#define AVX512 __attribute__((target("arch=x86-64-v4")))

enum { BLOCK = 64 };

// Numbers in fp32 to bf16, ties to even, NaNs kept; the low halves of the 32-bit lanes of `low`, then of `high`.
AVX512 PLK_INLINE __m512i narrowed(__m512 value) {
  const __m512i bits = _mm512_castps_si512(value);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  __m512i near = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7FFF)), odd);
  const __mmask16 nans = _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
  near = _mm512_mask_or_epi32(near, nans, bits, _mm512_set1_epi32(0x400000));
  return near;
}

// Where the upper halves of 32 lanes in two registers are, as 16-bit elements.
AVX512 PLK_INLINE __m512i upper_halves(__m512i low, __m512i high) {
  const __m512i index = _mm512_add_epi16(
      _mm512_set1_epi16(1),
      _mm512_slli_epi16(_mm512_set_epi16(31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12,
                                         11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
                        1));
  return _mm512_permutex2var_epi16(low, index, high);
}

AVX512 PLK_INLINE float scale_of(const plk_operand *operand, int64_t block) {
  if (operand->absmax != NULL) return operand->absmax[block];
  const float nested = operand->map[operand->absmax_codes[block]] * operand->absmax2[block / 256];
  return nested + operand->offset;
}

// The scale of the block that a number is in, where there are blocks.
AVX512 PLK_INLINE float scale_at(const plk_operand *operand, const int32_t format, int64_t at) {
  return format == PLK_NF4 ? scale_of(operand, at / BLOCK) : 0;
}

// What the 16 codes stand for in a block of this scale: floats, or bf16 numbers in 32-bit halves where `rounds`.
AVX512 PLK_INLINE __m512i table_of(__m512 levels, float scale, const int rounds) {
  const __m512 values = _mm512_mul_ps(levels, _mm512_set1_ps(scale));
  if (!rounds) return _mm512_castps_si512(values);
  return _mm512_and_si512(narrowed(values), _mm512_set1_epi32((int)0xFFFF0000u));
}

// 16 codes from `at` on, an even place, as indices of which four bits count. The first of a byte's is its high nibble.
AVX512 PLK_INLINE __m512i indices_of_16(const plk_operand *operand, int64_t at) {
  uint32_t first, second;
  __builtin_memcpy(&first, (const uint8_t *)operand->base + at / 2, sizeof first);
  __builtin_memcpy(&second, (const uint8_t *)operand->base + at / 2 + 4, sizeof second);
  const __m512i bytes = _mm512_mask_set1_epi32(_mm512_set1_epi32((int)first), 0xFF00, (int)second);
  return _mm512_srlv_epi32(bytes, _mm512_set_epi32(24, 28, 16, 20, 8, 12, 0, 4, 24, 28, 16, 20, 8, 12, 0, 4));
}

// 32 codes likewise, as 16-bit indices of which five bits count, for a table that is there twice.
AVX512 PLK_INLINE __m512i indices_of_32(const plk_operand *operand, int64_t at) {
  const __m128i *codes = (const __m128i *)((const uint8_t *)operand->base + at / 2);
  const __m512i bytes = _mm512_cvtepu8_epi32(_mm_loadu_si128(codes));
  return _mm512_or_si512(_mm512_srli_epi32(bytes, 4), _mm512_slli_epi32(bytes, 16));
}

// `count` (of 32) neighbors from `at` on as bf16, zero beyond them, on processors that have AVX512-BF16. Codes start at a
// multiple of 32, all 32 are there, and their block has this scale.
AVX512 PLK_INLINE __m512i load_halves(const plk_operand *operand, const int32_t format, int64_t at, __mmask32 mask,
                                      __m512 levels, float scale) {
  if (format == PLK_BF16) return _mm512_maskz_loadu_epi16(mask, (const uint16_t *)operand->base + at);
  if (format == PLK_FP32) {
    const float *base = (const float *)operand->base + at;
    const __m512 low = _mm512_maskz_loadu_ps((__mmask16)mask, base);
    const __m512 high = _mm512_maskz_loadu_ps((__mmask16)(mask >> 16), base + 16);
    // As an instruction, because the functions that this is part of are also there for processors without it.
    __m512i halves;
    __asm__("vcvtne2ps2bf16 %1, %2, %0" : "=v"(halves) : "v"(low), "v"(high));
    return halves;
  }
  const __m512i table = table_of(levels, scale, 1);
  return _mm512_permutexvar_epi16(indices_of_32(operand, at), upper_halves(table, table));
}

// `count` (of 16) neighbors as fp32, rounded to bf16 if they are not and `rounds` says so.
AVX512 PLK_INLINE __m512i load_floats(const plk_operand *operand, const int32_t format, int64_t at, __mmask16 mask,
                                      int32_t rounds, __m512 levels, float scale) {
  if (format == PLK_BF16) {
    const __m256i halves = _mm256_maskz_loadu_epi16(mask, (const uint16_t *)operand->base + at);
    return _mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16);
  }
  if (format == PLK_FP32) {
    const __m512 values = _mm512_maskz_loadu_ps(mask, (const float *)operand->base + at);
    if (!rounds) return _mm512_castps_si512(values);
    return _mm512_and_si512(narrowed(values), _mm512_set1_epi32((int)0xFFFF0000u));
  }
  return _mm512_permutexvar_epi32(indices_of_16(operand, at), table_of(levels, scale, rounds));
}

// The values of codes at scale one.
AVX512 PLK_INLINE __m512 levels_of(const plk_operand *operand, const int32_t format) {
  return format == PLK_NF4 ? _mm512_loadu_ps(operand->levels) : _mm512_setzero_ps();
}

// Turns 16 rows of 16 cells into 16 columns.
AVX512 PLK_INLINE void transpose(__m512i *rows) {
  __m512i half[16];
#pragma clang loop unroll(full)
  for (int i = 0; i < 16; i += 2) {
    half[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
    half[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
  }
  // Now rows 4q ... 4q + 3 hold columns c, c + 4, c + 8, c + 12 of four rows in their four parts.
#pragma clang loop unroll(full)
  for (int i = 0; i < 16; i += 4) {
    rows[i] = _mm512_unpacklo_epi64(half[i], half[i + 2]);
    rows[i + 1] = _mm512_unpackhi_epi64(half[i], half[i + 2]);
    rows[i + 2] = _mm512_unpacklo_epi64(half[i + 1], half[i + 3]);
    rows[i + 3] = _mm512_unpackhi_epi64(half[i + 1], half[i + 3]);
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < 4; i++) {
    const __m512i a = _mm512_shuffle_i32x4(rows[i], rows[i + 4], 0x88);
    const __m512i b = _mm512_shuffle_i32x4(rows[i], rows[i + 4], 0xDD);
    const __m512i c = _mm512_shuffle_i32x4(rows[i + 8], rows[i + 12], 0x88);
    const __m512i d = _mm512_shuffle_i32x4(rows[i + 8], rows[i + 12], 0xDD);
    half[i] = _mm512_shuffle_i32x4(a, c, 0x88);
    half[i + 4] = _mm512_shuffle_i32x4(b, d, 0x88);
    half[i + 8] = _mm512_shuffle_i32x4(a, c, 0xDD);
    half[i + 12] = _mm512_shuffle_i32x4(b, d, 0xDD);
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < 16; i++) rows[i] = half[i];
}

PLK_INLINE uint32_t first_bits(int64_t count) {
  return count >= 32 ? 0xFFFFFFFFu : count <= 0 ? 0 : (1u << count) - 1;
}

PLK_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// Asks for numbers that are packed some thousand cycles later: to the second level, where they don't displace what is read
// now. The lines of a wide panel are a weight's, which nobody has read since the last step, in pieces too far apart for
// the processor to foresee.
PLK_INLINE void prefetch_later(const plk_operand *operand, const int32_t format, int64_t at) {
  const char *row = (const char *)operand->base;
  row += format == PLK_FP32 ? 4 * at : format == PLK_BF16 ? 2 * at : at / 2;
  __builtin_prefetch(row, 0, 2);
}

// Lines that run along the depth: squares of 16 lines by 16 cells are turned.
AVX512 PLK_INLINE void pack_turned(uint32_t *packed, const plk_panel *panel, const int32_t format, const int pairs) {
  const plk_operand *operand = panel->operand;
  const int64_t width = pairs ? 32 : 16;
  const int64_t cells = pairs ? (panel->depths + 1) / 2 : panel->depths;
  const __m512 levels = levels_of(operand, format);
  const int is_wide = panel->lanes > 16;
  const int64_t ahead = (panel->splits ? 32 : 16) * operand->stride;  // the next lines at the same depth
  for (int64_t line = 0; line < panel->lines; line += 16) {
    // A line that is not there is one that is: its lane is never read.
    int64_t starts[16];
    for (int i = 0; i < 16; i++) {
      const int64_t own = panel->splits ? line / 16 + 2 * i : line + i;
      starts[i] = (panel->line + smaller(own, panel->lines - 1)) * operand->stride + panel->depth;
    }
    float scales[16] = {0};  // of the blocks that the lines are in at this depth
    for (int64_t cell = 0; cell < cells; cell += 16) {
      const int64_t depth = pairs ? 2 * cell : cell;
      if (format == PLK_NF4 && (cell == 0 || (panel->depth + depth) % BLOCK == 0)) {
        for (int i = 0; i < 16; i++) scales[i] = scale_of(operand, (starts[i] + depth) / BLOCK);
      }
      const uint32_t mask = first_bits(smaller(width, panel->depths - depth));
      __m512i square[16];
#pragma clang loop unroll(full)
      for (int i = 0; i < 16; i++) {
        const int64_t at = starts[i] + depth;
        if (is_wide) prefetch_later(operand, format, at + ahead);
        square[i] = pairs ? load_halves(operand, format, at, mask, levels, scales[i])
                          : load_floats(operand, format, at, (__mmask16)mask, panel->rounds, levels, scales[i]);
      }
      transpose(square);
      uint32_t *target = packed + cell * panel->lanes + line;
      if (cells - cell >= 16) {
#pragma clang loop unroll(full)
        for (int i = 0; i < 16; i++) _mm512_storeu_si512(target + i * panel->lanes, square[i]);
      } else {
#pragma clang loop unroll(full)
        for (int i = 0; i < 16; i++) {
          if (i < cells - cell) _mm512_storeu_si512(target + i * panel->lanes, square[i]);
        }
      }
    }
  }
}

// How many rows ahead the next lines side by side are asked for: rows are too far apart for the processor to foresee.
enum { ROWS_AHEAD = 16 };

PLK_INLINE void prefetch_row(const plk_operand *operand, const int32_t format, int64_t at, int64_t lines) {
  const char *row = (const char *)operand->base;
  row += format == PLK_FP32 ? 4 * at : format == PLK_BF16 ? 2 * at : at / 2;
  __builtin_prefetch(row);
  if (format == PLK_FP32 && lines > 16) __builtin_prefetch(row + 64);
}

// Lines side by side in memory: two rows of 32 are interleaved.
AVX512 PLK_INLINE void pack_interleaved(uint32_t *packed, const plk_panel *panel, const int32_t format) {
  const plk_operand *operand = panel->operand;
  const __m512i first = _mm512_set_epi16(47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8, 39, 7, 38, 6, 37,
                                         5, 36, 4, 35, 3, 34, 2, 33, 1, 32, 0);
  const __m512i second = _mm512_add_epi16(first, _mm512_set1_epi16(16));
  const __mmask32 mask = first_bits(panel->lines);
  const __m512 levels = levels_of(operand, format);
  const int is_wide = panel->lanes > 16;
  for (int64_t depth = 0; depth < panel->depths; depth += 2, packed += panel->lanes) {
    const int64_t at = (panel->depth + depth) * operand->stride + panel->line;
    prefetch_row(operand, format, at + ROWS_AHEAD * operand->stride, panel->lines);
    prefetch_row(operand, format, at + (ROWS_AHEAD + 1) * operand->stride, panel->lines);
    if (is_wide) {
      prefetch_later(operand, format, at + panel->lines);
      prefetch_later(operand, format, at + operand->stride + panel->lines);
    }
    const __m512i even = load_halves(operand, format, at, mask, levels, scale_at(operand, format, at));
    const int64_t next = at + operand->stride;
    const __m512i odd = depth + 1 < panel->depths
                            ? load_halves(operand, format, next, mask, levels, scale_at(operand, format, next))
                            : _mm512_setzero_si512();
    if (panel->splits) {
      const __mmask32 upper = 0xAAAAAAAA;
      _mm512_storeu_si512(packed, _mm512_mask_blend_epi16(upper, even, _mm512_slli_epi32(odd, 16)));
      _mm512_storeu_si512(packed + 16, _mm512_mask_blend_epi16(upper, _mm512_srli_epi32(even, 16), odd));
    } else {
      _mm512_storeu_si512(packed, _mm512_permutex2var_epi16(even, first, odd));
      if (panel->lanes > 16) _mm512_storeu_si512(packed + 16, _mm512_permutex2var_epi16(even, second, odd));
    }
  }
}

AVX512 PLK_INLINE void pack_straight(uint32_t *packed, const plk_panel *panel, const int32_t format) {
  const plk_operand *operand = panel->operand;
  const uint32_t mask = first_bits(panel->lines);
  const __m512 levels = levels_of(operand, format);
  for (int64_t depth = 0; depth < panel->depths; depth++, packed += panel->lanes) {
    const int64_t at = (panel->depth + depth) * operand->stride + panel->line;
    prefetch_row(operand, format, at + ROWS_AHEAD * operand->stride, panel->lines);
    // Lines from a multiple of 32 on share a block.
    const float scale = scale_at(operand, format, at);
    _mm512_storeu_si512(packed, load_floats(operand, format, at, (__mmask16)mask, panel->rounds, levels, scale));
    if (panel->lanes > 16 && mask >> 16 != 0) {
      const __mmask16 rest = (__mmask16)(mask >> 16);
      _mm512_storeu_si512(packed + 16,
                          load_floats(operand, format, at + 16, rest, panel->rounds, levels, scale));
    }
  }
}

// Whether blocks of codes start and end where 32 numbers do.
static int is_aligned(const plk_panel *panel) {
  const plk_operand *operand = panel->operand;
  if (operand->format != PLK_NF4) return 1;
  if (operand->block_size != BLOCK || operand->stride % BLOCK != 0) return 0;
  const int64_t first = operand->along_depth ? panel->depth : panel->line;
  const int64_t count = operand->along_depth ? panel->depths : panel->lines;
  return first % 32 == 0 && count % 32 == 0;
}

#define FOR_FORMAT(operand, call)                      \
  switch ((operand)->format) {                         \
    case PLK_FP32: { enum { FORMAT = PLK_FP32 }; call; } break; \
    case PLK_BF16: { enum { FORMAT = PLK_BF16 }; call; } break; \
    default: { enum { FORMAT = PLK_NF4 }; call; } break;        \
  }

// Splits lanes that were packed in the order of their lines.
AVX512 PLK_INLINE void split_lanes(uint32_t *packed, int64_t cells) {
  const __m512i even = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
  const __m512i odd = _mm512_or_si512(even, _mm512_set1_epi32(1));
  for (int64_t cell = 0; cell < cells; cell++, packed += 32) {
    const __m512i low = _mm512_loadu_si512(packed), high = _mm512_loadu_si512(packed + 16);
    _mm512_storeu_si512(packed, _mm512_permutex2var_epi32(low, even, high));
    _mm512_storeu_si512(packed + 16, _mm512_permutex2var_epi32(low, odd, high));
  }
}

// Brings the lanes of a cell back into the order of their lines.
AVX512 PLK_INLINE void join_lanes(uint32_t *cell) {
  const __m512i low = _mm512_set_epi32(23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  const __m512i high = _mm512_add_epi32(low, _mm512_set1_epi32(8));
  const __m512i even = _mm512_loadu_si512(cell), odd = _mm512_loadu_si512(cell + 16);
  _mm512_storeu_si512(cell, _mm512_permutex2var_epi32(even, low, odd));
  _mm512_storeu_si512(cell + 16, _mm512_permutex2var_epi32(even, high, odd));
}

AVX512
void plk_pack_pairs_avx512(uint32_t *packed, const plk_panel *panel) {
  if (!is_aligned(panel)) {
    plk_pack_pairs(packed, panel);
    if (panel->splits) split_lanes(packed, (panel->depths + 1) / 2);
  } else if (panel->operand->along_depth) {
    FOR_FORMAT(panel->operand, pack_turned(packed, panel, FORMAT, 1))
  } else {
    FOR_FORMAT(panel->operand, pack_interleaved(packed, panel, FORMAT))
  }
}

AVX512
void plk_pack_floats_avx512(uint32_t *packed, const plk_panel *panel) {
  if (!is_aligned(panel)) {
    plk_pack_floats(packed, panel);
  } else if (panel->operand->along_depth) {
    FOR_FORMAT(panel->operand, pack_turned(packed, panel, FORMAT, 0))
  } else {
    FOR_FORMAT(panel->operand, pack_straight(packed, panel, FORMAT))
  }
}

// Turns 16 lanes of a packed block of bf16 pairs into halves and writes their scales after them: powers of two, so that
// the largest number of a line lies between 8 and 16 in the block. Four sums of 32 products of the largest such numbers,
// 15.9375, come to 32,640 with all their roundings, which a half still holds; numbers below 2^-17 of the largest count as
// zero.
AVX512 PLK_INLINE void scale_lanes(uint32_t *block, int64_t lanes, int64_t cells) {
  enum { LARGEST = 18, SPECIAL = 0x7F80, TO_FP32 = 15 };
  const __m512i magnitude_bits = _mm512_set1_epi16(0x7FFF);
  __m512i largest = _mm512_setzero_si512();
#pragma clang loop unroll_count(4)
  for (int64_t cell = 0; cell < cells; cell++) {
    const __m512i pairs = _mm512_loadu_si512(block + cell * lanes);
    largest = _mm512_max_epu16(largest, _mm512_and_si512(pairs, magnitude_bits));
  }
  largest = _mm512_max_epu16(largest, _mm512_rol_epi32(largest, 16));
  const __m512i excess = _mm512_subs_epu16(_mm512_srli_epi16(largest, 7), _mm512_set1_epi16(LARGEST));
  const __m512i taken = _mm512_slli_epi16(excess, 7);
  const int has_special = _mm512_cmpge_epu16_mask(largest, _mm512_set1_epi16(SPECIAL)) != 0;
#pragma clang loop unroll_count(4)
  for (int64_t cell = 0; cell < cells; cell++) {
    const __m512i pairs = _mm512_loadu_si512(block + cell * lanes);
    const __m512i magnitude = _mm512_and_si512(pairs, magnitude_bits);
    const __m512i less = _mm512_subs_epu16(magnitude, taken);
    const __mmask32 is_normal = _mm512_cmpge_epu16_mask(less, _mm512_set1_epi16(1 << 7));
    __m512i halves = _mm512_maskz_slli_epi16(is_normal, less, 3);
    if (has_special) {
      const __mmask32 is_special = _mm512_cmpge_epu16_mask(magnitude, _mm512_set1_epi16(SPECIAL));
      const __m512i mantissa = _mm512_slli_epi16(_mm512_and_si512(magnitude, _mm512_set1_epi16(0x7F)), 3);
      halves = _mm512_mask_mov_epi16(halves, is_special, _mm512_or_si512(mantissa, _mm512_set1_epi16(0x7C00)));
    }
    // The sign bit of one, all others of the other.
    _mm512_storeu_si512(block + cell * lanes, _mm512_ternarylogic_epi32(magnitude_bits, halves, pairs, 0xCA));
  }
  const __m512i exponent =
      _mm512_add_epi32(_mm512_and_si512(excess, _mm512_set1_epi32(0xFFFF)), _mm512_set1_epi32(TO_FP32));
  _mm512_storeu_si512(block + cells * lanes, _mm512_slli_epi32(exponent, 23));
}

AVX512
void plk_pack_halves_avx512(uint32_t *packed, const plk_panel *panel) {
  plk_panel block = *panel;
  block.splits = panel->lanes > 16 && panel->lines > 16;
  for (int64_t p = 0; p < panel->depths; p += PLK_HALVES_BLOCK) {
    block.depth = panel->depth + p;
    block.depths = smaller(PLK_HALVES_BLOCK, panel->depths - p);
    plk_pack_pairs_avx512(packed, &block);
    const int64_t cells = (block.depths + 1) / 2;
    for (int64_t lane = 0; lane < panel->lanes; lane += 16) scale_lanes(packed + lane, panel->lanes, cells);
    if (block.splits) join_lanes(packed + cells * panel->lanes);
    packed += (cells + 1) * panel->lanes;
  }
}
#endif
