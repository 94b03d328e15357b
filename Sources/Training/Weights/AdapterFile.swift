import Bookkeeping
import Kernels
import Modeling

/// A LoRA adapter on disk, as PEFT saves and loads it: `adapter_config.json` and `adapter_model.safetensors`.
public struct AdapterFile {
  public static let weightsName = "adapter_model.safetensors"
  /// What PEFT puts before the names of the model that it wraps.
  private static let prefix = "base_model.model."

  public let config: AdapterConfig
  private let path: String
  /// By the engine's names: `model.layers.0.self_attn.q_proj.lora_A.weight`.
  private let weights: [String: StoredWeight]

  /// Reads an adapter's configuration and the header of its weights.
  public init(folder: String) throws(AdapterError) {
    config = try AdapterConfig(path: folder + "/" + AdapterConfig.fileName)
    path = folder + "/" + AdapterFile.weightsName
    do {
      let header = try SafetensorsHeader(path: path)
      let file = try MappedFile.weights(path)
      var weights: [String: StoredWeight] = [:]
      for tensor in header.tensors {
        let hasPrefix = tensor.name.hasPrefix(AdapterFile.prefix)
        weights[hasPrefix ? String(tensor.name.dropFirst(AdapterFile.prefix.count)) : tensor.name] = StoredWeight(
          name: tensor.name, shape: tensor.shape, format: StoredFormat(tensor.elementType.format),
          formatName: tensor.elementType.rawValue, file: file, bytes: tensor.byteRange)
      }
      self.weights = weights
    } catch let error as SafetensorsError { throw .weights(.safetensors(error)) } catch let error
      as WeightFileError
    { throw .weights(error) } catch { throw .weights(.noWeights(path: path)) }
  }

  // MARK: Reading

  /// Puts the adapter's numbers in the place of the trainer's own, to train on from there.
  ///
  /// Rank, scale and modules must be those of the trainer's recipe; its dropout may differ. Optimizer states are not
  /// part of an adapter and stay as they are.
  public func load(into trainer: Trainer) throws {
    guard let lora = trainer.recipe.method.adapter else {
      throw AdapterError.noAdapter(method: trainer.recipe.method.name.rawValue)
    }
    guard lora.rank == config.lora.rank else {
      throw AdapterError.differs(
        setting: "rank", adapter: "\(config.lora.rank)", recipe: "\(lora.rank)", file: path)
    }
    guard abs(lora.scale - config.lora.scale) <= 1e-6 * lora.scale else {
      throw AdapterError.differs(
        setting: "alpha", adapter: "\(config.lora.alpha)", recipe: "\(lora.alpha)", file: path)
    }
    try check(trainer.trained.map { ($0.name, $0.shape) })
    for parameter in trainer.trained {
      if parameter.format == .bf16 {
        try fill(parameter.name, into: parameter.narrowValue.mutableSpan)
      } else {
        try fill(parameter.name, into: parameter.value.mutableSpan)
      }
    }
  }

  /// Checks that the file has these tensors in these shapes, and no others.
  private func check(_ expected: [(name: String, shape: Shape)]) throws(AdapterError) {
    let missing = expected.map(\.name).filter { weights[$0] == nil }
    guard missing.isEmpty else { throw .missingTensors(missing, file: path) }
    let unexpected = Set(weights.keys).subtracting(expected.map(\.name)).sorted()
    guard unexpected.isEmpty else { throw .unexpectedTensors(unexpected, file: path) }
    for (name, shape) in expected {
      guard let stored = weights[name], stored.shape != shape else { continue }
      throw .wrongShape(tensor: stored.name, found: stored.shape, expected: shape, file: path)
    }
  }

  private func fill<W: Number>(_ name: String, into values: consuming MutableSpan<W>) throws(AdapterError) {
    guard let stored = weights[name] else { throw .missingTensors([name], file: path) }
    do { try stored.fill(values, known: StoredFormat.inSafetensors) } catch { throw .weights(error) }
  }

  /// The adapters of `spec`'s modules as numbers, by module name; small beside the model they belong to.
  func pairs(for spec: ModelSpec) throws(AdapterError) -> [String: Pair] {
    let modules = (0..<spec.layerCount).flatMap(spec.linearModules).filter {
      weights[TensorName.loraA($0.name)] != nil || weights[TensorName.loraB($0.name)] != nil
    }
    guard !weights.isEmpty else { throw .missingTensors(["lora_A.weight"], file: path) }
    let rank = config.lora.rank
    try check(
      modules.flatMap {
        [
          (TensorName.loraA($0.name), [rank, $0.input] as Shape),
          (TensorName.loraB($0.name), [$0.output, rank] as Shape),
        ]
      })
    var pairs: [String: Pair] = [:]
    for module in modules {
      var pair = Pair(
        module: module, a: [Float](repeating: 0, count: rank * module.input),
        b: [Float](repeating: 0, count: module.output * rank))
      try fill(TensorName.loraA(module.name), into: pair.a.mutableSpan)
      try fill(TensorName.loraB(module.name), into: pair.b.mutableSpan)
      pairs[module.name] = pair
    }
    return pairs
  }

  /// The two factors beside one linear layer.
  struct Pair {
    let module: LinearModule
    var a: [Float]  // [rank, input]
    var b: [Float]  // [output, rank]
  }

  // MARK: Writing

  /// Writes the trainer's adapters in the format they train in, each of the two files complete or not at all.
  ///
  /// - Parameter baseModel: what PEFT should load the base from: a Hugging Face id or a folder.
  public static func write(_ trainer: Trainer, baseModel: String?, to folder: String) throws {
    guard let lora = trainer.recipe.method.adapter else {
      throw AdapterError.noAdapter(method: trainer.recipe.method.name.rawValue)
    }
    try AtomicFile.makeFolder(folder)
    let tensors = trainer.trained.map {
      SafetensorsWriter.Tensor(name: prefix + $0.name, shape: $0.shape, format: $0.fileFormat)
    }
    var writer = try SafetensorsWriter(path: folder + "/" + weightsName, tensors: tensors)
    for parameter in trainer.trained { try writer.write(parameter) }
    try writer.finish()
    let config = AdapterConfig(lora: lora, baseModel: baseModel)
    try AtomicFile.write(
      config.text(targets: targetNames(lora.targets, of: trainer.spec)), to: folder + "/" + AdapterConfig.fileName)
  }

  /// What PEFT must match to find the same modules: the user's own names, or the last parts of all that match.
  private static func targetNames(_ targets: LoRA.Targets, of spec: ModelSpec) -> [String] {
    if case .modules(let names) = targets { return names.sorted() }
    return Set(spec.linearModules(0).filter(targets.match).map(\.shortName)).sorted()
  }
}
