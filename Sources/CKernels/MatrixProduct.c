// The product's loops over blocks that fit the caches.
#include "MatrixProduct.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum {
  // Steps of depth in a packed block. The deeper it is, the less often threads wait for each other and C is added to.
  STEPS = 1152,
  // The largest rank whose path shares the pass over A; its cells of depth follow those of A and of B.
  LARGEST_RANK = 64,
  // Packed cells of A: 37 panels of 14 rows, so 512 rows at any depth; 2.7 MiB that all threads read.
  CELLS_OF_A = 37 * 16 * (STEPS + LARGEST_RANK),
  // Packed cells of a path's first factor.
  CELLS_OF_DOWN = LARGEST_RANK * STEPS,
  // Packed cells of B: 192 columns, 864 KiB, which a second-level cache of 1 MiB holds.
  CELLS_OF_B = 192 * STEPS,
  // Rows that are packed at once of lines side by side, each in its own page: fewer than there are entries for pages.
  ROWS_AT_A_TIME = 32,
  // Panels of A that a thread packs at once.
  PANELS_A_TASK = 4,
  // Threads that a product runs on at most.
  MOST_THREADS = 256,
  // Looks at what another thread has yet to do before this one gives way: it may be waiting for this very core.
  LOOKS_BEFORE_YIELD = 2000,
  // Sums of a C in bf16 whose depth takes several blocks, and of a path's inner product: 512 rows of 1024 columns.
  // Wider ones have their rows packed once for every so many columns; room for twice as many made no step faster.
  SUMS = PLK_PRODUCT_SUMS,
};

typedef struct {
  uint32_t b[CELLS_OF_B];  // of every thread that multiplies
  uint32_t a[CELLS_OF_A];  // of the thread that asked for the product, as is all that follows
  uint32_t down[CELLS_OF_DOWN];
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

float *plk_product_sums(void) {
  scratch *own = own_scratch();
  return own != NULL ? own->sums : NULL;
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

int32_t plk_product_has_half_sums(void) {
#if PLK_X86_TILES
  __builtin_cpu_init();
  return __builtin_cpu_supports("x86-64-v4") && __builtin_cpu_supports("avx512bf16") &&
         __builtin_cpu_supports("avx512fp16");
#else
  return 0;
#endif
}

static plk_tiling tiling(int32_t instructions, int in_bf16) {
#if PLK_X86_TILES
  if (instructions == PLK_AVX512_FP16 && in_bf16)
    return (plk_tiling){14, 32, 16, 2, PLK_HALVES_BLOCK, 1, plk_pack_halves_avx512, plk_tile_avx512_fp16};
  if (instructions == PLK_AVX512_BF16 && in_bf16)
    return (plk_tiling){14, 32, 16, 2, 2, 0, plk_pack_pairs_avx512, plk_tile_avx512_bf16};
  if (instructions >= PLK_AVX512) return (plk_tiling){14, 32, 16, 1, 1, 0, plk_pack_floats_avx512, plk_tile_avx512};
  if (instructions == PLK_AVX2) return (plk_tiling){6, 16, 8, 1, 1, 0, plk_pack_floats, plk_tile_avx2};
#endif
  (void)instructions;
  (void)in_bf16;
  return (plk_tiling){4, 8, 4, 1, 1, 0, plk_pack_floats, plk_tile_plain};
}

static int64_t size_of(int32_t format) { return format == PLK_BF16 ? 2 : 4; }

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

static int64_t quotient_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

static int64_t multiple_up(int64_t a, int64_t b) { return quotient_up(a, b) * b; }

// The cells that so many numbers of depth take.
static int64_t steps_of(const plk_tiling *tiling, int64_t depths) {
  return quotient_up(depths, tiling->step) + quotient_up(depths, tiling->block) * tiling->extra;
}

// Columns of B that a thread has packed, and the first tile of rows that none has multiplied by them yet.
typedef struct {
  _Alignas(64) _Atomic int64_t next;
  const uint32_t *b;
  int64_t panel, end;
} slice;

// A part of the product that all its threads work on at a time: rows and columns of C, and a part of their depth.
typedef struct {
  const plk_product *product;
  plk_tiling tiling;
  uint32_t *a;  // the packed panels of all rows, `steps` deep
  int64_t first_row, rows, tiles;
  int64_t first_column, columns, panels;
  int64_t depth, depths, depth_steps;
  int64_t steps;  // of a panel: of the depth, and of the rank where the path's second factor follows
  int64_t panel_steps;  // from one panel of B to the next
  plk_tile tile;  // all of its C
  const plk_low_rank *low_rank;  // or NULL
  const uint32_t *down;  // the packed panels of its first factor, or NULL where the inner product is there already
  float *inner;  // its sums, of all rows
  int takes_up;  // whether the path's second factor is multiplied here
  int64_t threads;
  int64_t row_tasks, column_tasks;
  _Atomic int64_t rows_packed, columns_done;  // of these tasks
  slice *slices;  // of each thread, its last
  _Atomic int *fails;
} part;

// Tiles of equal heights rather than a short last one.
static int64_t top_of(const part *part, int64_t tile) { return tile * part->rows / part->tiles; }

// Where a panel of either operand starts, among the lines of the operand.
static int64_t line_of(const part *part, int of_rows, int64_t panel) {
  if (of_rows) return part->first_row + top_of(part, panel);
  return part->first_column + smaller(panel * part->tiling.columns, part->columns);
}

// Packs panels first ..< last of an operand.
//
// Lines side by side in memory are read some rows at a time for all panels: the cache lines of a row then come one after
// the other, and from pages whose addresses are still at hand.
static void pack_panels(const part *part, int of_rows, int64_t first, int64_t last, uint32_t *packed) {
  const plk_operand *operand = of_rows ? &part->product->a : &part->product->b;
  const int64_t lanes = of_rows ? part->tiling.row_lanes : part->tiling.columns;
  const int64_t deep = operand->along_depth ? part->depths : larger(ROWS_AT_A_TIME, part->tiling.block);
  for (int64_t p = 0; p < part->depths; p += deep) {
    for (int64_t i = first; i < last; i++) {
      const int64_t line = line_of(part, of_rows, i);
      const plk_panel panel = {operand, line, line_of(part, of_rows, i + 1) - line, part->depth + p,
                               smaller(deep, part->depths - p), lanes, part->product->rounds, 0};
      part->tiling.pack(packed + ((i - first) * part->steps + steps_of(&part->tiling, p)) * lanes, &panel);
    }
  }
}

// Adds the inner product of a tile's rows up, and gives it out when its sum is whole.
static void multiply_inner(const part *part, const uint32_t *a, int64_t top, int64_t rows) {
  const plk_low_rank *path = part->low_rank;
  const int64_t lanes = part->tiling.columns;
  float *sums = part->inner + top * path->rank;
  for (int64_t j = 0; j < path->rank; j += lanes) {
    const plk_tile tile = {sums + j, path->rank, rows, smaller(lanes, path->rank - j), PLK_FP32, part->depth > 0,
                           1.0f, 0};
    part->tiling.multiply(a, part->down + j * part->depth_steps, part->depth_steps, &tile);
  }
  if (part->takes_up) {
    const int64_t at = (part->first_row + top) * path->rank;
    const plk_tile whole = {(char *)path->inner + at * size_of(path->format), path->rank, rows, path->rank,
                            path->format, 0, path->scale, 0};
    plk_tile_store(sums, path->rank, &whole);
  }
}

// The inner product as an operand.
static plk_operand inner_of(const plk_low_rank *path) {
  return (plk_operand){.base = path->inner, .format = path->format, .along_depth = 1, .stride = path->rank};
}

static void pack_rows(const part *part, int64_t task) {
  const int64_t lanes = part->tiling.row_lanes;
  const int64_t first = task * PANELS_A_TASK, last = smaller(part->tiles, first + PANELS_A_TASK);
  pack_panels(part, 1, first, last, part->a + first * lanes * part->steps);
  for (int64_t t = first; part->low_rank != NULL && t < last; t++) {
    uint32_t *a = part->a + t * lanes * part->steps;
    const int64_t top = top_of(part, t), rows = top_of(part, t + 1) - top;
    if (part->down != NULL) multiply_inner(part, a, top, rows);
    if (part->takes_up) {
      const plk_operand inner = inner_of(part->low_rank);
      const plk_panel panel = {&inner, part->first_row + top, rows, 0, part->low_rank->rank, lanes,
                               part->product->rounds, 0};
      part->tiling.pack(a + part->depth_steps * lanes, &panel);
    }
  }
}

// Lets some time go by in a loop that waits for another thread.
static void wait_a_moment(int64_t looks) {
  if (looks >= LOOKS_BEFORE_YIELD) {
    sched_yield();
    return;
  }
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// Packs some columns of B, and of the path's second factor.
static const uint32_t *pack_columns(const part *part, int64_t panel, int64_t end, uint32_t *packed) {
  const int64_t lanes = part->tiling.columns;
  const plk_operand *operand = &part->product->b;
  if (operand->format == PLK_PACKED) return (const uint32_t *)operand->base + panel * part->panel_steps * lanes;
  pack_panels(part, 0, panel, end, packed);
  for (int64_t i = panel; part->takes_up && i < end; i++) {
    const int64_t line = line_of(part, 0, i);
    const plk_panel up = {&part->low_rank->up, line, line_of(part, 0, i + 1) - line, 0, part->low_rank->rank, lanes,
                          part->product->rounds, 0};
    part->tiling.pack(packed + ((i - panel) * part->steps + part->depth_steps) * lanes, &up);
  }
  return packed;
}

// Multiplies rows by a slice's columns until there are none left.
static void multiply_rows(const part *part, slice *slice) {
  const int64_t lanes = part->tiling.columns;
  const int64_t size = size_of(part->tile.format);
  while (slice->next < part->tiles) {
    const int64_t t = atomic_fetch_add(&slice->next, 1);
    if (t >= part->tiles) return;
    plk_tile tile = part->tile;
    const int64_t top = top_of(part, t);
    tile.rows = top_of(part, t + 1) - top;
    for (int64_t i = slice->panel; i < slice->end; i++) {
      tile.c = (char *)part->tile.c + (top * tile.stride + i * lanes) * size;
      tile.columns = smaller(lanes, part->columns - i * lanes);
      part->tiling.multiply(part->a + t * part->tiling.row_lanes * part->steps,
                            slice->b + (i - slice->panel) * part->panel_steps * lanes, part->steps, &tile);
    }
  }
}

// Packs some columns for this thread, waits for the rows, and multiplies these.
static void multiply_columns(part *part, int64_t task, slice *slice) {
  scratch *own = own_scratch();
  if (own != NULL) {
    slice->panel = task * part->panels / part->column_tasks;
    slice->end = (task + 1) * part->panels / part->column_tasks;
    slice->b = pack_columns(part, slice->panel, slice->end, own->b);
    for (int64_t looks = 0; part->rows_packed < part->row_tasks; looks++) wait_a_moment(looks);
    atomic_store(&slice->next, 0);
    multiply_rows(part, slice);
  } else {
    *part->fails = 1;
  }
  atomic_fetch_add(&part->columns_done, 1);
}

// Takes rows of the slices that other threads are at. All slices have been taken then, so that each is its thread's last.
static void help(part *part) {
  for (int64_t looks = 0; part->columns_done < part->column_tasks; looks++) {
    for (int64_t worker = 0; worker < part->threads; worker++) multiply_rows(part, &part->slices[worker]);
    wait_a_moment(looks);
  }
}

// Packs rows, then columns by which it multiplies; whoever finds nothing left to pack helps the others.
static void work(void *context, int64_t task, int64_t worker) {
  part *part = context;
  if (task < part->row_tasks) {
    pack_rows(part, task);
    atomic_fetch_add(&part->rows_packed, 1);
  } else if (task < part->row_tasks + part->column_tasks) {
    multiply_columns(part, task - part->row_tasks, &part->slices[worker]);
  } else {
    help(part);
  }
}

// Packs the first factor of a path for all threads: few columns, so that one of them does it.
static void pack_down(const part *part, uint32_t *packed) {
  const plk_low_rank *path = part->low_rank;
  const int64_t lanes = part->tiling.columns;
  for (int64_t j = 0; j < path->rank; j += lanes) {
    const plk_panel panel = {&path->down, j, smaller(lanes, path->rank - j), part->depth, part->depths, lanes,
                             part->product->rounds, 0};
    part->tiling.pack(packed + j * part->depth_steps, &panel);
  }
}

// Gives each thread as many slices of columns as any other.
static void multiply_part(part *part) {
  const int64_t threads = part->threads, lanes = part->tiling.columns;
  part->tiles = quotient_up(part->rows, part->tiling.rows);
  part->panels = quotient_up(part->columns, lanes);
  const int is_packed = part->product->b.format == PLK_PACKED;
  part->panel_steps = is_packed ? steps_of(&part->tiling, part->product->b.stride) : part->steps;
  const int64_t widest = larger(1, CELLS_OF_B / larger(1, part->steps) / lanes);
  part->column_tasks = smaller(part->panels, multiple_up(quotient_up(part->panels, widest), threads));
  part->row_tasks = quotient_up(part->tiles, PANELS_A_TASK);
  part->rows_packed = part->columns_done = 0;
  slice slices[MOST_THREADS];
  for (int64_t worker = 0; worker < threads; worker++) atomic_init(&slices[worker].next, part->tiles);
  part->slices = slices;
  plk_parallel_run(threads, work, part, part->row_tasks + part->column_tasks + (threads > 1 ? threads : 0));
}

int64_t plk_packed_cells(int64_t lines, int64_t depth, int32_t instructions) {
  const plk_tiling used = tiling(instructions, 1);
  return multiple_up(lines, used.columns) * steps_of(&used, depth);
}

void plk_pack_columns(uint32_t *packed, const plk_operand *operand, int64_t lines, int64_t depth,
                      int32_t instructions) {
  const plk_tiling used = tiling(instructions, 1);
  for (int64_t line = 0; line < lines; line += used.columns) {
    const plk_panel panel = {operand, line, smaller(used.columns, lines - line), 0, depth, used.columns, 1, 0};
    used.pack(packed + line * steps_of(&used, depth), &panel);
  }
}

// A product and its path one after the other.
static int run_apart(const plk_product *product, int32_t instructions, int64_t threads) {
  const plk_low_rank *path = product->low_rank;
  plk_product inner = *product, outer = *product, up = *product;
  inner.b = path->down, inner.n = path->rank, inner.c = path->inner, inner.stride = path->rank;
  inner.format = path->format, inner.scale = path->scale, inner.adds = 0;
  up.a = inner_of(path), up.b = path->up, up.k = path->rank, up.adds = 1;
  inner.low_rank = outer.low_rank = up.low_rank = NULL;
  return plk_product_run(&inner, instructions, threads) && plk_product_run(&outer, instructions, threads) &&
         plk_product_run(&up, instructions, threads);
}

int plk_product_run(const plk_product *product, int32_t instructions, int64_t threads) {
  scratch *own = own_scratch();
  if (own == NULL) return 0;
  if (product->m <= 0 || product->n <= 0) return 1;
  _Atomic int fails = 0;
  const int in_bf16 = product->a.format == PLK_BF16 || product->b.format == PLK_BF16 || product->b.format == PLK_PACKED;
  part now = {.product = product, .tiling = tiling(instructions, in_bf16), .a = own->a,
              .threads = smaller(threads, MOST_THREADS),
              .low_rank = product->low_rank, .fails = &fails};
  const plk_low_rank *path = product->low_rank;
  if (path != NULL && (path->rank > LARGEST_RANK || product->k <= 0)) return run_apart(product, instructions, threads);
  const int64_t k = product->k, rank = path != NULL ? path->rank : 0;
  // Equal parts of the depth, in whole blocks of 4-bit codes.
  const int64_t deepest = STEPS / steps_of(&now.tiling, now.tiling.block) * now.tiling.block;
  const int64_t parts = k > 0 ? quotient_up(k, deepest) : 1;
  const int64_t deep = multiple_up(quotient_up(k > 0 ? k : 1, parts), 64);
  const int64_t most_steps = steps_of(&now.tiling, deep) + steps_of(&now.tiling, rank);
  const int64_t most_tiles = CELLS_OF_A / (now.tiling.row_lanes * most_steps);
  // No more rows than there is room for sums of 64 columns and of the inner product.
  const int64_t most_rows = smaller(most_tiles * now.tiling.rows, SUMS / (64 + rank));
  const int64_t high = quotient_up(product->m, quotient_up(product->m, most_rows));
  const int through_sums = parts > 1 && product->format == PLK_BF16;
  const int64_t wide = through_sums ? smaller(product->n, (SUMS / high - rank) / 64 * 64) : product->n;
  const int64_t size = size_of(product->format);
  now.inner = own->sums + SUMS - high * rank;
  for (int64_t j = 0; j < product->n; j += wide) {
    for (int64_t i = 0; i < product->m; i += high) {
      now.first_row = i, now.rows = smaller(high, product->m - i);
      now.first_column = j, now.columns = smaller(wide, product->n - j);
      const plk_tile result = {(char *)product->c + (i * product->stride + j) * size, product->stride, now.rows,
                               now.columns, product->format, product->adds, product->scale, 0};
      for (int64_t p = 0; p == 0 || p < k; p += deep) {
        now.depth = p, now.depths = smaller(deep, k - p);
        now.depth_steps = now.steps = steps_of(&now.tiling, now.depths);
        now.takes_up = path != NULL && p + deep >= k;
        if (now.takes_up) now.steps += steps_of(&now.tiling, rank);
        now.down = path != NULL && j == 0 ? own->down : NULL;
        if (now.down != NULL) pack_down(&now, own->down);
        now.tile = result;
        now.tile.adds = p > 0 || product->adds;
        if (through_sums) now.tile = (plk_tile){own->sums, wide, now.rows, now.columns, PLK_FP32, p > 0, 1.0f, 0};
        now.tile.tail = now.steps - now.depth_steps;
        multiply_part(&now);
      }
      if (through_sums) plk_tile_store(own->sums, wide, &result);
    }
  }
  return !fails;
}
