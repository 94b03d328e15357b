// Kernels in C for what Swift does not vectorize: reductions, square roots, exponentials, random bits, 4-bit codes.
//
// Every matrix is row-major. Pointers never alias unless a comment says so. Kernels are single-threaded and work on
// the rows or elements they are given; the Swift wrappers partition the work. Counts come last.
#ifndef PLK_CKERNELS_H
#define PLK_CKERNELS_H

#include <stddef.h>
#include <stdint.h>

// MARK: Threads

typedef void (*plk_task)(void *context, int64_t task, int64_t worker);

/// Runs body for tasks 0 ..< task_count on up to thread_count threads, the caller among them (it is worker 0), and
/// returns when all are done. Tasks are claimed in order, by whoever is free: what a task computes must not depend on
/// its worker. A region opened while another is open runs on its caller alone.
void plk_parallel_run(int64_t thread_count, plk_task body, void *context, int64_t task_count);

/// The processors this process may run on.
int64_t plk_processor_count(void);

/// A monotonic clock, in nanoseconds.
uint64_t plk_now(void);

// MARK: Formats

/// What a kernel finds in memory where it takes a `void *` and a format: activations and weights may be narrower than
/// the fp32 that all of them calculate in. 4-bit codes and packed cells are operands of matrix products only.
enum { PLK_FP32 = 0, PLK_BF16 = 1, PLK_NF4 = 2, PLK_PACKED = 3 };

// MARK: Elementwise

/// y += scale * x
void plk_add_scaled(void *restrict y, const void *restrict x, float scale, int y_format, int x_format, int64_t count);
/// y = x, rounded to nearest even where y is narrower.
void plk_convert(void *restrict y, const void *restrict x, int y_format, int x_format, int64_t count);
/// Rows of x, apart by stride, close together in fp32.
void plk_widen_rows(float *restrict y, const void *restrict x, int x_format, int64_t stride, int64_t rows,
                    int64_t width);
void plk_fill(void *y, float value, int format, int64_t count);
/// The sum of squares, chunks of floats summed in double precision.
double plk_sum_of_squares(const float *x, int64_t count);
/// y[rows, columns] += bias[columns]
void plk_bias_add(void *restrict y, const void *restrict bias, int y_format, int bias_format, int64_t rows,
                  int64_t columns);
/// sum[j] (+)= sum over rows of x[row, j] * (y ? y[row, j] : 1) * (row_scale ? row_scale[row] : 1), for columns
/// first ..< last of matrices of the given width; summed in double precision.
void plk_column_sum(float *restrict sum, const void *restrict x, const void *restrict y,
                    const float *restrict row_scale, int accumulate, int format, int64_t first, int64_t last,
                    int64_t rows, int64_t width);

// MARK: Normalization

/// normed = weight * (x * r), r = rsqrt(mean(x^2) + epsilon), as Hugging Face's LlamaRMSNorm rounds it.
void plk_rms_norm(void *restrict normed, float *restrict reciprocal_rms, const void *restrict x,
                  const void *restrict weight, float epsilon, int format, int weight_format, int64_t rows,
                  int64_t width);
/// dx (+)= r (w dy - x r^2 mean(x w dy))
void plk_rms_norm_input_gradient(void *restrict dx, const void *restrict d_normed, const void *restrict x,
                                 const float *restrict reciprocal_rms, const void *restrict weight, int accumulate,
                                 int format, int weight_format, int64_t rows, int64_t width);

// MARK: Rotary embedding

/// Tables of one position's row each: cos and sin of fp32 position * inverse_frequency, times the scaling.
void plk_rotary_tables(float *restrict cosine, float *restrict sine, const float *restrict inverse_frequencies,
                       float attention_scaling, int64_t positions, int64_t half);
/// Rotates one token's heads in place: the pairs are (x[i], x[i + half]). direction is 1 or, for the transpose, -1.
void plk_rotary_apply(void *restrict x, const float *restrict cosine, const float *restrict sine, float direction,
                      int format, int64_t heads, int64_t half);

// MARK: Attention

// Queries and keys are taken by tiles. diagonal is the first query's position less the first key's: row i of a tile may
// see its keys 0 ... diagonal + i, which is at least one.

/// Rows of scores become exp(score - the largest so far), zero beyond the diagonal; sums go on, and what out (rows
/// apart by stride) and sums held under an older maximum is brought under the new one. The first tile only sets.
void plk_softmax_tile(float *restrict scores, float *restrict out, float *restrict largest, double *restrict sums,
                      int is_first, int64_t diagonal, int64_t stride, int64_t rows, int64_t keys, int64_t width);
/// out = sum of values / sum, logsumexp = largest + log(sum). In fp32 out holds the sum of values itself, in bf16 these
/// are apart, rows close together.
void plk_softmax_end(void *out, const float *sum_of_values, const float *restrict largest,
                     const double *restrict sums, float *restrict logsumexp, int format, int64_t stride,
                     int64_t rows, int64_t width);
/// Rows of scores become exp(score - logsumexp), zero beyond the diagonal.
void plk_causal_probabilities(float *restrict scores, const float *restrict logsumexp, int64_t diagonal, int64_t rows,
                              int64_t keys);
/// dots[row] = sum over d of x * y, rows apart by stride.
void plk_row_dots(float *restrict dots, const void *restrict x, const void *restrict y, int format, int64_t stride,
                  int64_t rows, int64_t width);
/// dP becomes dS = P * (dP - delta) * scale, delta being the row's dot of d_out and out.
void plk_softmax_gradient(float *restrict d_probabilities, const float *restrict probabilities,
                          const float *restrict deltas, float scale, int64_t rows, int64_t keys);

// MARK: Gated activation

/// product = silu(gate) * up
void plk_swiglu(void *restrict product, const void *restrict gate, const void *restrict up, int format,
                int64_t count);
/// gate and up are overwritten by their gradients.
void plk_swiglu_gradient(void *restrict gate, void *restrict up, const void *restrict d_product, int format,
                         int64_t count);

// MARK: Loss

/// Cross-entropy of one row of logits, which becomes (softmax - onehot(label)) * gradient_scale.
double plk_cross_entropy_gradient(float *logits, float gradient_scale, int64_t label, int64_t vocabulary);
/// Cross-entropy of one row of logits.
double plk_cross_entropy(const float *logits, int64_t label, int64_t vocabulary);
/// Takes more logits of a row into the largest so far and the sum of exp(logit - largest).
void plk_logsumexp_add(float *largest, float *sum, const float *logits, int64_t count);
/// The logarithm of the sum of exp(logit) of all logits taken in.
double plk_logsumexp(float largest, float sum);
/// Some logits of a row become (softmax - onehot(label)) * gradient_scale; the label may be none of them.
void plk_cross_entropy_slice(float *logits, float largest, float sum, float gradient_scale, int64_t label,
                             int64_t count);

// MARK: Random bits

/// Philox4x32-10 (Salmon et al. 2011) under key seed: element i takes word i mod 4 of counter (i / 4, stream).
/// mask = uniform >= probability; y = mask ? x / (1 - probability) : 0. first is the index of element 0, a multiple
/// of 4.
void plk_dropout(void *restrict y, uint8_t *restrict mask, const void *restrict x, float probability, uint64_t seed,
                 uint64_t stream, int format, int64_t first, int64_t count);
/// dx (+)= mask ? dy / (1 - probability) : 0
void plk_dropout_gradient(void *restrict dx, const void *restrict dy, const uint8_t *restrict mask,
                          float probability, int accumulate, int format, int64_t count);
/// Normally distributed elements by Box and Muller's transform in double precision.
void plk_random_normal(void *y, float mean, float standard_deviation, uint64_t seed, uint64_t stream, int format,
                       int64_t first, int64_t count);
/// Elements uniform in [low, high).
void plk_random_uniform(void *y, float low, float high, uint64_t seed, uint64_t stream, int format, int64_t first,
                        int64_t count);
/// bfloat16s from fp32, each of the two neighbors as often as the number is near the other: element i takes 16 bits of
/// word i mod 4 of counter (i / 4, stream).
void plk_round_stochastically(uint16_t *restrict y, const float *restrict x, uint64_t seed, uint64_t stream,
                              int64_t first, int64_t count);
/// The raw words, so that the generator can be tested against its published vectors.
void plk_philox(uint32_t words[4], const uint32_t counter[4], const uint32_t key[2]);

// MARK: Optimizers

/// AdamW in place, in torch.optim.AdamW's order of operations. decay = 1 - lr * weight_decay;
/// step_size = lr / (1 - beta1^t); correction = sqrt(1 - beta2^t). Rounding: no contraction, all clones agree.
void plk_adamw(float *restrict weight, float *restrict first_moment, float *restrict second_moment,
               const float *restrict gradient, float gradient_scale, float decay, float one_minus_beta1, float beta2,
               float one_minus_beta2, float correction, float epsilon, float step_size, int64_t count);
/// The 256 values of an 8-bit dynamic map, and what finds the nearest: of magnitudes in ascending order the midpoints
/// (infinity after the last), and for each bucket of magnitudes the level that its least element belongs to. The
/// magnitudes of a signed map are those from its zero up.
typedef struct {
  const float *values;
  const float *midpoints;
  const int32_t *buckets;
} plk_dynamic_map;
enum {
  /// Elements of a moment that share a scale.
  PLK_MOMENT_BLOCK = 256,
  /// What zero is in a signed map.
  PLK_SIGNED_ZERO = 127,
  /// A bucket is a float's exponent and the first 7 bits of its mantissa: from 2^-24, below which the first reaches to
  /// zero, to one.
  PLK_BUCKET_SHIFT = 16,
  PLK_FIRST_BUCKET = (127 - 24) << 7,
  PLK_BUCKETS = (24 << 7) + 1
};
/// AdamW in place with both moments in 8-bit codes and a scale every 256 elements: made whole, updated, used, quantized
/// again by the new largest magnitude. Otherwise as plk_adamw; moments are beta m + (1 - beta) g.
void plk_adamw_8bit(float *restrict weight, const float *restrict gradient, uint8_t *restrict first_codes,
                    float *restrict first_absmax, const plk_dynamic_map *restrict first,
                    uint8_t *restrict second_codes, float *restrict second_absmax,
                    const plk_dynamic_map *restrict second, float gradient_scale, float decay, float beta1,
                    float one_minus_beta1, float beta2, float one_minus_beta2, float correction, float epsilon,
                    float step_size, int64_t count);
/// base^exponent in double precision, as the C library rounds it.
double plk_power(double base, int64_t exponent);
/// Stochastic gradient descent in torch.optim.SGD's order of operations; momentum_buffer may be null.
void plk_sgd(float *restrict weight, float *restrict momentum_buffer, const float *restrict gradient,
             float gradient_scale, float learning_rate, float momentum, float weight_decay, int nesterov,
             int64_t count);

// MARK: 4-bit weights

/// Quantizes count elements, the first of a block first: two codes a byte, the first in the high nibble; absmax gets
/// one value a block. code holds the 16 levels in ascending order; block_size is even.
void plk_nf4_quantize(uint8_t *restrict packed, float *restrict absmax, const float *restrict weights,
                      const float *restrict code, int64_t block_size, int64_t count);
/// weights = code[nibble] * absmax[block]
void plk_nf4_dequantize(float *restrict weights, const uint8_t *restrict packed, const float *restrict absmax,
                        const float *restrict code, int64_t block_size, int64_t count);
/// weights = code[nibble] * (map[absmax_codes[block]] * absmax2[(first_block + block) / 256] + offset); packed and
/// absmax_codes start at first_block, absmax2 at the beginning.
void plk_nf4_dequantize_double(float *restrict weights, const uint8_t *restrict packed,
                               const uint8_t *restrict absmax_codes, const float *restrict absmax2, float offset,
                               const float *restrict code, const float *restrict map, int64_t first_block,
                               int64_t block_size, int64_t count);

// MARK: Matrix products

/// A matrix that is read by a product.
typedef struct {
  const void *base;
  int32_t format;
  /// Whether neighbors in memory follow each other along the product's sum, or else along C.
  int32_t along_depth;
  /// Elements from one row in memory to the next; of packed cells, the depth that was packed.
  int64_t stride;
  /// Of 4-bit codes: one scale a block, either plain (absmax) or absmax_codes' entry of map times one of absmax2 for
  /// every 256 blocks, plus offset; levels has 16 values.
  const float *levels, *absmax;
  const uint8_t *absmax_codes;
  const float *absmax2, *map;
  float offset;
  int64_t block_size;
} plk_operand;

/// A low-rank path beside a product: inner[m, rank] = scale * A[m, k] down[k, rank], close together in fp32 or bf16, and
/// C also has inner[m, rank] up[rank, n].
typedef struct {
  plk_operand down, up;
  void *inner;
  int64_t rank;
  float scale;
  int32_t format;
} plk_low_rank;

/// C[m, n] = scale * A[m, k] B[k, n], added to what C holds if `adds`; C is fp32 or bf16, its rows `stride` apart. Sums
/// are fp32 throughout. Where `rounds`, the operands that are not bf16 are rounded to it first. With a low-rank path, C
/// is rounded once for both.
typedef struct {
  plk_operand a, b;
  const plk_low_rank *low_rank;  // or NULL
  void *c;
  int64_t stride;
  int64_t m, n, k;
  float scale;
  int32_t format, adds, rounds;
} plk_product;

/// Instruction sets that products are written for, slowest first; the last sums up to 128 products of bf16 numbers in fp16,
/// four sums of 32 which are then added, before it goes on in fp32.
enum { PLK_PLAIN = 0, PLK_AVX2 = 1, PLK_AVX512 = 2, PLK_AVX512_BF16 = 3, PLK_AVX512_FP16 = 4 };

/// Whether this processor can sum in fp16.
int32_t plk_product_has_half_sums(void);
/// The fastest of the others that this processor has.
int32_t plk_product_instructions(void);
/// The faster for bf16 numbers, by timing for a fraction of a millisecond: on some processors the dot product of bf16
/// pairs does half the work of the multiply-adds of fp32 numbers in the same time, on others twice.
int32_t plk_product_instructions_for_bf16(void);
/// Runs so many rounds of 12 multiply-adds of this set in registers, and the floating-point operations that these are.
void plk_instruction_loop(int32_t instructions, int64_t rounds);
double plk_instruction_operations(int32_t instructions, int64_t rounds);

/// The bytes that a thread packs into; each thread that multiplies has one such buffer, from its first product to its
/// end.
size_t plk_product_scratch_size(void);

/// The cells that a bf16 operand B takes when it is packed beforehand for products by these instructions.
int64_t plk_packed_cells(int64_t lines, int64_t depth, int32_t instructions);
/// Packs B. A product may then read fewer of its lines, in multiples of 32, and less of its depth, in multiples of 128.
void plk_pack_columns(uint32_t *packed, const plk_operand *operand, int64_t lines, int64_t depth,
                      int32_t instructions);

/// Fills C on so many threads; 0 if there is no memory for their buffers.
int plk_product_run(const plk_product *product, int32_t instructions, int64_t threads);

/// The gradient of a low-rank factor, which is fp32: out[rank, width] = scale * narrow[rows, rank]^T wide[rows, width], or
/// out[width, rank] where it lies `across`, added to what out holds if `adds`. Both operands are fp32 or bf16, close
/// together; the rank is 64 at most. Sums are fp32, one row after the other.
typedef struct {
  const void *narrow, *wide;
  float *out;
  int64_t rows, rank, width;
  float scale;
  int32_t format, across, adds;
} plk_factor_gradient;

/// Fills out on so many threads, on processors with AVX-512; 0 if there is no memory for the narrow operand in fp32.
int plk_factor_gradient_run(const plk_factor_gradient *gradient, int64_t threads);

// MARK: Streams through memory

/// All bits of x together.
uint64_t plk_stream_read(const uint64_t *x, int64_t count);
void plk_stream_write(float *x, float value, int64_t count);
/// a = b + factor * c
void plk_stream_triad(float *restrict a, const float *restrict b, const float *restrict c, float factor,
                      int64_t count);

// MARK: Formats of weight files

/// fp32 from the bytes of IEEE halves or of bfloat16s, little-endian, which need not be aligned: exact.
void plk_widen_float16(float *restrict y, const uint8_t *restrict bytes, int64_t count);
void plk_widen_bfloat16(float *restrict y, const uint8_t *restrict bytes, int64_t count);
/// Round to nearest, ties to even; beyond the largest number is infinity, and a NaN stays one.
void plk_narrow_float16(uint16_t *restrict y, const float *restrict x, int64_t count);
void plk_narrow_bfloat16(uint16_t *restrict y, const float *restrict x, int64_t count);
/// Whether any element is infinite or not a number.
int plk_has_nonfinite(const void *x, int format, int64_t count);

/// count whole blocks of GGUF's formats to fp32, two roundings where there is a product and a sum: 32 elements a block,
/// the K formats 256. Blocks need not be aligned.
void plk_dequantize_q4_0(float *restrict y, const uint8_t *restrict blocks, int64_t count);
void plk_dequantize_q4_1(float *restrict y, const uint8_t *restrict blocks, int64_t count);
void plk_dequantize_q5_0(float *restrict y, const uint8_t *restrict blocks, int64_t count);
void plk_dequantize_q5_1(float *restrict y, const uint8_t *restrict blocks, int64_t count);
void plk_dequantize_q8_0(float *restrict y, const uint8_t *restrict blocks, int64_t count);
void plk_dequantize_q4_k(float *restrict y, const uint8_t *restrict blocks, int64_t count);
void plk_dequantize_q5_k(float *restrict y, const uint8_t *restrict blocks, int64_t count);
void plk_dequantize_q6_k(float *restrict y, const uint8_t *restrict blocks, int64_t count);

// MARK: Exposed for their tests

void plk_exponential(float *y, const float *x, int64_t count);

// MARK: Pages

/// Mappings from here up ask for huge pages.
#define PLK_HUGE_PAGE_THRESHOLD ((size_t)4 << 20)

size_t plk_page_size(void);

/// Maps `size` bytes of zeroed pages; null if the system has none left.
void *plk_pages_map(size_t size);

/// Takes `size` bytes of addresses without memory behind them, for the two functions below to fill; null if there are
/// none, or no way to move pages on this system.
void *plk_pages_reserve(size_t size);
/// Maps `size` bytes of zeroed pages at reserved addresses; 0 if the system has none left.
int plk_pages_map_at(void *target, size_t size);
/// Moves the pages of one mapping, or of a part of one, to reserved addresses, contents and all; 0 if that cannot be
/// done, in which case they are where they were.
int plk_pages_move(void *base, size_t size, void *target);

void plk_pages_unmap(void *base, size_t size);

/// Maps a whole regular file for reading. Null if that cannot be done, and then *error is errno; an empty file is
/// EINVAL, a folder EISDIR.
const uint8_t *plk_file_map(const char *path, size_t *size, int *error);
/// Takes size bytes from base out of the process: they come back from the file when they are read again.
void plk_file_release(const uint8_t *base, size_t size);
void plk_file_unmap(const uint8_t *base, size_t size);

#endif
