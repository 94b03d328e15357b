import Bookkeeping
import Modeling

// Shape letters here: T tokens, r rank.

/// One linear layer as the engine runs it.
struct EngineModule {
  let module: LinearModule
  /// Whether the weight itself trains, and the bias with it.
  let weightTrains: Bool
  let adapter: LoRA?

  let weightName: String
  let loraAName: String
  let loraBName: String
  let loraDownName: String
  let droppedName: String
  let maskName: String

  init(_ module: LinearModule, method: Method) {
    self.module = module
    weightTrains = method == .full
    adapter = method.adapter.flatMap { $0.targets.match(module) ? $0 : nil }
    weightName = module.name + ".weight"
    loraAName = TensorName.loraA(module.name)
    loraBName = TensorName.loraB(module.name)
    let shortName = adapter == nil ? "" : module.shortName
    loraDownName = TensorName.loraDown(module.layer, shortName)
    droppedName = TensorName.dropped(module.layer, shortName)
    maskName = TensorName.dropoutMask(module.layer, shortName)
  }

  var layer: Int { module.layer }
  var biasName: String { module.name + ".bias" }
  /// `[out, in]`.
  var weightShape: Shape { [module.output, module.input] }

  /// `[r, in]`.
  func loraAShape(_ adapter: LoRA) -> Shape { [adapter.rank, module.input] }
  /// `[out, r]`.
  func loraBShape(_ adapter: LoRA) -> Shape { [module.output, adapter.rank] }

  /// The linear layers of layer `index`, by what they do.
  static func modules(of spec: ModelSpec, layer index: Int, method: Method) -> [Parameter.Linear: EngineModule] {
    var modules: [Parameter.Linear: EngineModule] = [:]
    for module in spec.linearModules(index) { modules[module.role] = EngineModule(module, method: method) }
    return modules
  }
}
