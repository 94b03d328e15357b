import Modeling

/// What trains in one decoder layer.
struct LayerTraining: Hashable, Sendable {
  /// The linear layers whose own weight trains.
  var weights: Set<Parameter.Linear> = []
  /// The linear layers whose bias trains.
  var biases: Set<Parameter.Linear> = []
  /// The linear layers that a method has wrapped.
  var wrapped: Set<Parameter.Linear> = []
  /// Whether the norms of the stream train, themselves or by a copy.
  var norms = false
  /// Whether the norms of queries and keys train.
  var headNorms = false
  /// Whether a mixture's experts and router train.
  var experts = false
  /// Whether adapters are on a mixture's experts.
  var expertAdapters = false
  /// Whether trained keys and values stand before those of the sequence.
  var prefix = false

  /// The linear layers whose output needs a gradient whatever their input does.
  var trained: Set<Parameter.Linear> { weights.union(biases).union(wrapped) }

  init() {}

  init(of spec: ModelSpec, method: Method, layer: Int, hasStackedExperts: Bool) {
    for parameter in spec.layerParameters(layer) {
      let trains = method.trains(parameter, of: spec)
      switch parameter.role {
      case .linear(let role) where trains: weights.insert(role)
      case .linearBias(let role) where trains: biases.insert(role)
      case .norm(let place), .normBias(let place):
        guard trains || method.copies(parameter, of: spec) else { continue }
        if place == .query || place == .key { headNorms = true } else { norms = true }
      case .expert, .router:
        if trains { experts = true }
      default: continue
      }
    }
    if let wrapping = method.wrapping {
      wrapped = Set(spec.linearModules(layer).filter(wrapping.targets.match).map(\.role))
      expertAdapters =
        hasStackedExperts
        ? ExpertAdapters(of: spec, method: method) != nil
        : spec.expertModules(layer).contains(where: wrapping.targets.match)
    }
    prefix = method.virtualTokens.map { $0.tokensInKeys > 0 } ?? false
  }
}
