// Rotary position embedding (Su et al. 2021, equation 34), with the halves of a head as the pairs.
#include <math.h>

#include "Number.h"

void plk_rotary_tables(float *restrict cosine, float *restrict sine, const float *restrict inverse_frequencies,
                       float attention_scaling, int64_t positions, int64_t half) {
  for (int64_t position = 0; position < positions; position++)
    for (int64_t i = 0; i < half; i++) {
      // The angle is rounded to fp32, as transformers' rotary module does under its float() cast; only the
      // functions themselves are taken in double precision.
      const float angle = (float)position * inverse_frequencies[i];
      cosine[position * half + i] = (float)cos((double)angle) * attention_scaling;
      sine[position * half + i] = (float)sin((double)angle) * attention_scaling;
    }
}

PLK_INLINE void rotate(void *restrict x, const float *restrict cosine, const float *restrict sine, float direction,
                       int format, int64_t heads, int64_t half) {
  for (int64_t head = 0; head < heads; head++) {
    void *restrict first = plk_at_mutable(x, format, head * 2 * half);
    void *restrict second = plk_at_mutable(first, format, half);
    for (int64_t i = 0; i < half; i++) {
      const float a = plk_load(first, format, i), b = plk_load(second, format, i);
      const float c = cosine[i], s = direction * sine[i];
      plk_store(first, format, i, a * c - b * s);
      plk_store(second, format, i, b * c + a * s);
    }
  }
}

PLK_MULTIVERSION
void plk_rotary_apply(void *restrict x, const float *restrict cosine, const float *restrict sine, float direction,
                      int format, int64_t heads, int64_t half) {
  PLK_FORMATS(format, rotate(x, cosine, sine, direction, FORMAT, heads, half))
}
