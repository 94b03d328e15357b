import Bookkeeping
import Modeling

// Shape letters here: T tokens, V vocabulary.

extension TorchModel {
  /// Cross-entropy of materialized logits in one kernel, which keeps them and a number a row; takes over the reference.
  ///
  /// The gradient is written over the logits, or into a tensor of its own. Vocabularies beyond 65536 are reduced in
  /// pieces. Sources: liger_kernel/ops/cross_entropy.py, `LigerCrossEntropyFunction`;
  /// fms_acceleration_foak/kernels/unsloth/cross_entropy_loss.py and unsloth/kernels/cross_entropy_loss.py,
  /// `Fast_CrossEntropyLoss`.
  func fusedCrossEntropy(_ tape: inout Tape, consuming logits: Tensor, _ prefix: String) -> Tensor {
    let rows = logits.count / spec.vocabularySize
    let writesInPlace = policy.choices.crossEntropy == .inPlace
    let labels = tape.open(prefix + TensorName.labels + ".shifted", [rows], .int64, .batch)
    let losses = tape.open(prefix + "losses", [rows], .fp32, .logits)
    let pieces = (spec.vocabularySize + 65535) / 65536
    let partial = pieces > 1 ? tape.open(prefix + "logsumexp.pieces", [rows, pieces], .fp32, .logits) : Tensor.void
    let logsumexp = tape.open(prefix + "logsumexp", [rows], .fp32, .logits)
    tape.drop(partial)
    let results = tape.applyFunction(to: [logits], making: [losses], saving: [logits, logsumexp, labels]) {
      tape, _, edges in
      guard edges[0].isNeeded else { return [nil] }
      return [writesInPlace ? tape.overwrite(0, as: edges[0]) : tape.open(edges[0])]
    }
    let loss = tape.mean(prefix + "loss", results[0], [1])
    for tensor in [logsumexp, losses, labels, logits] { tape.drop(tensor) }
    return loss
  }
}
