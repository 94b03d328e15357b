// Tiles of C in the registers of AVX-512: up to 14 rows of 32 columns are 28 of the 32 registers.
#include "MatrixProduct.h"

#if PLK_X86_TILES
#include <immintrin.h>

#include "Multiversion.h"

enum { LANES = 16, COLUMNS = 32 };

#define AVX512_TARGET __attribute__((target("arch=x86-64-v4")))
#define FP16_TARGET __attribute__((target("arch=x86-64-v4,avx512fp16")))
#define BF16_TARGET __attribute__((target("arch=x86-64-v4,avx512bf16")))

AVX512_TARGET PLK_INLINE __m256i narrowed(__m512 value) {
  const __m512i bits = _mm512_castps_si512(value);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7FFF)), odd);
  const __mmask16 nans = _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
  rounded = _mm512_mask_or_epi32(rounded, nans, bits, _mm512_set1_epi32(0x400000));
  return _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16));
}

AVX512_TARGET PLK_INLINE void store(const plk_tile *tile, int64_t row, int64_t column, __mmask16 mask, __m512 sum) {
  __m512 value = _mm512_mul_ps(sum, _mm512_set1_ps(tile->scale));
  if (tile->format == PLK_BF16) {
    uint16_t *c = (uint16_t *)tile->c + row * tile->stride + column;
    if (tile->adds) {
      const __m512i wide = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, c));
      value = _mm512_add_ps(value, _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16)));
    }
    _mm256_mask_storeu_epi16(c, mask, narrowed(value));
  } else {
    float *c = (float *)tile->c + row * tile->stride + column;
    if (tile->adds) value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(mask, c));
    _mm512_mask_storeu_ps(c, mask, value);
  }
}

// How far ahead of the products cells are asked for, in steps: some hundred cycles, which the second-level cache needs.
enum { STEPS_AHEAD = 8 };

// One tile whose number of rows and of vectors a row is known, so that its sums are registers.
//
// What limits the loop is how many operations the processor takes in a cycle, and the more so where it shares its core
// with a neighbor. Of two vectors a row, odd rows therefore have their cell broadcast by the multiply-add itself, which
// saves an operation at the price of a load; all rows so would take more loads than there are cycles for.
#define TILE(name, TARGET, BROADCAST, MULTIPLY, MULTIPLY_CELL)                                                        \
  TARGET PLK_INLINE void name(const uint32_t *a, const uint32_t *b, int64_t steps, const plk_tile *tile,              \
                              const int rows, const int vectors) {                                                    \
    const int64_t size = tile->format == PLK_BF16 ? 2 : 4;                                                            \
    __m512 sums[14][2];                                                                                               \
    _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++) {                                               \
      const char *row = (const char *)tile->c + i * tile->stride * size;                                              \
      _Pragma("clang loop unroll(full)") for (int j = 0; j < vectors; j++) {                                          \
        sums[i][j] = _mm512_setzero_ps();                                                                             \
        __builtin_prefetch(row + 16 * j * size, 1);                                                                   \
      }                                                                                                               \
    }                                                                                                                 \
    for (int64_t p = 0; p < steps; p++, a += LANES, b += COLUMNS) {                                                   \
      /* Opaque to the compiler, which would index one by the other: such loads are operations of their own. */       \
      __asm__("" : "+r"(a), "+r"(b));                                                                                 \
      __m512 right[2];                                                                                                \
      _Pragma("clang loop unroll(full)") for (int j = 0; j < vectors; j++) {                                          \
        right[j] = _mm512_loadu_ps(b + 16 * j);                                                                       \
        __builtin_prefetch(b + 16 * j + COLUMNS * STEPS_AHEAD);                                                       \
      }                                                                                                               \
      __builtin_prefetch(a + 2 * LANES * STEPS_AHEAD);                                                                \
      _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++) {                                             \
        if (i % 2 == 1 && vectors == 2) {                                                                             \
          _Pragma("clang loop unroll(full)") for (int j = 0; j < vectors; j++)                                        \
              MULTIPLY_CELL(sums[i][j], a + i, right[j]);                                                             \
        } else {                                                                                                      \
          const __m512 left = BROADCAST(a + i);                                                                       \
          _Pragma("clang loop unroll(full)") for (int j = 0; j < vectors; j++)                                        \
              sums[i][j] = MULTIPLY(sums[i][j], left, right[j]);                                                      \
        }                                                                                                             \
      }                                                                                                               \
    }                                                                                                                 \
    const __mmask32 mask = tile->columns >= 32 ? 0xFFFFFFFFu : (1u << tile->columns) - 1;                             \
    _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++)                                                 \
        _Pragma("clang loop unroll(full)") for (int j = 0; j < vectors; j++)                                          \
            store(tile, i, 16 * j, (__mmask16)(mask >> 16 * j), sums[i][j]);                                          \
  }

#define BROADCAST_CELL(cell) _mm512_castsi512_ps(_mm512_set1_epi32((int)*(cell)))
#define MULTIPLY_FLOATS(sum, left, right) _mm512_fmadd_ps(left, right, sum)
#define MULTIPLY_PAIRS(sum, left, right) _mm512_dpbf16_ps(sum, (__m512bh)(left), (__m512bh)(right))
// The compiler broadcasts a cell that is used twice into a register, whatever the intrinsics say.
#define MULTIPLY_CELL_OF_FLOATS(sum, cell, right) \
  __asm__("vfmadd231ps %1%{1to16%}, %2, %0" : "+v"(sum) : "m"(*(cell)), "v"(right))
#define MULTIPLY_CELL_OF_PAIRS(sum, cell, right) \
  __asm__("vdpbf16ps %1%{1to16%}, %2, %0" : "+v"(sum) : "m"(*(cell)), "v"(right))

TILE(tile_of_floats, AVX512_TARGET, BROADCAST_CELL, MULTIPLY_FLOATS, MULTIPLY_CELL_OF_FLOATS)
TILE(tile_of_pairs, BF16_TARGET, BROADCAST_CELL, MULTIPLY_PAIRS, MULTIPLY_CELL_OF_PAIRS)

// A tile whose sums over 128 numbers of depth are halves, 32 numbers to each of four, which are then summed up in fp32
// with the scales of their row and column.
//
// Turning halves into floats takes the same two ports as multiplying, so that few are turned: the sums of the block's
// second half are added to those of its first as halves, and so are the two halves of a cell, those of two vectors at a
// time. Their columns are then in order, because the even ones were packed into the first vector.
FP16_TARGET PLK_INLINE void tile_of_halves(const uint32_t *a, const uint32_t *b, int64_t steps, const plk_tile *tile,
                                           const int rows, const int vectors) {
  enum { HALF = PLK_HALVES_CELLS / 2, ODD = 0xAAAAAAAA };
  __m512 totals[14][2];
  _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++)
      _Pragma("clang loop unroll(full)") for (int j = 0; j < vectors; j++) totals[i][j] = _mm512_setzero_ps();
  int64_t left = steps - tile->tail;
  while (steps > 0) {
    if (left == 0) left = steps;
    const int64_t cells = left > PLK_HALVES_CELLS ? PLK_HALVES_CELLS : left - 1;
    left -= cells + 1, steps -= cells + 1;
    __m512h sums[14][2], first[14][2];
    for (int64_t half = 0; half < cells; half += HALF) {
      _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++)
          _Pragma("clang loop unroll(full)") for (int j = 0; j < vectors; j++) {
        if (half > 0) first[i][j] = sums[i][j];
        sums[i][j] = _mm512_setzero_ph();
      }
      const int64_t end = cells - half < HALF ? cells - half : HALF;
      for (int64_t cell = 0; cell < end; cell++, a += LANES, b += COLUMNS) {
        __asm__("" : "+r"(a), "+r"(b));
        __m512h right[2];
        _Pragma("clang loop unroll(full)") for (int j = 0; j < vectors; j++) {
          right[j] = _mm512_castsi512_ph(_mm512_loadu_si512(b + 16 * j));
          __builtin_prefetch(b + 16 * j + COLUMNS * STEPS_AHEAD);
        }
        __builtin_prefetch(a + 2 * LANES * STEPS_AHEAD);
        _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++) {
          const __m512h cell_of_a = _mm512_castsi512_ph(_mm512_set1_epi32((int)a[i]));
          _Pragma("clang loop unroll(full)") for (int j = 0; j < vectors; j++)
              sums[i][j] = _mm512_fmadd_ph(cell_of_a, right[j], sums[i][j]);
        }
      }
      if (half > 0) {
        _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++)
            _Pragma("clang loop unroll(full)") for (int j = 0; j < vectors; j++)
                sums[i][j] = _mm512_add_ph(sums[i][j], first[i][j]);
      }
    }
    __m512 scales[2];
    _Pragma("clang loop unroll(full)") for (int j = 0; j < vectors; j++) scales[j] = _mm512_loadu_ps(b + 16 * j);
    _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++) {
      const __m512 scale = _mm512_castsi512_ps(_mm512_set1_epi32((int)a[i]));
      __m256i halves[2];
      if (vectors == 2) {
        const __m512i even = _mm512_castph_si512(sums[i][0]), odd = _mm512_castph_si512(sums[i][1]);
        const __m512i inner = _mm512_mask_mov_epi16(even, (__mmask32)ODD, odd);
        const __m512i outer = _mm512_mask_mov_epi16(odd, (__mmask32)ODD, even);
        const __m512i both = _mm512_castph_si512(_mm512_add_ph(
            _mm512_castsi512_ph(inner), _mm512_castsi512_ph(_mm512_rol_epi32(outer, 16))));
        halves[0] = _mm512_castsi512_si256(both), halves[1] = _mm512_extracti64x4_epi64(both, 1);
      } else {
        const __m512i turned = _mm512_rol_epi32(_mm512_castph_si512(sums[i][0]), 16);
        const __m512h both = _mm512_add_ph(sums[i][0], _mm512_castsi512_ph(turned));
        halves[0] = _mm512_cvtepi32_epi16(_mm512_castph_si512(both));
      }
      _Pragma("clang loop unroll(full)") for (int j = 0; j < vectors; j++)
          totals[i][j] = _mm512_fmadd_ps(_mm512_cvtph_ps(halves[j]), _mm512_mul_ps(scale, scales[j]), totals[i][j]);
    }
    a += LANES, b += COLUMNS;
  }
  const __mmask32 mask = tile->columns >= 32 ? 0xFFFFFFFFu : (1u << tile->columns) - 1;
  _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++)
      _Pragma("clang loop unroll(full)") for (int j = 0; j < vectors; j++)
          store(tile, i, 16 * j, (__mmask16)(mask >> 16 * j), totals[i][j]);
}

#define ROWS(tile_of, count)                                   \
  case count:                                                  \
    if (tile->columns > 16) {                                  \
      tile_of(a, b, steps, tile, count, 2);                    \
    } else {                                                   \
      tile_of(a, b, steps, tile, count, 1);                    \
    }                                                          \
    break;

#define ALL_ROWS(tile_of)                                                                                          \
  switch (tile->rows) {                                                                                            \
    ROWS(tile_of, 1) ROWS(tile_of, 2) ROWS(tile_of, 3) ROWS(tile_of, 4) ROWS(tile_of, 5) ROWS(tile_of, 6)          \
    ROWS(tile_of, 7) ROWS(tile_of, 8) ROWS(tile_of, 9) ROWS(tile_of, 10) ROWS(tile_of, 11) ROWS(tile_of, 12)       \
    ROWS(tile_of, 13) ROWS(tile_of, 14)                                                                            \
    default: break;                                                                                                \
  }

AVX512_TARGET
void plk_tile_avx512(const uint32_t *a, const uint32_t *b, int64_t steps, const plk_tile *tile) {
  ALL_ROWS(tile_of_floats)
}

BF16_TARGET
void plk_tile_avx512_bf16(const uint32_t *a, const uint32_t *b, int64_t steps, const plk_tile *tile) {
  ALL_ROWS(tile_of_pairs)
}

FP16_TARGET
void plk_tile_avx512_fp16(const uint32_t *a, const uint32_t *b, int64_t steps, const plk_tile *tile) {
  ALL_ROWS(tile_of_halves)
}
#endif
