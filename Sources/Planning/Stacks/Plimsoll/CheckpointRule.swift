import Modeling

// Shape letters here: T tokens, H hidden, L layers, n layers a checkpoint.

extension EngineWalk {
  /// The layers in stretches of n that are run again together, or all one by one where nothing is checkpointed.
  ///
  /// Kept are L/n inputs `[T, H]` beside all that n layers at once keep for backward: Chen et al. 2016, section 4.1,
  /// <https://arxiv.org/abs/1604.06174>.
  var segments: [Range<Int>] {
    stride(from: 0, to: spec.layerCount, by: layersPerSegment).map { first in
      first..<min(first + layersPerSegment, spec.layerCount)
    }
  }

  private var layersPerSegment: Int { recipe.usesGradientCheckpointing ? recipe.choices.layersPerCheckpoint : 1 }

  /// Whether what enters `layer` is kept for backward to start from again: it is the first of its stretch that backward
  /// comes to.
  func isCheckpoint(entering layer: Int) -> Bool {
    guard recipe.usesGradientCheckpointing, layer < spec.layerCount, needs.layers[layer].takesPart else { return false }
    return layer.isMultiple(of: layersPerSegment) || !needs.layers[layer - 1].takesPart
  }

  /// Whether a recomputation ends with `layer`, so that nobody reads what would leave it.
  func endsSegment(_ layer: Int) -> Bool {
    layer == spec.layerCount - 1 || (layer + 1).isMultiple(of: layersPerSegment)
  }
}
