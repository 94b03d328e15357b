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
void plk_logsumexp_add(float *largest, float *sum, const float *logits, int64_t count) {
#pragma clang fp reassociate(on)
  const float before = *largest;
  const float own = plk_largest(logits, count);
  const float now = own > before ? own : before;
  double total = *sum == 0 ? 0 : (double)*sum * exp((double)before - (double)now);
  for (int64_t start = 0; start < count; start += PLK_CHUNK) {
    const int64_t end = start + PLK_CHUNK < count ? start + PLK_CHUNK : count;
    float part = 0;
    for (int64_t i = start; i < end; i++) part += plk_exp(logits[i] - now);
    total += (double)part;
  }
  *largest = now;
  *sum = (float)total;
}

double plk_logsumexp(float largest, float sum) { return log((double)sum) + (double)largest; }

PLK_MULTIVERSION
void plk_cross_entropy_slice(float *logits, float largest, float sum, float gradient_scale, int64_t label,
                             int64_t count) {
  const double chosen = label >= 0 && label < count ? exp((double)logits[label] - (double)largest) : 0;
  const float factor = (float)((double)gradient_scale / (double)sum);
  for (int64_t i = 0; i < count; i++) logits[i] = plk_exp(logits[i] - largest) * factor;
  if (label >= 0 && label < count) logits[label] = (float)((chosen / (double)sum - 1.0) * (double)gradient_scale);
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
