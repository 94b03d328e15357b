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
    // Only names can tell layers apart.
    let trainedEverywhere = method.namesModules ? nil : method.trainedRoles(of: spec, layer: 0)
    var stream = trainsBase
    var layers: [LayerGradients] = []
    layers.reserveCapacity(spec.layerCount)
    for index in 0..<spec.layerCount {
      let layer = LayerGradients(
        of: spec, input: stream, trained: trainedEverywhere ?? method.trainedRoles(of: spec, layer: index),
        trainsBase: trainsBase)
      stream = layer.output
      layers.append(layer)
    }
    self.layers = layers
  }
}

extension Method {
  /// Whether adapters go by the names of modules, which may name a layer.
  var namesModules: Bool {
    if case .modules = adapter?.targets { true } else { false }
  }

  /// The linear layers of a layer that train, by themselves or through an adapter.
  func trainedRoles(of spec: ModelSpec, layer: Int) -> Set<Parameter.Linear> {
    let modules = spec.linearModules(layer)
    guard let adapter else { return Set(modules.map(\.role)) }
    return Set(modules.filter(adapter.targets.match).map(\.role))
  }
}
