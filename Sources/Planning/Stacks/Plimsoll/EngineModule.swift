import Bookkeeping
import Modeling

// Shape letters here: T tokens, r rank.

/// One linear layer as the engine runs it.
struct EngineModule {
  let module: LinearModule
  let isQuantized: Bool
  /// Whether the weight itself trains, and the bias with it.
  let weightTrains: Bool
  let adapter: LoRA?

  var layer: Int { module.layer }
  var weightName: String { module.name + ".weight" }
  var biasName: String { module.name + ".bias" }
  /// `[out, in]`.
  var weightShape: Shape { [module.output, module.input] }

  var loraAName: String { TensorName.loraA(module.name) }
  var loraBName: String { TensorName.loraB(module.name) }
  var loraDownName: String { TensorName.loraDown(layer, module.shortName) }
  var droppedName: String { TensorName.dropped(layer, module.shortName) }
  var maskName: String { TensorName.dropoutMask(layer, module.shortName) }

  /// `[r, in]`.
  func loraAShape(_ adapter: LoRA) -> Shape { [adapter.rank, module.input] }
  /// `[out, r]`.
  func loraBShape(_ adapter: LoRA) -> Shape { [module.output, adapter.rank] }

  /// The linear layers of layer `index`, by what they do.
  static func modules(of spec: ModelSpec, layer index: Int, method: Method) -> [Parameter.Linear: EngineModule] {
    var modules: [Parameter.Linear: EngineModule] = [:]
    for module in spec.linearModules(index) {
      let adapter = method.adapter.flatMap { $0.targets.match(module) ? $0 : nil }
      modules[module.role] = EngineModule(
        module: module, isQuantized: method.quantization != nil, weightTrains: method == .full, adapter: adapter)
    }
    return modules
  }
}
