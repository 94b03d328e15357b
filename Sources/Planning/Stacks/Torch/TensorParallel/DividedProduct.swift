import Bookkeeping
import Modeling

// Shape letters here: b sequences, s tokens of one, T = b·s, H hidden, V vocabulary, t GPUs.

/// Transformers' tensor parallelism on DTensors, as `tp_plan="auto"` sets it up for Llama and its like.
///
/// Sources: transformers distributed/tensor_parallel.py (`ColwiseParallel`, `RowwiseParallel`, `EmbeddingParallel`) and
/// distributed/mixin.py, `post_init_plans`; torch distributed/tensor/_api.py (`_FromTorchTensor`) and _redistribute.py
/// (`Redistribute`), whose collectives are functional: each answers in a tensor of its own.
extension TorchModel {
  /// A linear layer of the decoder whose weight is divided.
  ///
  /// Columns: the input's gradient is summed over GPUs, layer by layer. Rows: the result is.
  func dividedProduct(
    _ tape: inout Tape, _ linear: TorchWeights.Linear, _ weight: Tensor, _ x: Tensor, _ name: String
  ) -> Tensor {
    let width = linear.module.output
    switch linear.module.role {
    case .output, .down:
      let partial = product(&tape, name + ".partial", x, weight, width: width)
      let sum = tape.apply(name, to: [partial], shape: partial.shape, format: partial.format, rule: Rules.passing)
      tape.drop(partial)
      return sum
    case .query, .key, .value, .queryKeyValue, .gate, .up, .gateUp, .sharedGate:
      let input = replicated(&tape, x)
      let result = product(&tape, name, input, weight, bias: linear.bias, width: width)
      tape.drop(input)
      return result
    }
  }

  /// What every GPU has whole: its gradient, of which each GPU has a part, is summed into a tensor of its own
  /// (`_FromTorchTensor.backward`).
  private func replicated(_ tape: inout Tape, _ x: Tensor) -> Tensor { tape.view(x, as: x.shape, rule: Rules.fresh) }

  /// Scores of this GPU's rows of the vocabulary, gathered: side by side first, then token by token
  /// (`colwise_gather_output`; torch distributed/_functional_collectives.py, `all_gather_tensor`).
  func gatheredLogits(_ tape: inout Tape, _ hidden: Tensor) -> Tensor {
    let input = replicated(&tape, hidden)
    let own = product(
      &tape, TensorName.logits + ".own", input, weights.head, bias: weights.headBias, width: spec.vocabularySize,
      account: .logits)
    tape.drop(input)
    let rows = Array(own.shape.extents.dropLast())
    let parts = tape.open(
      TensorName.logits + ".parts",
      Shape([policy.tensorParallelSize * (rows.first ?? 1)] + own.shape.extents.dropFirst()),
      own.format, .logits)
    let whole = tape.apply(
      TensorName.logits, to: [own], shape: Shape(rows + [policy.tensorParallelSize * spec.vocabularySize]),
      format: own.format, account: .logits, rule: Rules.fresh)
    tape.drop(parts)
    tape.drop(own)
    return whole
  }

  /// A lookup in this GPU's rows, summed over GPUs; the table's gradient has the rows of all, for each GPU sees every
  /// token's (torch distributed/tensor/_ops/_embedding_ops.py, `embedding_dense_backward`, and _MaskPartial).
  func dividedLookUp(_ tape: inout Tape, _ name: String, _ table: Tensor, _ account: Account) -> Tensor {
    let tokens = tape.open("embedding.masked_tokens", [microBatch, sequence], .int64)
    let mask = tape.open("embedding.token_mask", [microBatch, sequence], .bool)
    let whole: Shape = [policy.tensorParallelSize * spec.vocabularySize, spec.hiddenSize]
    let partial = tape.apply("embedding.partial", to: [table], shape: hiddenShape, format: table.format) {
      tape, _, edges in
      guard edges[0].isNeeded else { return [nil] }
      return [tape.openNamed(TensorName.gradient(of: edges[0].name), whole, edges[0].format, .gradients)]
    }
    tape.drop(tokens)
    tape.drop(mask)
    let sum = tape.apply(
      name, to: [partial], shape: hiddenShape, format: partial.format, account: account, rule: Rules.passing)
    tape.drop(partial)
    return sum
  }
}

extension Tape {
  /// This GPU's rows of a gradient that is there whole, cut out for an operation on rows that are divided.
  mutating func cutOut(_ gradient: Tensor, like share: Tensor) -> Tensor {
    openNamed(gradient.name + ".own", share.shape, gradient.format, .gradients)
  }

  /// Gradients that are whole beside parameters that are divided, cut out for the update; the caller's to drop.
  mutating func cutOutGradients() -> [Tensor] {
    leaves.filter(\.isParameter).compactMap { leaf in
      guard let gradient = leaf.gradient, gradient.count > leaf.tensor.count else { return nil }
      return cutOut(gradient, like: leaf.tensor)
    }
  }
}
