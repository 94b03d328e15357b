import Bookkeeping
import Modeling

// Shape letters here: b sequences, s tokens of one, N = b·(s−1) tokens with a label, H hidden, V vocabulary.

extension TorchModel {
  /// Rows and columns of TRL's tile of logits.
  ///
  /// Source: trl/kernels/chunked_logprob.py, `TOKEN_CHUNK_SIZE`; trainer/utils.py,
  /// `_CHUNKED_LOGPROB_CHUNK_SIZE`. The tile is as wide as that even where the vocabulary is smaller.
  private static var tileRows: Int { 4096 }
  private static var tileColumns: Int { 32768 }

  /// Head and loss in the one operation that the stack has for them.
  func fusedLoss(_ tape: inout Tape, _ hidden: Tensor) -> HeadResult {
    switch policy.choices.fusedHead {
    case .trl: chunkedLogProbabilityLoss(&tape, hidden)
    case .liger: ligerLoss(&tape, hidden)
    case .unsloth: unslothLoss(&tape, hidden)
    }
  }

  /// TRL's fused head: log-probabilities from one tile of logits after the other, made again in backward.
  ///
  /// Source: trl/kernels/chunked_logprob.py, `ChunkedLogProbFunction`; trainer/utils.py, `add_fused_lm_head`.
  private func chunkedLogProbabilityLoss(_ tape: inout Tape, _ hidden: Tensor) -> HeadResult {
    tape.enter(.head)
    let rows = microBatch * max(1, sequence - 1)
    let indices = tape.openNamed("fused_head.positions", [2, rows], .int64, .batch)
    let shifted = tape.slice(hidden, [microBatch, max(1, sequence - 1), spec.hiddenSize])
    let selected = tape.apply(
      "fused_head.hidden", to: [shifted], shape: [rows, spec.hiddenSize], format: hidden.format, saving: [indices],
      rule: Rules.fresh)
    tape.drop(indices)
    let targets = tape.openNamed("fused_head.targets", [rows], .int64, .batch)
    let logProbabilities = chunkedLogProbabilities(&tape, selected, targets, rows: rows)
    tape.drop(targets)
    tape.drop(selected)
    tape.enter(.loss)
    // `new_zeros(mask.shape).masked_scatter(mask, x)`, the negation, the sum.
    let scattered = tape.scale("fused_head.scattered", logProbabilities)
    let negated = tape.scale("fused_head.negated", scattered)
    let loss = tape.mean("loss", negated, [1])
    for tensor in [negated, scattered, logProbabilities, shifted, hidden] { tape.drop(tensor) }
    return HeadResult(loss: loss, outputs: [])
  }

  private func chunkedLogProbabilities(
    _ tape: inout Tape, _ hidden: Tensor, _ targets: Tensor, rows: Int
  ) -> Tensor {
    let vector: Shape = [rows]
    let compute = policy.autocast ?? hidden.format
    let statistics = [
      "maximum", "sum_exp", "x_sum_exp", "sq_sum_exp", "z_sum", "max_before_target", "target_logit",
    ].map { tape.open("fused_head." + $0, vector, .fp32, .logits) }
    let tile = openTile(&tape, rows: rows, compute)
    borrowChunks(&tape, hidden, compute)
    let logNormalizer = tape.open("fused_head.log_normalizer", vector, .fp32, .logits)
    let entropy = tape.open("fused_head.entropy", vector, .fp32, .logits)
    let head = weights.head
    let saving = [hidden, head, targets, logNormalizer, entropy]
    let result = tape.apply(
      "fused_head.log_probabilities", to: [hidden, head], shape: vector, format: .fp32, account: .logits,
      saving: saving
    ) { tape, _, edges in
      var sums: [Tensor?] = edges.map {
        $0.isNeeded ? tape.openFlow($0, $0.shape, .fp32) : nil
      }
      let tile = openTile(&tape, rows: rows, compute)
      borrowChunks(&tape, hidden, compute)
      for (index, edge) in edges.enumerated() {
        guard let sum = sums[index], edge.format != .fp32 else { continue }
        sums[index] = tape.open(edge)
        tape.drop(sum)
      }
      tape.drop(tile)
      return sums
    }
    for tensor in [entropy, logNormalizer, tile] { tape.drop(tensor) }
    for tensor in statistics.reversed() { tape.drop(tensor) }
    return result
  }

  private func openTile(_ tape: inout Tape, rows: Int, _ compute: ScalarFormat) -> Tensor {
    tape.open("fused_head.tile", [min(rows, TorchModel.tileRows), TorchModel.tileColumns], compute, .logits)
  }

  /// The compute format's copies of a tile's hidden states and of its slice of the head, where those have another.
  private func borrowChunks(_ tape: inout Tape, _ hidden: Tensor, _ compute: ScalarFormat) {
    let rows = min(hidden.shape.extents[0], TorchModel.tileRows)
    let columns = min(spec.vocabularySize, TorchModel.tileColumns)
    let states =
      hidden.format == compute
      ? Tensor.void : tape.open("fused_head.hidden.tile", [rows, spec.hiddenSize], compute, .workspace)
    let head =
      weights.head.format == compute
      ? Tensor.void : tape.open("fused_head.weight.tile", [columns, spec.hiddenSize], compute, .workspace)
    tape.drop(head)
    tape.drop(states)
  }
}
