import Bookkeeping
import Modeling

// Shape letters here: B sequences, S tokens of one, D head dimension, r rank.

extension EngineWalk {
  /// What is there before the first token, in the order in which it comes.
  ///
  /// Weights, adapters, optimizer states, rotary tables, token ids and labels; none of it is closed within the step.
  mutating func load() {
    for parameter in spec.parameters { load(parameter) }
    if let adapter = recipe.method.adapter { loadAdapters(adapter) }
    for parameter in trainables { loadStates(of: parameter) }
    // Cosines and sines of every position, `[S, D/2]`: a pair of elements shares an angle.
    let table: Shape = [recipe.batch.sequence, spec.attention.headDimension / 2]
    _ = journal.open(TensorName.cosineTable, .batch, table, .fp32)
    _ = journal.open(TensorName.sineTable, .batch, table, .fp32)
    // Filled anew for every micro-batch.
    let batch: Shape = [recipe.batch.microBatch, recipe.batch.sequence]
    _ = journal.open(TensorName.tokens, .batch, batch, .int32)
    _ = journal.open(TensorName.labels, .batch, batch, .int32)
  }

  /// One parameter of the base model: as it is, or quantized on arrival.
  private mutating func load(_ parameter: Parameter) {
    guard case .nf4(let isDouble) = recipe.method.quantization, case .linear = parameter.role else {
      _ = journal.open(parameter.name, .weights, parameter.shape, recipe.weightFormat)
      return
    }
    loadQuantized(parameter, BlockQuantization(isDouble: isDouble))
  }

  /// A weight in NF4: its fp32 values are there until codes and constants are made.
  ///
  /// Kept are 4-bit codes (half a byte an element) and an absmax per block of 64: fp32, or with double quantization an
  /// 8-bit code with an fp32 absmax per 256 of them and one fp32 offset. Doubly quantized, the fp32 absmax is there
  /// until its codes are made. Code tables are constants of the program.
  private mutating func loadQuantized(_ parameter: Parameter, _ quantization: BlockQuantization) {
    let source = journal.open(
      TensorName.part("source", of: parameter.name), .workspace, parameter.shape, .fp32)
    var absmaxSource: Journal.ID?
    for part in quantization.parts(of: parameter.count) {
      guard let name = part.kind.engineName else { continue }
      if part.kind == .absmax, quantization.isDouble {
        absmaxSource = journal.open(
          TensorName.part("absmax.source", of: parameter.name), .workspace, part.shape, .fp32)
      }
      _ = journal.open(TensorName.part(name, of: parameter.name), part.account, part.shape, part.format)
    }
    if let absmaxSource { journal.close(absmaxSource) }
    journal.close(source)
  }

  /// A `[r, in]` and B `[out, r]` of every adapted linear layer.
  private mutating func loadAdapters(_ adapter: LoRA) {
    for layer in 0..<spec.layerCount {
      for module in adapted(layer) {
        _ = journal.open(module.loraAName, .adapters, module.loraAShape(adapter), recipe.adapterFormat)
        _ = journal.open(module.loraBName, .adapters, module.loraBShape(adapter), recipe.adapterFormat)
      }
    }
  }

  /// What the optimizer keeps of one trained parameter: Adam's two moments, a momentum, or nothing.
  ///
  /// bitsandbytes' 8-bit Adam keeps each moment of 4096 elements or more as a byte an element and an fp32 absmax for
  /// every 256: 2 + 2·4/256 = 2.03125 bytes a parameter (Dettmers et al. 2022, <https://arxiv.org/abs/2110.02861>;
  /// bitsandbytes/optim/optimizer.py, `Optimizer2State.init_state`).
  private mutating func loadStates(of parameter: Trainable) {
    let moments = [TensorName.firstMoment(of: parameter.name), TensorName.secondMoment(of: parameter.name)]
    switch recipe.optimizer.kind {
    case .adamw8bit where parameter.shape.count >= 4096:
      for name in moments {
        _ = journal.open(name, .optimizerState, parameter.shape, .uint8)
        let blocks = (parameter.shape.count + 255) / 256
        _ = journal.open(TensorName.part("absmax", of: name), .optimizerState, [blocks], .fp32)
      }
    case .adamw, .adamw8bit:
      for name in moments { _ = journal.open(name, .optimizerState, parameter.shape, .fp32) }
    case .sgdMomentum:
      _ = journal.open(TensorName.momentum(of: parameter.name), .optimizerState, parameter.shape, .fp32)
    default: break
    }
  }

  /// The adapted linear layers of a layer, in forward order.
  private func adapted(_ layer: Int) -> [EngineModule] { EngineWalk.adapted(modules[layer], of: spec) }

  private static func adapted(_ modules: [Parameter.Linear: EngineModule], of spec: ModelSpec) -> [EngineModule] {
    (spec.attentionRoles + [.output] + spec.feedForwardRoles).compactMap { role in
      modules[role].flatMap { $0.adapter == nil ? nil : $0 }
    }
  }

  /// The parameters that train, in the order of the model: all of them, or A and B of every adapter.
  static func trainables(
    of spec: ModelSpec, _ recipe: Recipe, _ modules: [[Parameter.Linear: EngineModule]]
  ) -> [Trainable] {
    if modules.contains(where: { $0.values.contains(where: \.weightTrains) }) {
      return spec.parameters.map { Trainable(name: $0.name, shape: $0.shape, format: recipe.weightFormat) }
    }
    return modules.flatMap { adapted($0, of: spec) }.flatMap { module in
      module.adapter.map { adapter in
        [
          Trainable(
            name: module.loraAName, shape: module.loraAShape(adapter), format: recipe.adapterFormat),
          Trainable(
            name: module.loraBName, shape: module.loraBShape(adapter), format: recipe.adapterFormat),
        ]
      } ?? []
    }
  }
}

extension BlockQuantization.Part.Kind {
  /// What the engine calls this part; it has no tensors for code tables.
  fileprivate var engineName: String? {
    switch self {
    case .codes: "codes"
    case .absmax: "absmax"
    case .nestedAbsmax: "nested_absmax"
    case .offset: "offset"
    case .codeTable, .nestedCodeTable: nil
    }
  }
}
