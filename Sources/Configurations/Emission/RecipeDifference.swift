import Bookkeeping
package import Modeling

/// A setting in which two recipes differ.
package struct RecipeDifference: Hashable, Sendable {
  package let setting: String
  package let wanted: String
  package let found: String
  /// Whether it is about what trains, and not about the step.
  let isAboutAdapters: Bool

  package var sentence: String { "\(setting) is \(wanted) in the plan, \(found) here" }

  /// Every setting in which two recipes for a model differ.
  package static func between(_ wanted: Recipe, _ found: Recipe, of spec: ModelSpec) -> [RecipeDifference] {
    var differences: [RecipeDifference] = []
    func compare<Value: Equatable>(_ setting: String, _ path: (Recipe) -> Value, isAboutAdapters: Bool = false) {
      let (first, second) = (path(wanted), path(found))
      guard first != second else { return }
      differences.append(
        RecipeDifference(
          setting: setting, wanted: "\(first)", found: "\(second)", isAboutAdapters: isAboutAdapters))
    }
    compare("method", { MethodWords($0.method, of: spec) }, isAboutAdapters: true)
    compare("dtype", \.weightFormat.rawValue)
    if wanted.method.addsParameters { compare("adapter-dtype", \.adapterFormat.rawValue) }
    compare("precision", \.precision.rawValue)
    compare("optimizer", \.optimizer.kind.rawValue)
    if wanted.optimizer.kind.hasImplementations {
      compare("optimizer-implementation", \.optimizer.implementation.rawValue)
    }
    if wanted.optimizer.kind.hasRank { compare("optimizer-rank", \.optimizer.rank) }
    compare("learning-rate", \.optimizer.learningRate)
    compare("weight-decay", \.optimizer.weightDecay)
    compare("batch", \.batch.microBatch)
    compare("seq", \.batch.sequence)
    compare("grad-accum", \.batch.accumulation)
    compare("lengths", { $0.batch.lengths?.text ?? "of one length" })
    compare("checkpointing", { $0.usesGradientCheckpointing ? "on" : "off" })
    compare("attention", \.attention.rawValue)
    compare("loss", \.loss.rawValue)
    compare("stack", \.stack.rawValue)
    compare("sharding", \.parallelism.sharding.rawValue)
    compare("offload", \.parallelism.settings.offload.rawValue)
    differences += changed(wanted.parallelism.settings, found.parallelism.settings) { $0 != "offload" }
    compare("alloc-conf", \.runtime.allocator.text)
    compare("cublas-workspace", { $0.runtime.cublasWorkspace.map { "\($0)" } ?? "torch's own" })
    compare("empty-cache-steps", { $0.runtime.emptyCacheSteps.map { "\($0)" } ?? "never" })
    if wanted.stack == found.stack { differences += changed(wanted.choices, found.choices) { isSeen($0, in: wanted) } }
    return differences
  }

  /// Settings one by one, by their names in their type.
  private static func changed<Settings>(
    _ wanted: Settings, _ found: Settings, where isSeen: (String) -> Bool
  ) -> [RecipeDifference] {
    let pairs = zip(Mirror(reflecting: wanted).children, Mirror(reflecting: found).children)
    return pairs.compactMap { first, second in
      let (one, other) = ("\(first.value)", "\(second.value)")
      guard one != other, let name = first.label, isSeen(name) else { return nil }
      return RecipeDifference(setting: name, wanted: one, found: other, isAboutAdapters: false)
    }
  }

  /// Whether a way of the stack makes a difference to a recipe.
  private static func isSeen(_ choice: String, in recipe: Recipe) -> Bool {
    switch choice {
    case "adapters": recipe.method.adapter != nil
    case "checkpoints", "reentersCheckpoints": recipe.usesGradientCheckpointing
    case "fusedHead": recipe.loss == .fused
    case "crossEntropy": recipe.loss != .fused
    case "nf4Layout", "preparesForKbitTraining", "castsTablesBack", "quantizesHead": recipe.method.quantization != nil
    case "optimizerImplementation": false
    default: true
    }
  }
}

/// A method in words, targets being the modules that they stand for.
private struct MethodWords: Equatable, CustomStringConvertible {
  let description: String

  init(_ method: Method, of spec: ModelSpec) {
    var words = [method.name.rawValue]
    if let wrapping = method.wrapping {
      let names = (0..<spec.layerCount).flatMap { spec.linearModules($0) }.filter(wrapping.targets.match).map(\.name)
      let short = Set(names.map { String($0.split(separator: ".").last ?? "") }).sorted()
      words.append("on \(names.count) modules: \(short.joined(separator: ", "))")
    }
    if let lora = method.adapter {
      words.append("rank \(lora.rank), alpha \(lora.alpha), dropout \(lora.dropout)")
      if lora.stabilizesRank { words.append("rank-stabilized") }
      if !lora.modulesToSave.isEmpty { words.append("with \(lora.modulesToSave.joined(separator: ", "))") }
    } else if case .wrapped(let wrapper, _) = method {
      words.append("\(wrapper.numbers)")
    }
    if let tokens = method.virtualTokens { words.append("\(tokens.count) tokens, \(tokens.kind)") }
    if case .partial(let part) = method { words.append("\(part)") }
    if let quantization = method.quantization { words.append(quantization.text) }
    description = words.joined(separator: ", ")
  }
}

extension Wrapper {
  /// The numbers that a wrapper has beside its targets.
  fileprivate var numbers: String {
    switch self {
    case .ia3, .lnTuning: ""
    case .vera(let vera): "rank \(vera.rank)"
    case .oft(let oft): "blocks of \(oft.blockSize)"
    case .boft(let boft): "blocks of \(boft.blockSize)"
    case .loha(let loha): "rank \(loha.rank)"
    case .lokr(let lokr): "rank \(lokr.rank)"
    case .adalora(let adalora): "rank \(adalora.rank), dropout \(adalora.dropout)"
    }
  }
}
