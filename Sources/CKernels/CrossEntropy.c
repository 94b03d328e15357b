// Cross-entropy over the vocabulary, a row at a time: a row fits the second-level cache, so memory is read once and
// written once whatever the number of passes here.
#include <math.h>

#include "CKernels.h"
#include "SoftmaxRow.h"

PLK_MULTIVERSION
double plk_cross_entropy_gradient(float *logits, float gradient_scale, int64_t label, int64_t vocabulary) {
  const float largest = plk_largest(logits, vocabulary);
  const double chosen = (double)logits[label];
  const double sum = plk_exponentials(logits, logits, largest, vocabulary);
  const float factor = (float)((double)gradient_scale / sum);
  // The label's own element is a difference of near numbers once the model is sure: taken in double precision.
  const double probability = (double)logits[label] / sum;
  for (int64_t i = 0; i < vocabulary; i++) logits[i] *= factor;
  logits[label] = (float)((probability - 1.0) * (double)gradient_scale);
  return log(sum) + (double)largest - chosen;
}

PLK_MULTIVERSION
double plk_cross_entropy(const float *logits, int64_t label, int64_t vocabulary) {
#pragma clang fp reassociate(on)
  const float largest = plk_largest(logits, vocabulary);
  double total = 0;
  for (int64_t start = 0; start < vocabulary; start += PLK_CHUNK) {
    const int64_t end = start + PLK_CHUNK < vocabulary ? start + PLK_CHUNK : vocabulary;
    float sum = 0;
    for (int64_t i = start; i < end; i++) sum += plk_exp(logits[i] - largest);
    total += (double)sum;
  }
  return log(total) + (double)largest - (double)logits[label];
}
