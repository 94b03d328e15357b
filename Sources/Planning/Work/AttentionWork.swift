import Bookkeeping
package import Modeling

// Shape letters here: B sequences, S tokens of one, A query heads, D head dimension, q = A·D, w window.

/// Which scores of attention are computed at all.
package enum AttentionWork {
  /// Keys a query of layer `index` may look back on, itself included; `nil` for all before it.
  ///
  /// Gemma 2 limits every other layer, beginning with the first, and Gemma 3 five of six (transformers
  /// configuration_gemma2.py and configuration_gemma3.py, `layer_types`).
  static func window(of spec: ModelSpec, layer index: Int) -> Int? {
    switch spec.architecture {
    case .gemma2: index.isMultiple(of: 2) ? spec.attention.slidingWindow : nil
    case .gemma3: (index + 1).isMultiple(of: 6) ? nil : spec.attention.slidingWindow
    default: spec.attention.slidingWindow
    }
  }

  /// Pairs of a query and a key that one head of one sequence computes a score for.
  ///
  /// The causal half, S·(S + 1)/2: tiled attention skips the blocks above the diagonal, and what it computes of those on
  /// the diagonal is not counted. Within a window of w it is w·(w + 1)/2 + (S − w)·w. Eager attention computes all S²
  /// and masks.
  package static func pairs(sequence: Int, window: Int?, _ implementation: AttentionImplementation) -> Int {
    if implementation == .eager { return sequence * sequence }
    let window = min(window ?? sequence, sequence)
    return window * (window + 1) / 2 + (sequence - window) * window
  }
}

extension StepWork {
  /// Attention between its projections: head norms, rotary embedding, scores, softmax, context.
  ///
  /// Forward is two products of 2·D operations a pair: q·kᵀ and P·v. Backward is four (dV, dP, dQ, dK), and a fifth
  /// where scores were not kept and are made again (Dao et al. 2022, algorithm 4, <https://arxiv.org/abs/2205.14135>).
  mutating func attention(_ needs: LayerGradients, window: Int?, _ phase: WorkSheet.Phase) {
    let isBackward = phase == .backward
    headNorms(needs, phase)
    guard !isBackward || needs.context else { return }
    rotary(phase)
    let pairs =
      recipe.batch.microBatch
      * (AttentionWork.pairs(sequence: sequence, window: window, recipe.attention) + sequence * prefixLength)
    let width = spec.attention.queryWidth
    let products = isBackward ? (recipe.attention == .eager ? 4 : 5) : 2
    book.add(
      "attention", phase, .weightless, isMatrixProduct: true, FLOPs(products * 2 * pairs * width))
    book.elements(
      "softmax", phase, .weightless, pairs * spec.attention.heads,
      cost: isBackward ? ElementCost.softmaxBackward : ElementCost.softmax)
    if isBackward {
      book.elements("softmax", phase, .weightless, tokens * width, cost: ElementCost.softmaxDelta)
    }
  }

  private mutating func headNorms(_ needs: LayerGradients, _ phase: WorkSheet.Phase) {
    let attention = spec.attention
    guard attention.normalizesQueryAndKey else { return }
    norm(
      "query norm", width: attention.headDimension, rows: tokens * attention.heads, phase,
      inputNeedsGradient: needs.query, trains: needs.training.headNorms)
    norm(
      "key norm", width: attention.headDimension, rows: tokens * attention.keyValueHeads, phase,
      inputNeedsGradient: needs.key, trains: needs.training.headNorms)
  }

  /// Queries and keys are turned forward, their gradients back.
  private mutating func rotary(_ phase: WorkSheet.Phase) {
    guard case .rotary(let rotary) = spec.positions else { return }
    let width = spec.attention.queryWidth + spec.attention.keyValueWidth
    let rotated = Int((Double(width) * rotary.rotatedShare).rounded())
    book.elements("rotary", phase, .weightless, tokens * rotated, cost: ElementCost.rotary)
  }
}
