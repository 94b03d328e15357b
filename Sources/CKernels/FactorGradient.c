// The gradient of a low-rank factor: the product of two matrices with a row for every token, one of them only some numbers
// wide.
//
// To pack such operands costs more than to multiply them, so nothing is packed: one row after the other is read of both,
// and their outer product added to sums that stay in registers, in fp32.
#include "MatrixProduct.h"

#if PLK_X86_TILES
#include <immintrin.h>
#include <string.h>

#include "Multiversion.h"

#define AVX512 __attribute__((target("arch=x86-64-v4")))

enum {
  LANES = 16,
  COLUMNS = 2 * LANES,
  // Ranks whose sums are registers at a time.
  RANKS = 8,
  LARGEST_RANK = 64,
  // Columns of a task, so that what it reads of a row is some cache lines, and rows that it reads for all of them and all
  // ranks before the next ones, so that these stay in the first-level cache.
  BLOCKS_A_TASK = 2,
  ROWS_AT_A_TIME = 64,
  // How many rows ahead the next ones are asked for: they are too far apart for the processor to foresee.
  ROWS_AHEAD = 16,
};

// One gradient for all threads, with the narrow operand in fp32.
typedef struct {
  const plk_factor_gradient *gradient;
  const float *narrow;  // [rows, rank]
  int64_t first_row, rows;
  int adds;
} part;

typedef float block[RANKS][COLUMNS];

PLK_INLINE uint32_t columns_left(const plk_factor_gradient *gradient, int64_t column) {
  const int64_t left = gradient->width - column;
  return left >= COLUMNS ? 0xFFFFFFFFu : left <= 0 ? 0 : (1u << left) - 1;
}

// Adds the outer products of some rows, of so many ranks with 32 columns. Of columns in bf16, the even ones come first.
AVX512 PLK_INLINE void add_outer_products(block kept, const part *part, int64_t first, int64_t last, int64_t column,
                                          int64_t rank, const int ranks, const int32_t format) {
  const plk_factor_gradient *gradient = part->gradient;
  const __mmask32 mask = columns_left(gradient, column);
  const int64_t size = format == PLK_BF16 ? 2 : 4, stride = gradient->width * size;
  const char *wide = (const char *)gradient->wide + (part->first_row + first) * stride + column * size;
  const float *narrow = part->narrow + first * gradient->rank + rank;
  __m512 sums[RANKS][2];
  _Pragma("clang loop unroll(full)") for (int i = 0; i < ranks; i++)
      _Pragma("clang loop unroll(full)") for (int j = 0; j < 2; j++) sums[i][j] = _mm512_loadu_ps(kept[i] + LANES * j);
  for (int64_t row = first; row < last; row++, wide += stride, narrow += gradient->rank) {
    __asm__("" : "+r"(wide), "+r"(narrow));
    __m512 right[2];
    __builtin_prefetch(wide + ROWS_AHEAD * stride);
    if (format == PLK_BF16) {
      const __m512i pairs = _mm512_maskz_loadu_epi16(mask, wide);
      right[0] = _mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16));
      right[1] = _mm512_castsi512_ps(_mm512_and_si512(pairs, _mm512_set1_epi32((int)0xFFFF0000u)));
    } else {
      __builtin_prefetch(wide + ROWS_AHEAD * stride + 64);
      right[0] = _mm512_maskz_loadu_ps((__mmask16)mask, wide);
      right[1] = _mm512_maskz_loadu_ps((__mmask16)(mask >> 16), wide + 64);
    }
    _Pragma("clang loop unroll(full)") for (int i = 0; i < ranks; i++) {
      if (i % 2 == 1) {
        // As in the tiles: half the broadcasts are the multiply-add's own.
        _Pragma("clang loop unroll(full)") for (int j = 0; j < 2; j++)
            __asm__("vfmadd231ps %1%{1to16%}, %2, %0" : "+v"(sums[i][j]) : "m"(narrow[i]), "v"(right[j]));
      } else {
        const __m512 left = _mm512_set1_ps(narrow[i]);
        _Pragma("clang loop unroll(full)") for (int j = 0; j < 2; j++)
            sums[i][j] = _mm512_fmadd_ps(left, right[j], sums[i][j]);
      }
    }
  }
  _Pragma("clang loop unroll(full)") for (int i = 0; i < ranks; i++)
      _Pragma("clang loop unroll(full)") for (int j = 0; j < 2; j++) _mm512_storeu_ps(kept[i] + LANES * j, sums[i][j]);
}

// Gives sums out that are whole.
AVX512 PLK_INLINE void store(block kept, const part *part, int64_t column, int64_t rank, int64_t ranks) {
  const plk_factor_gradient *gradient = part->gradient;
  const __mmask32 mask = columns_left(gradient, column);
  const __m512 scale = _mm512_set1_ps(gradient->scale);
  const __m512i low = _mm512_set_epi32(23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  const __m512i high = _mm512_add_epi32(low, _mm512_set1_epi32(8));
  for (int64_t i = 0; i < ranks; i++) {
    __m512 first = _mm512_mul_ps(_mm512_loadu_ps(kept[i]), scale);
    __m512 second = _mm512_mul_ps(_mm512_loadu_ps(kept[i] + LANES), scale);
    if (gradient->format == PLK_BF16) {
      const __m512 even = first, odd = second;
      first = _mm512_permutex2var_ps(even, low, odd), second = _mm512_permutex2var_ps(even, high, odd);
    }
    if (gradient->across) {
      _mm512_storeu_ps(kept[i], first), _mm512_storeu_ps(kept[i] + LANES, second);
      continue;
    }
    float *out = gradient->out + (rank + i) * gradient->width + column;
    if (part->adds) {
      first = _mm512_add_ps(first, _mm512_maskz_loadu_ps((__mmask16)mask, out));
      second = _mm512_add_ps(second, _mm512_maskz_loadu_ps((__mmask16)(mask >> 16), out + LANES));
    }
    _mm512_mask_storeu_ps(out, (__mmask16)mask, first);
    _mm512_mask_storeu_ps(out + LANES, (__mmask16)(mask >> 16), second);
  }
  for (int64_t j = 0; gradient->across && j < COLUMNS && column + j < gradient->width; j++) {
    float *out = gradient->out + (column + j) * gradient->rank + rank;
    for (int64_t i = 0; i < ranks; i++) out[i] = part->adds ? out[i] + kept[i][j] : kept[i][j];
  }
}

#define RANKS_CASE(count)                                                                     \
  case count:                                                                                 \
    if (format == PLK_BF16) {                                                                 \
      add_outer_products(kept, part, first, last, column, rank, count, PLK_BF16);             \
    } else {                                                                                  \
      add_outer_products(kept, part, first, last, column, rank, count, PLK_FP32);             \
    }                                                                                         \
    break;

AVX512
static void add_rows(block kept, const part *part, int64_t first, int64_t last, int64_t column, int64_t rank,
                     int64_t ranks) {
  const int32_t format = part->gradient->format;
  switch (ranks) {
    RANKS_CASE(1) RANKS_CASE(2) RANKS_CASE(3) RANKS_CASE(4) RANKS_CASE(5) RANKS_CASE(6) RANKS_CASE(7) RANKS_CASE(8)
    default: break;
  }
}

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

AVX512
static void fill_columns(void *context, int64_t task, int64_t worker) {
  (void)worker;
  const part *part = context;
  const plk_factor_gradient *gradient = part->gradient;
  const int64_t start = task * BLOCKS_A_TASK * COLUMNS;
  const int64_t end = smaller(gradient->width, start + BLOCKS_A_TASK * COLUMNS);
  block sums[LARGEST_RANK / RANKS][BLOCKS_A_TASK];
  const int64_t groups = (gradient->rank + RANKS - 1) / RANKS;
  memset(sums, 0, (size_t)groups * sizeof sums[0]);
  for (int64_t row = 0; row < part->rows; row += ROWS_AT_A_TIME) {
    const int64_t last = smaller(part->rows, row + ROWS_AT_A_TIME);
    for (int64_t column = start; column < end; column += COLUMNS) {
      for (int64_t rank = 0; rank < gradient->rank; rank += RANKS) {
        add_rows(sums[rank / RANKS][(column - start) / COLUMNS], part, row, last, column, rank,
                 smaller(RANKS, gradient->rank - rank));
      }
    }
  }
  for (int64_t column = start; column < end; column += COLUMNS) {
    for (int64_t rank = 0; rank < gradient->rank; rank += RANKS) {
      store(sums[rank / RANKS][(column - start) / COLUMNS], part, column, rank, smaller(RANKS, gradient->rank - rank));
    }
  }
}

int plk_factor_gradient_run(const plk_factor_gradient *gradient, int64_t threads) {
  float *own = plk_product_sums();
  if (own == NULL) return 0;
  const int64_t size = gradient->format == PLK_BF16 ? 2 : 4;
  const int64_t most = PLK_PRODUCT_SUMS / gradient->rank;
  for (int64_t row = 0; row == 0 || row < gradient->rows; row += most) {
    const int64_t rows = gradient->rows - row < most ? gradient->rows - row : most;
    const char *narrow = (const char *)gradient->narrow + row * gradient->rank * size;
    part now = {gradient, (const float *)narrow, row, rows, gradient->adds || row > 0};
    if (gradient->format == PLK_BF16) {
      plk_widen_bfloat16(own, (const uint8_t *)narrow, rows * gradient->rank);
      now.narrow = own;
    }
    plk_parallel_run(threads, fill_columns, &now, (gradient->width + BLOCKS_A_TASK * COLUMNS - 1) / (BLOCKS_A_TASK * COLUMNS));
  }
  return 1;
}
#else
int plk_factor_gradient_run(const plk_factor_gradient *gradient, int64_t threads) {
  (void)gradient;
  (void)threads;
  return 0;
}
#endif
