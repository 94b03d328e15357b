/// Part of a model that trains as it is, the rest being frozen.
public enum PartialTraining: Hashable, Sendable {
  /// Whole layers, or some modules of them.
  case layers(LayerFreeze)
  /// The head alone; where it reuses the embedding table, that.
  case head
  /// Every bias (BitFit: Ben Zaken et al. 2021, <https://arxiv.org/abs/2106.10199>).
  case biases

  var name: Method.Name {
    switch self {
    case .layers: .freeze
    case .head: .head
    case .biases: .bitfit
    }
  }

  /// Whether a parameter of the checkpoint trains.
  public func trains(_ parameter: Parameter, of spec: ModelSpec) -> Bool {
    switch self {
    case .layers(let freeze): return freeze.trains(parameter, of: spec)
    case .head:
      if case .headBias = parameter.role { return true }
      return parameter.role == (spec.tiesEmbeddings ? .embedding : .head)
    case .biases: return parameter.name.hasSuffix(".bias")
    }
  }
}

/// LLaMA-Factory's freeze tuning: the last (or first) layers train, or some modules of them, and modules elsewhere if
/// named.
///
/// Source: LLaMA-Factory src/llamafactory/model/adapter.py, `_setup_freeze_tuning`; hparams/finetuning_args.py,
/// `freeze_trainable_layers` (2 by default), `freeze_trainable_modules`, `freeze_extra_modules`.
public struct LayerFreeze: Hashable, Sendable {
  /// How many layers train: the last so many, or, below zero, the first.
  public let layers: Int
  /// Names in the parameters of these layers that train; empty for all of them.
  public let modules: [String]
  /// Names in parameters outside the layers that train too.
  public let extraModules: [String]

  public init(layers: Int = 2, modules: [String] = [], extraModules: [String] = []) throws(RecipeError) {
    guard (-4096...4096).contains(layers) else {
      throw .outOfRange("train-layers", "\(layers)", "between -4096 and 4096")
    }
    guard layers != 0 || !extraModules.isEmpty else {
      throw .outOfRange("train-layers", "0", "a number of layers, last ones or, below 0, first ones")
    }
    self.layers = layers
    self.modules = modules
    self.extraModules = extraModules
  }

  /// The layers of which something trains.
  public func trainedLayers(of spec: ModelSpec) -> Range<Int> {
    let count = min(abs(layers), spec.layerCount)
    return layers < 0 ? 0..<count : (spec.layerCount - count)..<spec.layerCount
  }

  func trains(_ parameter: Parameter, of spec: ModelSpec) -> Bool {
    guard let layer = parameter.layer else {
      return extraModules.contains { spec.isModule($0, of: parameter) }
    }
    guard trainedLayers(of: spec).contains(layer) else { return false }
    return modules.isEmpty || modules.contains { parameter.name.contains(".\($0).") }
  }
}
