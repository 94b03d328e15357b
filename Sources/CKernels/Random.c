// Counter-based random numbers: an element's value depends on seed, stream and index alone, never on who computes it.
//
// Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
#include "Normal.h"
#include "Number.h"

#pragma STDC FP_CONTRACT OFF

PLK_INLINE void philox_round(uint32_t c[4], uint32_t key0, uint32_t key1) {
  const uint64_t p0 = (uint64_t)c[0] * 0xD2511F53u, p1 = (uint64_t)c[2] * 0xCD9E8D57u;
  const uint32_t c1 = c[1], c3 = c[3];
  c[0] = (uint32_t)(p1 >> 32) ^ c1 ^ key0;
  c[1] = (uint32_t)p1;
  c[2] = (uint32_t)(p0 >> 32) ^ c3 ^ key1;
  c[3] = (uint32_t)p0;
}

PLK_INLINE void philox(uint32_t c[4], uint32_t key0, uint32_t key1) {
#pragma clang loop unroll(full)
  for (int round = 0; round < 10; round++) {
    philox_round(c, key0, key1);
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
}

void plk_philox(uint32_t words[4], const uint32_t counter[4], const uint32_t key[2]) {
  for (int i = 0; i < 4; i++) words[i] = counter[i];
  philox(words, key[0], key[1]);
}

// Words for GROUPS counters at a time, so that lanes of a vector hold different counters.
enum { GROUPS = 64, WORDS = 4 * GROUPS };

PLK_INLINE void fill_words(uint32_t words[WORDS], uint64_t seed, uint64_t stream, uint64_t first_group) {
  for (int group = 0; group < GROUPS; group++) {
    const uint64_t counter = first_group + (uint64_t)group;
    uint32_t c[4] = {(uint32_t)counter, (uint32_t)(counter >> 32), (uint32_t)stream, (uint32_t)(stream >> 32)};
    philox(c, (uint32_t)seed, (uint32_t)(seed >> 32));
    words[4 * group] = c[0];
    words[4 * group + 1] = c[1];
    words[4 * group + 2] = c[2];
    words[4 * group + 3] = c[3];
  }
}

PLK_INLINE void dropout(void *restrict y, uint8_t *restrict mask, const void *restrict x, float probability,
                        uint64_t seed, uint64_t stream, int format, int64_t first, int64_t count) {
  const uint64_t threshold = (uint64_t)((double)probability * 4294967296.0);
  const float scale = 1.0f / (1.0f - probability);
  uint32_t words[WORDS];
  for (int64_t start = 0; start < count; start += WORDS) {
    fill_words(words, seed, stream, (uint64_t)(first + start) / 4);
    const int64_t end = count - start < WORDS ? count - start : WORDS;
    for (int64_t i = 0; i < end; i++) {
      const uint8_t kept = words[i] >= threshold;
      mask[start + i] = kept;
      plk_store(y, format, start + i, kept ? plk_load(x, format, start + i) * scale : 0.0f);
    }
  }
}

PLK_MULTIVERSION
void plk_dropout(void *restrict y, uint8_t *restrict mask, const void *restrict x, float probability, uint64_t seed,
                 uint64_t stream, int format, int64_t first, int64_t count) {
  PLK_FORMATS(format, dropout(y, mask, x, probability, seed, stream, FORMAT, first, count))
}

PLK_INLINE void dropout_gradient(void *restrict dx, const void *restrict dy, const uint8_t *restrict mask,
                                 float probability, int accumulate, int format, int64_t count) {
  const float scale = 1.0f / (1.0f - probability);
  if (accumulate) {
    for (int64_t i = 0; i < count; i++)
      plk_store(
          dx, format, i, plk_load(dx, format, i) + (mask[i] ? plk_load(dy, format, i) * scale : 0.0f));
  } else {
    for (int64_t i = 0; i < count; i++)
      plk_store(dx, format, i, mask[i] ? plk_load(dy, format, i) * scale : 0.0f);
  }
}

PLK_MULTIVERSION
void plk_dropout_gradient(void *restrict dx, const void *restrict dy, const uint8_t *restrict mask,
                          float probability, int accumulate, int format, int64_t count) {
  PLK_FORMATS(format, dropout_gradient(dx, dy, mask, probability, accumulate, FORMAT, count))
}

PLK_MULTIVERSION
void plk_random_uniform(void *y, float low, float high, uint64_t seed, uint64_t stream, int format, int64_t first,
                        int64_t count) {
  uint32_t words[WORDS];
  for (int64_t start = 0; start < count; start += WORDS) {
    fill_words(words, seed, stream, (uint64_t)(first + start) / 4);
    const int64_t end = count - start < WORDS ? count - start : WORDS;
    for (int64_t i = 0; i < end; i++) {
      // 24 bits fit a float exactly; the sum may still round up to high, which the range excludes.
      const float value = low + (high - low) * ((float)(words[i] >> 8) * 0x1p-24f);
      plk_store(y, format, start + i, value < high ? value : low);
    }
  }
}

PLK_MULTIVERSION
void plk_random_normal(void *y, float mean, float standard_deviation, uint64_t seed, uint64_t stream, int format,
                       int64_t first, int64_t count) {
  uint32_t words[WORDS];
  float values[WORDS];
  for (int64_t start = 0; start < count; start += WORDS) {
    fill_words(words, seed, stream, (uint64_t)(first + start) / 4);
    plk_normals(values, words, mean, standard_deviation, WORDS / 2);
    const int64_t end = count - start < WORDS ? count - start : WORDS;
    for (int64_t i = 0; i < end; i++) plk_store(y, format, start + i, values[i]);
  }
}

// Sixteen random bits below the half that stays: a number between two bfloat16s goes up as often as it is near the
// upper one. Infinity stays what it is, for all of its lower half is zero. Four words serve eight numbers: their upper
// halves the first four, their lower halves the others.
PLK_MULTIVERSION
void plk_round_stochastically(uint16_t *restrict y, const float *restrict x, uint64_t seed, uint64_t stream,
                              int64_t first, int64_t count) {
  uint32_t words[WORDS];
  uint16_t halves[2 * WORDS];
  for (int64_t start = 0; start < count; start += 2 * WORDS) {
    fill_words(words, seed, stream, (uint64_t)(first + start) / 8);
    for (int group = 0; group < GROUPS; group++) {
      for (int i = 0; i < 4; i++) {
        halves[8 * group + i] = (uint16_t)(words[4 * group + i] >> 16);
        halves[8 * group + 4 + i] = (uint16_t)words[4 * group + i];
      }
    }
    const int64_t end = count - start < 2 * WORDS ? count - start : 2 * WORDS;
    for (int64_t i = 0; i < end; i++) {
      const uint32_t bits = plk_bits(x[start + i]);
      const uint32_t rounded = (bits + halves[i]) >> 16;
      y[start + i] = (uint16_t)((bits & 0x7FFFFFFFu) > 0x7F800000u ? bits >> 16 | 0x40u : rounded);
    }
  }
}
