import Modeling

/// Which tensors of a step need a gradient, from the embedding up.
struct RequiresGrad: Sendable {
  /// Whether every parameter of the base model trains.
  let trainsBase: Bool
  let layers: [LayerGradients]

  /// Whether the stream behind the last layer needs a gradient.
  var lastStream: Bool { layers.last?.output ?? trainsBase }

  init(of spec: ModelSpec, method: Method) {
    let trainsBase = method == .full
    self.trainsBase = trainsBase
    var stream = trainsBase
    var layers: [LayerGradients] = []
    layers.reserveCapacity(spec.layerCount)
    for index in 0..<spec.layerCount {
      let modules = spec.linearModules(index)
      let trained = modules.filter { trainsBase || method.adapter?.targets.match($0) == true }
      let layer = LayerGradients(
        of: spec, input: stream, trained: Set(trained.map(\.role)), trainsBase: trainsBase)
      stream = layer.output
      layers.append(layer)
    }
    self.layers = layers
  }
}
