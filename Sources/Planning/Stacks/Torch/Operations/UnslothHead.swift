import Bookkeeping
import Modeling

// Shape letters here: T tokens, N of them with a label, H hidden, V vocabulary, R rows of a chunk.

extension TorchModel {
  /// Unsloth's fused head: fp32 logits of a chunk of rows, or of tiles of them, become gradients of the hidden states in
  /// the forward pass.
  ///
  /// Cards of up to 24.5 GiB, and larger ones from 4096 labeled rows on, take tiles of 16384 columns or as many as 256
  /// MiB hold; others whole rows, at least 512·151936/V and at most 4096 of them. Rows are chosen by index, so that they
  /// are copied. Source: unsloth_zoo/fused_losses/fused_linear.py, `_ce_impl`, `fused_linear_rows`, `_tiled_layout`,
  /// `_tiled_forward`, for compute capability 8.0 and later. Takes over the reference to `hidden`.
  func unslothLoss(_ tape: inout Tape, _ hidden: Tensor) -> HeadResult {
    tape.enter(.head)
    let (width, vocabulary) = (spec.hiddenSize, spec.vocabularySize)
    let labeled = microBatch * max(1, sequence - 1)
    let compute = policy.autocast ?? weights.head.format
    let targets = tape.openNamed(TensorName.labels + ".shifted", [microBatch, sequence], .int64, .batch)
    let index = tape.openNamed("unsloth_head.rows", [labeled], .int64, .batch)
    let gradient = tape.open("unsloth_head.hidden.grad", [tokens, width], hidden.format, .logits)
    let head =
      weights.head.format == compute
      ? Tensor.void : tape.open("unsloth_head.weight.cast", weights.head.shape, compute, .workspace)
    let probabilities = tape.open("unsloth_head.log_probabilities", [labeled], .fp32, .logits)
    let splits = (vocabulary + TorchModel.splitColumns - 1) / TorchModel.splitColumns
    let isTiled = splits > 2 && (policy.isSmallCard || labeled >= 4096)
    let chunk = isTiled ? tile(labeled, splits: splits) : wholeRows(labeled)
    let buffer = tape.open("unsloth_head.chunk", [chunk.rows, (chunk.columns + 7) / 8 * 8], .fp32, .logits)
    let states = tape.open("unsloth_head.hidden.rows", [chunk.rows, width], compute, .workspace)
    let parts = tape.open("unsloth_head.statistics", [8, splits, chunk.rows], .fp32, .logits)
    let product = tape.open("unsloth_head.hidden.flow", [chunk.rows, width], .fp32, .logits)
    let rounded =
      isTiled || hidden.format == .fp32
      ? Tensor.void : tape.open("unsloth_head.hidden.flow.cast", [chunk.rows, width], hidden.format, .logits)
    for tensor in [rounded, product, parts, states, buffer, probabilities, head, index, targets] { tape.drop(tensor) }
    tape.enter(.loss)
    let loss = tape.open("loss", [1], .fp32)
    // Backward divides by the scale into a tensor of its own (`fused_linear_scale_rows`).
    let results = tape.applyFunction(to: [hidden], making: [loss], saving: [gradient], rule: Rules.fresh)
    for tensor in [gradient, hidden] { tape.drop(tensor) }
    return HeadResult(loss: results[0], outputs: [])
  }

  /// `_SPLIT_COLS`.
  private static var splitColumns: Int { 16384 }

  private func wholeRows(_ labeled: Int) -> (rows: Int, columns: Int) {
    func floorPower(_ number: Int) -> Int {
      let power = TorchModel.nextPowerOfTwo(max(1, number))
      return power > number ? max(1, power / 2) : power
    }
    let vocabulary = spec.vocabularySize
    let least = min(max(floorPower(512 * 151936 / vocabulary), 512), 4096)
    let rows = min(max(floorPower(labeled * spec.hiddenSize / vocabulary), least), 4096)
    return (min(rows, (2 << 30) / (vocabulary * 4), labeled), vocabulary)
  }

  private func tile(_ labeled: Int, splits: Int) -> (rows: Int, columns: Int) {
    let budget = 256 << 20
    let step = TorchModel.splitColumns
    let rows = max(min(4096, labeled, budget / (step * 4)), 1)
    let columns = policy.isSmallCard ? step : max(budget / (rows * 4), step)
    return (rows, min(columns - columns % step, splits * step))
  }
}
