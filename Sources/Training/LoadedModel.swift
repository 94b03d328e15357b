import Bookkeeping
import Kernels
import Modeling

/// The weights of a model in memory, frozen and trained, with the adapters of the recipe's method.
struct LoadedModel {
  let spec: ModelSpec
  let recipe: Recipe
  /// Dense parameters and adapters by name.
  private(set) var parameters: [String: ParameterTensor] = [:]
  private(set) var trained: [ParameterTensor] = []
  private var quantized: [String: NF4Weight] = [:]
  private var adapters: [String: LoRAAdapter] = [:]

  init(
    _ spec: ModelSpec, _ recipe: Recipe, source: some WeightSource, mapsWeights: Bool, seed: UInt64, in arena: Arena
  ) throws {
    self.spec = spec
    self.recipe = recipe
    try loadBase(source, mapsWeights: mapsWeights, in: arena)
    try openAdapters(seed: seed, in: arena)
  }

  private mutating func loadBase(_ source: some WeightSource, mapsWeights: Bool, in arena: Arena) throws {
    let trainsAll = recipe.method == .full
    for parameter in spec.parameters {
      if case .linear = parameter.role, case .nf4(let isDouble) = recipe.method.quantization {
        quantized[parameter.name] = try NF4Weight(parameter, isDouble: isDouble, source: source, in: arena)
        continue
      }
      if mapsWeights, !trainsAll, let numbers = try source.numbers(of: parameter, in: recipe.weightFormat) {
        parameters[parameter.name] = try ParameterTensor(
          parameter.name, parameter.shape, format: recipe.weightFormat, in: numbers, of: arena)
        continue
      }
      let tensor = try ParameterTensor(
        parameter.name, .weights, parameter.shape, format: recipe.weightFormat, isTrained: trainsAll, in: arena)
      try tensor.fill(parameter, from: source)
      parameters[parameter.name] = tensor
      if trainsAll { trained.append(tensor) }
    }
  }

  /// A is uniform as PEFT draws it (kaiming with a = √5: within 1/√in), B is zero, so that training starts at the base.
  private mutating func openAdapters(seed: UInt64, in arena: Arena) throws {
    guard let lora = recipe.method.adapter else { return }
    for layer in 0..<spec.layerCount {
      for module in spec.linearModules(layer) where lora.targets.match(module) {
        let adapter = try LoRAAdapter(
          lora, on: module, format: recipe.adapterFormat, stream: streamNumber(of: module.name), in: arena)
        let bound = Float(1 / Double(module.input).squareRoot())
        adapter.a.fillUniformly(low: -bound, high: bound, seed: seed)
        adapter.b.fill(with: 0)
        adapters[module.name] = adapter
        for parameter in [adapter.a, adapter.b] {
          parameters[parameter.name] = parameter
          trained.append(parameter)
        }
      }
    }
  }

  /// The model that a step runs, its activations in the recipe's format.
  func runner(threads: Int, in arena: Arena) throws -> any StepRunner {
    switch recipe.activationFormat {
    case .bf16: try decoder(of: BFloat16.self, threads: threads, in: arena)
    default: try decoder(of: Float.self, threads: threads, in: arena)
    }
  }

  /// Puts the weights in their places; opens the rotary tables.
  private func decoder<X: StoredNumber>(of: X.Type, threads: Int, in arena: Arena) throws -> Decoder<X> {
    let rotary = try RotaryTables(spec, sequence: recipe.batch.sequence, in: arena)
    let context = LayerContext(
      spec: spec, batch: recipe.batch, arena: arena, rotary: rotary, threads: threads,
      layersPerCheckpoint: recipe.choices.layersPerCheckpoint)
    return Decoder(
      embedding: try dense(spec.embeddingName), layers: try (0..<spec.layerCount).map(layer),
      finalNorm: try norm(.final, nil), head: try dense(spec.headName),
      usesGradientCheckpointing: recipe.usesGradientCheckpointing, loss: recipe.loss,
      context: context)
  }

  private func layer(_ index: Int) throws -> LayerWeights {
    let normalizes = spec.attention.normalizesQueryAndKey
    return LayerWeights(
      attentionNorm: try norm(.attention, index), query: try linear(.query, index), key: try linear(.key, index),
      value: try linear(.value, index), queryNorm: normalizes ? try norm(.query, index) : nil,
      keyNorm: normalizes ? try norm(.key, index) : nil, output: try linear(.output, index),
      mlpNorm: try norm(.mlp, index), gate: try linear(.gate, index), up: try linear(.up, index),
      down: try linear(.down, index))
  }

  private func norm(_ place: Parameter.Norm, _ layer: Int?) throws -> Norm {
    Norm(try dense(spec.normName(place, layer: layer)), epsilon: spec.normalization.epsilon)
  }

  private func linear(_ role: Parameter.Linear, _ layer: Int) throws -> Linear {
    let module = spec.module(role, layer: layer)
    let name = module.name + ".weight"
    let weight: Linear.Weight = try quantized[name].map { .quantized($0) } ?? .dense(dense(name))
    let linear = Linear(module, weight: weight, bias: module.hasBias ? try dense(module.name + ".bias") : nil)
    linear.adapter = adapters[module.name]
    return linear
  }

  private func dense(_ name: String) throws -> ParameterTensor {
    guard let parameter = parameters[name] else { throw TrainingError.noSuchParameter(name) }
    return parameter
  }
}

extension Recipe {
  /// What the step stores activations in.
  fileprivate var activationFormat: ScalarFormat { precision == .autocast ? .bf16 : weightFormat }
}
