// The product's loops over blocks that fit the caches.
#include "MatrixProduct.h"

#include <pthread.h>

enum {
  // Steps of depth in a packed block: a panel of A is then 32 KiB at most, which first-level caches hold.
  STEPS = 512,
  // Packed cells of B: 512 KiB, half of the smallest second-level cache among processors with AVX-512.
  CELLS_OF_B = 128 * 1024,
  PANELS_OF_A = 4,
  LANES_OF_A = 16,
  CELLS_OF_A = PANELS_OF_A * LANES_OF_A * STEPS,
  // Sums of a C in bf16 whose depth takes several blocks: 1 MiB.
  SUMS = 256 * 1024,
};

typedef struct {
  uint32_t a[CELLS_OF_A];
  uint32_t b[CELLS_OF_B];
  float sums[SUMS];
} scratch;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static int has_key = 0;

static void release(void *pages) { plk_pages_unmap(pages, sizeof(scratch)); }

static void make_key(void) { has_key = pthread_key_create(&key, release) == 0; }

static scratch *own_scratch(void) {
  pthread_once(&once, make_key);
  if (!has_key) return NULL;
  scratch *pages = pthread_getspecific(key);
  if (pages == NULL) {
    pages = plk_pages_map(sizeof(scratch));
    if (pages != NULL && pthread_setspecific(key, pages) != 0) {
      release(pages);
      return NULL;
    }
  }
  return pages;
}

size_t plk_product_scratch_size(void) { return sizeof(scratch); }

int32_t plk_product_instructions(void) {
#if PLK_X86_TILES
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v4")) {
    return __builtin_cpu_supports("avx512bf16") ? PLK_AVX512_BF16 : PLK_AVX512;
  }
  if (__builtin_cpu_supports("x86-64-v3")) return PLK_AVX2;
#endif
  return PLK_PLAIN;
}

static plk_tiling tiling(int32_t instructions, int in_bf16) {
#if PLK_X86_TILES
  if (instructions == PLK_AVX512_BF16 && in_bf16)
    return (plk_tiling){14, 32, 16, 2, plk_pack_pairs_avx512, plk_tile_avx512_bf16};
  if (instructions >= PLK_AVX512) return (plk_tiling){14, 32, 16, 1, plk_pack_floats_avx512, plk_tile_avx512};
  if (instructions == PLK_AVX2) return (plk_tiling){6, 16, 8, 1, plk_pack_floats, plk_tile_avx2};
#endif
  (void)instructions;
  (void)in_bf16;
  return (plk_tiling){4, 8, 4, 1, plk_pack_floats, plk_tile_plain};
}

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t quotient_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

static int64_t multiple_up(int64_t a, int64_t b) { return quotient_up(a, b) * b; }

// Rows first ..< first + rows of C times all columns of the packed block of B.
static void multiply_block(const plk_product *product, const plk_tiling *tiling, scratch *own, int64_t first,
                           int64_t rows, int64_t depth, int64_t depths, plk_tile tile) {
  const int64_t steps = quotient_up(depths, tiling->step);
  const int64_t columns = tile.columns;
  char *c = tile.c;
  const int64_t size = tile.format == PLK_BF16 ? 2 : 4;
  // Tiles of equal heights rather than a short last one.
  const int64_t tiles = quotient_up(rows, tiling->rows);
  for (int64_t group = 0; group < tiles; group += PANELS_OF_A) {
    const int64_t last = smaller(tiles, group + PANELS_OF_A);
    for (int64_t t = group; t < last; t++) {
      const int64_t top = t * rows / tiles, bottom = (t + 1) * rows / tiles;
      uint32_t *packed = own->a + (t - group) * tiling->row_lanes * steps;
      const plk_panel panel = {&product->a, first + top, bottom - top, depth, depths, tiling->row_lanes,
                               product->rounds};
      tiling->pack(packed, &panel);
      for (int64_t j = 0; j < columns; j += tiling->columns) {
        tile.c = c + (top * tile.stride + j) * size;
        tile.rows = bottom - top;
        tile.columns = smaller(tiling->columns, columns - j);
        tiling->multiply(packed, own->b + j * steps, steps, &tile);
      }
    }
  }
}

static void pack_columns(const plk_product *product, const plk_tiling *tiling, scratch *own, int64_t first,
                         int64_t columns, int64_t depth, int64_t depths) {
  const int64_t steps = quotient_up(depths, tiling->step);
  for (int64_t j = 0; j < columns; j += tiling->columns) {
    const plk_panel panel = {&product->b, first + j, smaller(tiling->columns, columns - j), depth, depths,
                             tiling->columns, product->rounds};
    tiling->pack(own->b + j * steps, &panel);
  }
}

int plk_product_block(const plk_product *product, int32_t instructions, int64_t first_row, int64_t rows,
                      int64_t first_column, int64_t columns) {
  scratch *own = own_scratch();
  if (own == NULL) return 0;
  const int in_bf16 = product->a.format == PLK_BF16 || product->b.format == PLK_BF16;
  const plk_tiling tiling_used = tiling(instructions, in_bf16);
  const int64_t k = product->k;
  // Equal parts of the depth, in whole blocks of 4-bit codes.
  const int64_t parts = k > 0 ? quotient_up(k, STEPS * tiling_used.step) : 1;
  const int64_t part = multiple_up(quotient_up(k > 0 ? k : 1, parts), 64);
  const int64_t steps = quotient_up(smaller(part, k), tiling_used.step);
  const int64_t width = steps > 0 ? CELLS_OF_B / steps / 64 * 64 : columns;
  const int through_sums = parts > 1 && product->format == PLK_BF16;
  const int64_t size = product->format == PLK_BF16 ? 2 : 4;
  for (int64_t j = 0; j < columns; j += width) {
    const int64_t wide = smaller(width, columns - j);
    const int64_t height = through_sums ? smaller(rows, SUMS / wide) : rows;
    for (int64_t i = 0; i < rows; i += height) {
      const int64_t high = smaller(height, rows - i);
      void *c = (char *)product->c + ((first_row + i) * product->stride + first_column + j) * size;
      const plk_tile result = {c, product->stride, high, wide, product->format, product->adds, product->scale};
      for (int64_t p = 0; p == 0 || p < k; p += part) {
        const int64_t depths = smaller(part, k - p);
        plk_tile tile = result;
        tile.adds = p > 0 || product->adds;
        if (through_sums) tile = (plk_tile){own->sums, wide, high, wide, PLK_FP32, p > 0, 1.0f};
        pack_columns(product, &tiling_used, own, first_column + j, wide, p, depths);
        multiply_block(product, &tiling_used, own, first_row + i, high, p, depths, tile);
      }
      if (through_sums) plk_tile_store(own->sums, wide, &result);
    }
  }
  return 1;
}
