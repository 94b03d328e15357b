// What the files of the matrix product share: how panels are packed, and the table of one instruction set's functions.
//
// A product is cut as Goto and van de Geijn do (2008, "Anatomy of high-performance matrix multiplication"): a block of B
// is packed for the second-level cache, a few panels of A for the first, and a tile of C stays in registers while it
// sums over the block's depth. A packed panel holds `lanes` lines side by side; a step of depth is one 32-bit cell a
// lane: a float, or a pair of neighboring bf16 numbers, which is what the dot-product instruction takes.
#ifndef PLK_MATRIX_PRODUCT_H
#define PLK_MATRIX_PRODUCT_H

#include "CKernels.h"

#if defined(__x86_64__) && defined(__ELF__)
#define PLK_X86_TILES 1
#else
#define PLK_X86_TILES 0
#endif

// A tile of C and what to do with its sums: c (+)= scale * sum. The last `tail` steps of its depth were packed apart from
// those before.
typedef struct {
  void *c;
  int64_t stride;  // elements from one row to the next
  int64_t rows, columns;
  int32_t format;
  int32_t adds;
  float scale;
  int64_t tail;
} plk_tile;

// Which lines of an operand, and which part of their depth, a panel takes. A line is a row of A or a column of B.
typedef struct {
  const plk_operand *operand;
  int64_t line, lines;
  int64_t depth, depths;
  int64_t lanes;  // room for lines; more than there are lines leaves lanes undefined
  int32_t rounds;  // whether numbers that are not bf16 are rounded to it
  int32_t splits;  // whether the first 16 lanes of 32 take the even lines and the others the odd ones
} plk_panel;

typedef void (*plk_packer)(uint32_t *packed, const plk_panel *panel);
typedef void (*plk_tiler)(const uint32_t *a, const uint32_t *b, int64_t steps, const plk_tile *tile);

// How one instruction set multiplies.
typedef struct {
  int64_t rows, columns;  // of the largest tile
  int64_t row_lanes;  // of a packed panel of A; one of B has `columns`
  int64_t step;  // numbers of depth to a cell
  int64_t block;  // numbers of depth that are packed together
  int64_t extra;  // cells that such a block has besides
  plk_packer pack;
  plk_tiler multiply;
} plk_tiling;

// Any operand, one number after the other.
void plk_pack_floats(uint32_t *packed, const plk_panel *panel);
void plk_pack_pairs(uint32_t *packed, const plk_panel *panel);

void plk_tile_plain(const uint32_t *a, const uint32_t *b, int64_t steps, const plk_tile *tile);
// Writes a tile from its sums, `width` apart.
void plk_tile_store(const float *sums, int64_t width, const plk_tile *tile);

// With sums in fp16, a block of 128 numbers of a line is 64 cells of two halves, and one more with its scale in fp32; the
// last block of a depth has as many cells as it needs. More than 16 columns of B are split, their scales are not.
enum { PLK_HALVES_BLOCK = 128, PLK_HALVES_CELLS = PLK_HALVES_BLOCK / 2 };

// The floats that a thread sums in beside what it packs into, 2 MiB, and where they are; NULL if there is no memory.
enum { PLK_PRODUCT_SUMS = 512 * 1024 };
float *plk_product_sums(void);

#if PLK_X86_TILES
void plk_tile_avx512_fp16(const uint32_t *a, const uint32_t *b, int64_t steps, const plk_tile *tile);
void plk_pack_halves_avx512(uint32_t *packed, const plk_panel *panel);
void plk_tile_avx2(const uint32_t *a, const uint32_t *b, int64_t steps, const plk_tile *tile);
void plk_tile_avx512(const uint32_t *a, const uint32_t *b, int64_t steps, const plk_tile *tile);
void plk_tile_avx512_bf16(const uint32_t *a, const uint32_t *b, int64_t steps, const plk_tile *tile);
void plk_pack_floats_avx512(uint32_t *packed, const plk_panel *panel);
void plk_pack_pairs_avx512(uint32_t *packed, const plk_panel *panel);
#endif

#endif
