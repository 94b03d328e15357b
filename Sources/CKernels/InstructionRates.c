// How many floating-point operations a core does in a second, by instruction: the ceiling of every matrix product.
#define _GNU_SOURCE
#include <time.h>

#include "MatrixProduct.h"

// Sums that do not wait for each other: more than an instruction's latency times the instructions a cycle.
enum { SUMS = 12 };

// Time that the thread ran, not that it waited for a core.
static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static float loop_plain(int64_t rounds) {
  float sums[4 * SUMS] = {0};
  for (int64_t i = 0; i < rounds; i++) {
    for (int j = 0; j < 4 * SUMS; j++) sums[j] = sums[j] * 0.5f + 1.0f;
  }
  float sum = 0;
  for (int j = 0; j < 4 * SUMS; j++) sum += sums[j];
  return sum;
}

#if PLK_X86_TILES
#include <immintrin.h>

// `TARGET static float name(rounds)`: SUMS sums of vectors, none of which the compiler may take out of the loop.
#define LOOP(name, TARGET, VECTOR, SET, MULTIPLY)                                        \
  TARGET static float name(int64_t rounds) {                                             \
    VECTOR sums[SUMS], left = SET(1e-3f), right = SET(1e-3f);                            \
    _Pragma("clang loop unroll(full)") for (int j = 0; j < SUMS; j++) sums[j] = SET(0);  \
    for (int64_t i = 0; i < rounds; i++) {                                               \
      _Pragma("clang loop unroll(full)") for (int j = 0; j < SUMS; j++)                  \
          sums[j] = MULTIPLY(sums[j], left, right);                                      \
      __asm__ volatile("" : "+v"(left), "+v"(right));                                    \
    }                                                                                    \
    VECTOR sum = sums[0];                                                                \
    _Pragma("clang loop unroll(full)") for (int j = 1; j < SUMS; j++) sum += sums[j];    \
    return sum[0];                                                                       \
  }

#define FMA256(sum, left, right) _mm256_fmadd_ps(left, right, sum)
#define FMA512(sum, left, right) _mm512_fmadd_ps(left, right, sum)
// Halves come and go as vectors of the same bits.
#define HALVES512(sum, left, right)                                                                        \
  _mm512_castph_ps(_mm512_fmadd_ph(_mm512_castps_ph(left), _mm512_castps_ph(right), _mm512_castps_ph(sum)))
#define DOT512(sum, left, right) _mm512_dpbf16_ps(sum, (__m512bh)(left), (__m512bh)(right))

LOOP(loop_avx2, __attribute__((target("arch=x86-64-v3"))), __m256, _mm256_set1_ps, FMA256)
LOOP(loop_avx512, __attribute__((target("arch=x86-64-v4"))), __m512, _mm512_set1_ps, FMA512)
LOOP(loop_avx512_fp16, __attribute__((target("arch=x86-64-v4,avx512fp16"))), __m512, _mm512_set1_ps, HALVES512)
LOOP(loop_avx512_bf16, __attribute__((target("arch=x86-64-v4,avx512bf16"))), __m512, _mm512_set1_ps, DOT512)
#endif

double plk_instruction_operations(int32_t instructions, int64_t rounds) {
  const int64_t lanes = instructions >= PLK_AVX512_BF16 ? 32 : instructions == PLK_AVX512 ? 16
                      : instructions == PLK_AVX2        ? 8
                                                        : 4;
  return 2.0 * (double)(lanes * SUMS * rounds);
}

void plk_instruction_loop(int32_t instructions, int64_t rounds) {
  float (*loop)(int64_t) = loop_plain;
#if PLK_X86_TILES
  switch (instructions) {
    case PLK_AVX512_FP16: loop = loop_avx512_fp16; break;
    case PLK_AVX512_BF16: loop = loop_avx512_bf16; break;
    case PLK_AVX512: loop = loop_avx512; break;
    case PLK_AVX2: loop = loop_avx2; break;
    default: break;
  }
#else
  (void)instructions;
#endif
  volatile float sum = loop(rounds);
  (void)sum;
}

static double rate(int32_t instructions, int64_t rounds) {
  const double start = seconds();
  plk_instruction_loop(instructions, rounds);
  const double elapsed = seconds() - start;
  return elapsed > 0 ? plk_instruction_operations(instructions, rounds) / elapsed : 0;
}

int32_t plk_product_instructions_for_bf16(void) {
  const int32_t best = plk_product_instructions();
  if (best != PLK_AVX512_BF16) return best;
  double dots = 0, adds = 0;
  for (int i = 0; i < 6; i++) {
    const double dot = rate(PLK_AVX512_BF16, 4000), add = rate(PLK_AVX512, 4000);
    dots = dot > dots ? dot : dots;
    adds = add > adds ? add : adds;
  }
  return dots >= adds ? PLK_AVX512_BF16 : PLK_AVX512;
}
