import Bookkeeping
import Modeling

// Shape letters here: E experts, H hidden, I intermediate, r rank.

/// Puts a model's weights and adapters where they stay for the whole step.
struct TorchLoader {
  let spec: ModelSpec
  let policy: TorchPolicy
  let method: Method
  /// Tokens of the longest sample.
  let sequence: Int

  func load(_ tape: inout Tape) -> TorchWeights {
    var weights = TorchWeights()
    weights.layers = Array(repeating: TorchWeights.Layer(), count: spec.layerCount)
    var biases = Biases()
    let tiedHead = spec.tiesEmbeddings ? method.copiesHead(of: spec) : false
    let isLitGPT = policy.choices.modelCode.isLitGPT
    let code = policy.choices.modelCode
    for parameter in spec.parameters(in: code) {
      tape.layer = parameter.layer
      place(parameter, &weights, &biases, &tape)
    }
    loadShared(&weights, &tape)
    for layer in 0..<spec.layerCount {
      tape.layer = layer
      if spec.feedForward.experts != nil { loadExperts(layer, &weights, &biases, &tape) }
      for module in spec.linearModules(layer, in: code) {
        weights.layers[layer].linears[module.role] = linear(module, biases, &tape)
      }
    }
    tape.layer = nil
    weights.rotaryTables = openRotaryTables(&tape)
    if spec.tiesEmbeddings, !isLitGPT {
      let original = biases.originalEmbedding ?? weights.embedding
      weights.head = tiedHead ? openCopy(spec.headModule + ".weight", of: original, &tape) : original
    }
    if let tokens = method.virtualTokens {
      // Made by `nn.Embedding` and `nn.Linear` in torch's default format and left there.
      weights.prompts = tokens.added(to: spec).map {
        tape.openParameter($0.suffix, $0.shape, .fp32, .adapters, trains: true)
      }
    }
    return weights
  }

  /// What has been placed before the module that it belongs to.
  struct Biases {
    var linear: [String: Tensor] = [:]
    var weight: [String: Tensor] = [:]
    /// The table that a copied embedding stands beside.
    var originalEmbedding: Tensor?
  }

  private func place(
    _ parameter: Parameter, _ weights: inout TorchWeights, _ parts: inout Biases, _ tape: inout Tape
  ) {
    switch parameter.role {
    case .embedding:
      weights.embedding = open(parameter, &tape)
      if method.copies(parameter, of: spec) {
        parts.originalEmbedding = weights.embedding
        weights.embedding = openCopy(parameter.name, of: weights.embedding, &tape)
      }
    case .positionEmbedding: weights.positionEmbedding = open(parameter, &tape)
    case .linear:
      guard policy.quantization != nil else { return parts.weight[parameter.name] = open(parameter, &tape) }
      openQuantized(parameter, &tape)
    case .linearBias: parts.linear[parameter.name] = open(parameter, &tape)
    case .norm(let place):
      let norm = TorchWeights.Norm(weight: openUsed(parameter, &tape), bias: nil)
      if let layer = parameter.layer { weights.layers[layer].norms[place] = norm } else { weights.finalNorm = norm }
    case .normBias(let place):
      let bias = openUsed(parameter, &tape)
      if let layer = parameter.layer {
        guard let norm = weights.layers[layer].norms[place] else { return }
        weights.layers[layer].norms[place] = TorchWeights.Norm(weight: norm.weight, bias: bias)
      } else if let norm = weights.finalNorm {
        weights.finalNorm = TorchWeights.Norm(weight: norm.weight, bias: bias)
      }
    case .router:
      let router = open(parameter, &tape)
      if let layer = parameter.layer {
        weights.layers[layer].mixture = TorchWeights.Mixture(router: router)
      }
    case .expert: break
    case .head where quantizesHead: weights.quantizedHead = openQuantizedHead(parameter, &tape)
    case .head: weights.head = openUsed(parameter, &tape)
    case .headBias: weights.headBias = openUsed(parameter, &tape)
    }
  }

  func open(_ parameter: Parameter, _ tape: inout Tape) -> Tensor {
    tape.openParameter(
      parameter.name, parameter.shape, format(of: parameter), .weights, trains: method.trains(parameter, of: spec))
  }

  /// Opens a parameter, and the trained copy that is used in its place where the method makes one.
  private func openUsed(_ parameter: Parameter, _ tape: inout Tape) -> Tensor {
    let original = open(parameter, &tape)
    return method.copies(parameter, of: spec) ? openCopy(parameter.name, of: original, &tape) : original
  }

  /// A trained copy: in the original's format, or in the adapters' where they are cast with them.
  ///
  /// Sources: peft/tuners/tuners_utils.py, `cast_adapter_dtype`, which casts what tuner layers hold and not
  /// `ModulesToSaveWrapper`; trl/trainer/sft_trainer.py, which casts everything trained on a quantized base to bf16.
  private func openCopy(_ name: String, of original: Tensor, _ tape: inout Tape) -> Tensor {
    let isTunerLayer = if case .wrapped = method { true } else { false }
    let isCast = isTunerLayer || (policy.quantization != nil && !policy.choices.preparesForKbitTraining)
    let format = isCast ? policy.adapterFormat : original.format
    return tape.openParameter(
      TensorName.part("copy", of: name), original.shape, format, .adapters, trains: true)
  }

  /// What all adapters share.
  private func loadShared(_ weights: inout TorchWeights, _ tape: inout Tape) {
    tape.layer = nil
    guard case .wrapped(.vera(let vera), _) = method else { return }
    weights.shared = vera.shared(in: spec).map {
      tape.openNamed($0.suffix, $0.shape, policy.adapterFormat, .adapters)
    }
  }

  /// The format a parameter that isn't quantized is trained (or frozen) in.
  func format(of parameter: Parameter) -> ScalarFormat {
    switch parameter.role {
    // bitsandbytes/nn/modules.py, `Linear4bit.forward`: the bias is cast to the compute type for good.
    case .linearBias: policy.quantization == nil ? policy.weightFormat : policy.computeFormat
    case .linear: policy.weightFormat
    case .embedding, .positionEmbedding, .head, .headBias: policy.tableFormat
    default: policy.plainFormat
    }
  }

  func openQuantized(_ parameter: Parameter, _ tape: inout Tape) {
    guard let quantization = policy.quantization else { return }
    if case .nf4 = quantization, policy.choices.nf4Layout == .torchao { return openTorchaoNF4(parameter, &tape) }
    let extents = parameter.shape.extents
    let parts = quantization.parts(
      output: extents.first ?? 1, input: extents.last ?? 1, compute: policy.quantizationFormat)
    for part in parts {
      let name = part.name.map { TensorName.part($0, of: parameter.name) } ?? parameter.name
      if isParameter(part, quantization) {
        _ = tape.openStored(name, part.shape, part.format, part.account)
      } else {
        _ = tape.openNamed(name, part.shape, part.format, part.account)
      }
    }
  }

  /// Whether a part of a quantized weight is a parameter, which FSDP divides, rather than a buffer: bitsandbytes' codes;
  /// GPTQ's codes and zero points where fms-acceleration makes them some (fms_acceleration_peft/autogptq_utils.py,
  /// `PATCH_FOR_FSDP_TRITON_V2`).
  private func isParameter(_ part: QuantizedPart, _ quantization: Quantization) -> Bool {
    if case .gptq = quantization {
      return policy.stack == .fmsAcceleration && part.format == .int32 && part.name != "g_idx"
    }
    return part.account == .weights && quantization.blocks != nil
  }

  /// A linear module around weights that are placed already, with what the method adds to it.
  func linear(_ module: LinearModule, _ parts: Biases, _ tape: inout Tape) -> TorchWeights.Linear {
    let base = base(parts.weight[module.name + ".weight"])
    if policy.choices.modelCode.isLitGPT, module.role == .queryKeyValue {
      return litGPTProjection(module, base, bias: parts.linear[module.name + ".bias"], &tape)
    }
    var added: [Tensor] = []
    if let wrapping = method.wrapping, wrapping.targets.match(module) {
      added = wrapping.added(to: module, of: spec).map {
        tape.openParameter(
          module.name + "." + $0.suffix, $0.shape, $0.format ?? policy.adapterFormat, .adapters,
          trains: $0.trains || isLeftTraining($0))
      }
    }
    return TorchWeights.Linear(module: module, base: base, bias: parts.linear[module.name + ".bias"], added: added)
  }
}

extension TorchLoader {
  /// The base of a linear layer, around its weight if that isn't quantized.
  func base(_ weight: Tensor?) -> TorchWeights.Linear.Base {
    switch policy.quantization {
    case .nf4? where policy.choices.nf4Layout == .torchao: .torchaoNF4
    case .int8?: .eightBit
    case let quantization?: quantization.blocks.map { .fourBit($0) } ?? .packed(quantization)
    case nil: .plain(weight ?? .void)
    }
  }

  /// Whether PEFT means a parameter to be frozen and leaves it training all the same.
  ///
  /// AdaLoRA's number of ranks is cast to the weight's format, and what is cast is put back as a new parameter
  /// (peft/tuners/tuners_utils.py, `_move_adapter_to_device_of_base_layer`; torch `ParameterDict.__setitem__`).
  private func isLeftTraining(_ parameter: AddedParameter) -> Bool {
    parameter.suffix == "ranknum" && policy.quantization == nil && policy.weightFormat != .fp32
  }
}

extension Method {
  /// Whether a copy of a tied head trains, which then is tied no more.
  fileprivate func copiesHead(of spec: ModelSpec) -> Bool {
    let head = Parameter(name: spec.headModule + ".weight", shape: [1], role: .head)
    return copies(head, of: spec)
  }
}
