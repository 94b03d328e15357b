/// Which tensors of a decoder layer a gradient flows through, given what trains in it and below it.
struct GradientNeeds {
  /// The stream that enters the layer.
  let stream: Bool
  let attentionNormed: Bool
  let query: Bool
  let key: Bool
  let value: Bool
  let middle: Bool
  let mlpNormed: Bool
  let gate: Bool
  let up: Bool
  /// Whether backward comes by at all.
  let layer: Bool

  var context: Bool { query || key || value }
  var product: Bool { gate || up }

  /// Nothing: for a forward pass whose tensors nobody will ask for.
  static let none = GradientNeeds()

  private init() {
    stream = false
    attentionNormed = false
    query = false
    key = false
    value = false
    middle = false
    mlpNormed = false
    gate = false
    up = false
    layer = false
  }

  init(_ layer: LayerWeights, trainsBelow: Bool) {
    stream = trainsBelow
    attentionNormed = trainsBelow || layer.attentionNorm.weight.isTrained
    query = attentionNormed || layer.query.trains || layer.queryNorm?.weight.isTrained == true
    key = attentionNormed || layer.key.trains || layer.keyNorm?.weight.isTrained == true
    value = attentionNormed || layer.value.trains
    middle = trainsBelow || query || key || value || layer.output.trains
    mlpNormed = middle || layer.mlpNorm.weight.isTrained
    gate = mlpNormed || layer.gate.trains
    up = mlpNormed || layer.up.trains
    self.layer = middle || gate || up || layer.down.trains
  }
}
