// Tiles of C for processors without AVX-512.
#include "MatrixProduct.h"
#include "Multiversion.h"

// The nearest bf16 number, ties to even; a NaN stays one.
PLK_INLINE uint16_t narrowed(float value) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  const uint32_t rounded = (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16;
  const uint32_t quiet = bits >> 16 | 0x40u;
  return (uint16_t)((bits & 0x7FFFFFFFu) > 0x7F800000u ? quiet : rounded);
}

PLK_MULTIVERSION
void plk_tile_store(const float *sums, int64_t width, const plk_tile *tile) {
  for (int64_t i = 0; i < tile->rows; i++) {
    const float *row = sums + i * width;
    if (tile->format == PLK_BF16) {
      uint16_t *c = (uint16_t *)tile->c + i * tile->stride;
      for (int64_t j = 0; j < tile->columns; j++) {
        const float before = tile->adds ? plk_float_from_bits((uint32_t)c[j] << 16) : 0.0f;
        const float product = tile->scale * row[j];
        c[j] = narrowed(tile->adds ? product + before : product);
      }
    } else {
      float *c = (float *)tile->c + i * tile->stride;
      if (tile->adds) {
        for (int64_t j = 0; j < tile->columns; j++) c[j] = tile->scale * row[j] + c[j];
      } else {
        for (int64_t j = 0; j < tile->columns; j++) c[j] = tile->scale * row[j];
      }
    }
  }
}

enum { PLAIN_ROWS = 4, PLAIN_COLUMNS = 8 };

void plk_tile_plain(const uint32_t *a, const uint32_t *b, int64_t steps, const plk_tile *tile) {
  const float *x = (const float *)(const void *)a, *y = (const float *)(const void *)b;
  float sums[PLAIN_ROWS][PLAIN_COLUMNS] = {{0}};
  if (tile->rows == PLAIN_ROWS) {
    for (int64_t p = 0; p < steps; p++) {
#pragma clang loop unroll(full)
      for (int i = 0; i < PLAIN_ROWS; i++) {
#pragma clang loop unroll(full)
        for (int j = 0; j < PLAIN_COLUMNS; j++) sums[i][j] += x[PLAIN_ROWS * p + i] * y[PLAIN_COLUMNS * p + j];
      }
    }
  } else {
    for (int64_t i = 0; i < tile->rows; i++) {
      for (int64_t p = 0; p < steps; p++) {
        for (int j = 0; j < PLAIN_COLUMNS; j++) sums[i][j] += x[PLAIN_ROWS * p + i] * y[PLAIN_COLUMNS * p + j];
      }
    }
  }
  plk_tile_store(&sums[0][0], PLAIN_COLUMNS, tile);
}

#if PLK_X86_TILES
#include <immintrin.h>

enum { AVX2_LANES = 8, AVX2_COLUMNS = 16 };

#define AVX2_TARGET __attribute__((target("arch=x86-64-v3")))

AVX2_TARGET PLK_INLINE void sum_avx2(const float *x, const float *y, int64_t steps, const int rows, float *sums) {
  __m256 left[6], right[6];
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++) left[i] = right[i] = _mm256_setzero_ps();
  for (int64_t p = 0; p < steps; p++, x += AVX2_LANES, y += AVX2_COLUMNS) {
    const __m256 first = _mm256_loadu_ps(y), second = _mm256_loadu_ps(y + 8);
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
      const __m256 factor = _mm256_broadcast_ss(x + i);
      left[i] = _mm256_fmadd_ps(factor, first, left[i]);
      right[i] = _mm256_fmadd_ps(factor, second, right[i]);
    }
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++) {
    _mm256_storeu_ps(sums + AVX2_COLUMNS * i, left[i]);
    _mm256_storeu_ps(sums + AVX2_COLUMNS * i + 8, right[i]);
  }
}

AVX2_TARGET
void plk_tile_avx2(const uint32_t *a, const uint32_t *b, int64_t steps, const plk_tile *tile) {
  const float *x = (const float *)(const void *)a, *y = (const float *)(const void *)b;
  float sums[6 * AVX2_COLUMNS];
  switch (tile->rows) {
    case 1: sum_avx2(x, y, steps, 1, sums); break;
    case 2: sum_avx2(x, y, steps, 2, sums); break;
    case 3: sum_avx2(x, y, steps, 3, sums); break;
    case 4: sum_avx2(x, y, steps, 4, sums); break;
    case 5: sum_avx2(x, y, steps, 5, sums); break;
    default: sum_avx2(x, y, steps, 6, sums); break;
  }
  plk_tile_store(sums, AVX2_COLUMNS, tile);
}
#endif
