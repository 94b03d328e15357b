// Pairs of normally distributed numbers from pairs of random words, without branches, so that loops vectorize.
#ifndef PLK_NORMAL_H
#define PLK_NORMAL_H

#include "Multiversion.h"

// ln x of a normal number, to 1e-12 of its magnitude or 1e-13.
//
// x = 2^k m with m within [sqrt(1/2), sqrt(2)), and ln m = 2 artanh(s), s = (m - 1) / (m + 1), |s| < 0.1716: the
// series' first neglected term is 2 s^15 / 15 < 5e-13.
PLK_INLINE double plk_logarithm(double x) {
  uint64_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  // The exponent counts from the mantissa of sqrt(1/2).
  const uint64_t shifted = bits - 0x3FE6A09E667F3BCDu;
  const int32_t exponent = (int32_t)(shifted >> 32) >> 20;
  bits = (shifted & 0x000FFFFFFFFFFFFFu) + 0x3FE6A09E667F3BCDu;
  double m;
  __builtin_memcpy(&m, &bits, sizeof m);
  const double s = (m - 1.0) / (m + 1.0), z = s * s;
  const double series =
      1.0 + z * (1.0 / 3 + z * (1.0 / 5 + z * (1.0 / 7 + z * (1.0 / 9 + z * (1.0 / 11 + z * (1.0 / 13))))));
  return 0.6931471805599453 * (double)exponent + 2.0 * s * series;
}

// sin and cos of 2 pi (word + 1/2) / 2^32, to 1e-13: the nearest quarter turn, and Taylor's polynomials of what is
// left, at most pi / 4 either way.
PLK_INLINE void plk_turn(double *sine, double *cosine, uint32_t word) {
  const uint32_t quarter = (word + 0x20000000u) >> 30;
  const double x = ((double)(int32_t)(word - (quarter << 30)) + 0.5) * (6.283185307179586 * 0x1p-32), z = x * x;
  const double s3 = -1.0 / 6, s5 = 1.0 / 120, s7 = -1.0 / 5040, s9 = 1.0 / 362880, s11 = -1.0 / 39916800,
               s13 = 1.0 / 6227020800;
  const double c2 = -1.0 / 2, c4 = 1.0 / 24, c6 = -1.0 / 720, c8 = 1.0 / 40320, c10 = -1.0 / 3628800,
               c12 = 1.0 / 479001600, c14 = -1.0 / 87178291200;
  const double s = x * (1.0 + z * (s3 + z * (s5 + z * (s7 + z * (s9 + z * (s11 + z * s13))))));
  const double c = 1.0 + z * (c2 + z * (c4 + z * (c6 + z * (c8 + z * (c10 + z * (c12 + z * c14))))));
  const double a = quarter & 1 ? c : s, b = quarter & 1 ? s : c;
  *sine = quarter & 2 ? -a : a;
  *cosine = quarter == 1 || quarter == 2 ? -b : b;
}

// Box and Muller 1958: words 2i and 2i + 1 become values 2i and 2i + 1.
PLK_INLINE void plk_normals(float *restrict values, const uint32_t *restrict words, double mean,
                            double standard_deviation, int64_t pairs) {
  for (int64_t i = 0; i < pairs; i++) {
    // Halves keep the uniform off zero, where the logarithm has no value.
    const double uniform = ((double)words[2 * i] + 0.5) * 0x1p-32;
    const double radius = standard_deviation * __builtin_elementwise_sqrt(-2.0 * plk_logarithm(uniform));
    double sine, cosine;
    plk_turn(&sine, &cosine, words[2 * i + 1]);
    values[2 * i] = (float)(mean + radius * cosine);
    values[2 * i + 1] = (float)(mean + radius * sine);
  }
}

#endif
