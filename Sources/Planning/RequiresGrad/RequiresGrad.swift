import Bookkeeping
import Modeling

/// Which tensors of a step need a gradient, from the embedding up.
struct RequiresGrad: Sendable {
  /// Whether every parameter of the base model trains.
  let trainsBase: Bool
  /// Whether the embedding table trains, itself or by a copy.
  let embedding: Bool
  /// Whether the final norm does.
  let finalNorm: Bool
  /// Whether the head does.
  let head: Bool
  let layers: [LayerGradients]

  /// Whether the stream behind the last layer needs a gradient.
  var lastStream: Bool { layers.last?.output ?? embedding }

  init(of spec: ModelSpec, method: Method, hasStackedExperts: Bool = true) {
    trainsBase = method == .full
    func trains(_ matches: (Parameter.Role) -> Bool) -> Bool {
      spec.outerParameters.contains {
        matches($0.role) && (method.trains($0, of: spec) || method.copies($0, of: spec))
      }
    }
    embedding = trains { $0 == .embedding || $0 == .positionEmbedding }
    finalNorm = trains { $0 == .norm(.final) || $0 == .normBias(.final) }
    let headName = Parameter(name: spec.headModule + ".weight", shape: [1], role: .head)
    head =
      method.copies(headName, of: spec) || trains { $0 == .head || $0 == .headBias }
      || (spec.tiesEmbeddings && spec.outerParameters.contains { $0.role == .embedding && method.trains($0, of: spec) })
    func training(_ layer: Int) -> LayerTraining {
      LayerTraining(of: spec, method: method, layer: layer, hasStackedExperts: hasStackedExperts)
    }
    let everywhere = method.namesLayers ? nil : training(0)
    var stream = embedding || (method.virtualTokens.map { $0.tokensInStream > 0 } ?? false)
    var layers: [LayerGradients] = []
    layers.reserveCapacity(spec.layerCount)
    for index in 0..<spec.layerCount {
      let layer = LayerGradients(
        of: spec, input: stream, training: everywhere ?? training(index))
      stream = layer.output
      layers.append(layer)
    }
    self.layers = layers
  }
}

extension Method {
  /// Whether layers may differ in what trains: names of modules may tell them apart, and freeze tuning does.
  var namesLayers: Bool {
    if case .partial(.layers) = self { return true }
    if case .modules(let names) = wrapping?.targets {
      // A name of a module's last part, such as `q_proj`, is in every layer.
      return names.contains { $0.contains(".") }
    }
    return false
  }
}
