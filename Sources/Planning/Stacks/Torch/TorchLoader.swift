import Bookkeeping
import Modeling

// Shape letters here: E experts, H hidden, I intermediate, r rank.

/// Puts a model's weights and adapters where they stay for the whole step.
struct TorchLoader {
  let spec: ModelSpec
  let policy: TorchPolicy
  let trainsBase: Bool

  func load(_ tape: inout Tape) -> TorchWeights {
    var weights = TorchWeights()
    weights.layers = Array(repeating: TorchWeights.Layer(), count: spec.layerCount)
    var biases = Biases()
    for parameter in spec.parameters {
      tape.layer = parameter.layer
      place(parameter, &weights, &biases, &tape)
    }
    for layer in 0..<spec.layerCount {
      tape.layer = layer
      if spec.feedForward.experts != nil { loadExperts(layer, &weights, &tape) }
      for module in spec.linearModules(layer) {
        weights.layers[layer].linears[module.role] = linear(module, biases, &tape)
      }
    }
    tape.layer = nil
    if spec.tiesEmbeddings { weights.head = weights.embedding }
    return weights
  }

  /// What has been placed before the module that it belongs to.
  private struct Biases {
    var linear: [String: Tensor] = [:]
    var weight: [String: Tensor] = [:]
    var routers: [Int: Tensor] = [:]
  }

  private func place(
    _ parameter: Parameter, _ weights: inout TorchWeights, _ parts: inout Biases, _ tape: inout Tape
  ) {
    switch parameter.role {
    case .embedding: weights.embedding = open(parameter, &tape)
    case .positionEmbedding: weights.positionEmbedding = open(parameter, &tape)
    case .linear:
      guard policy.quantization != nil else { return parts.weight[parameter.name] = open(parameter, &tape) }
      openQuantized(parameter, &tape)
    case .linearBias: parts.linear[parameter.name] = open(parameter, &tape)
    case .norm(let place):
      let norm = TorchWeights.Norm(weight: open(parameter, &tape), bias: nil)
      if let layer = parameter.layer { weights.layers[layer].norms[place] = norm } else { weights.finalNorm = norm }
    case .normBias(let place):
      let bias = open(parameter, &tape)
      if let layer = parameter.layer {
        guard let norm = weights.layers[layer].norms[place] else { return }
        weights.layers[layer].norms[place] = TorchWeights.Norm(weight: norm.weight, bias: bias)
      } else if let norm = weights.finalNorm {
        weights.finalNorm = TorchWeights.Norm(weight: norm.weight, bias: bias)
      }
    case .router:
      let router = open(parameter, &tape)
      if let layer = parameter.layer {
        weights.layers[layer].mixture = TorchWeights.Mixture(router: router, gateUp: .void, down: .void)
      }
    case .expert: break
    case .head: weights.head = open(parameter, &tape)
    case .headBias: weights.headBias = open(parameter, &tape)
    }
  }

  private func open(_ parameter: Parameter, _ tape: inout Tape) -> Tensor {
    tape.openParameter(parameter.name, parameter.shape, format(of: parameter), .weights, trains: trainsBase)
  }

  /// The format a parameter that isn't quantized is trained (or frozen) in.
  func format(of parameter: Parameter) -> ScalarFormat {
    switch parameter.role {
    // bitsandbytes/nn/modules.py, `Linear4bit.forward`: the bias is cast to the compute type for good.
    case .linearBias: policy.quantization == nil ? policy.weightFormat : policy.computeFormat
    case .linear: policy.weightFormat
    default: policy.plainFormat
    }
  }

  private func openQuantized(_ parameter: Parameter, _ tape: inout Tape) {
    for part in parts(of: parameter) {
      let name = part.name.map { TensorName.part($0, of: parameter.name) } ?? parameter.name
      _ = tape.openNamed(name, part.shape, part.format, part.account)
    }
  }

  /// What a linear weight is stored as; nothing where it is not quantized.
  func parts(of parameter: Parameter) -> [QuantizedPart] {
    guard let quantization = policy.quantization, case .linear = parameter.role else { return [] }
    let extents = parameter.shape.extents
    return quantization.parts(
      output: extents.first ?? 1, input: extents.last ?? 1, compute: policy.quantizationFormat)
  }

  /// transformers 5 stacks a layer's experts into `gate_up_proj` [E, 2I, H] and `down_proj` [E, H, I]
  /// (models/mixtral/modeling_mixtral.py, `MixtralExperts`), which no `nn.Linear` holds: bitsandbytes leaves them as
  /// they are.
  private func loadExperts(_ layer: Int, _ weights: inout TorchWeights, _ tape: inout Tape) {
    guard let experts = spec.feedForward.experts, let mixture = weights.layers[layer].mixture else { return }
    let inner = (spec.feedForward.isGated ? 2 : 1) * experts.intermediateSize
    let prefix = "\(mixture.router.name.dropLast("gate.weight".count))experts."
    func open(_ name: String, _ shape: Shape, _ tape: inout Tape) -> Tensor {
      tape.openParameter(prefix + name, shape, policy.plainFormat, .weights, trains: trainsBase)
    }
    let up = open(
      spec.feedForward.isGated ? "gate_up_proj" : "up_proj", [experts.count, inner, spec.hiddenSize], &tape)
    let down = open("down_proj", [experts.count, spec.hiddenSize, experts.intermediateSize], &tape)
    weights.layers[layer].mixture = TorchWeights.Mixture(router: mixture.router, gateUp: up, down: down)
  }

  private func linear(_ module: LinearModule, _ parts: Biases, _ tape: inout Tape) -> TorchWeights.Linear {
    let base: TorchWeights.Linear.Base =
      policy.quantization.map { .quantized($0) } ?? .plain(parts.weight[module.name + ".weight"] ?? .void)
    var loraA: Tensor?
    var loraB: Tensor?
    if let lora = policy.lora, lora.targets.match(module) {
      loraA = tape.openParameter(
        TensorName.loraA(module.name), [lora.rank, module.input], policy.adapterFormat, .adapters, trains: true)
      loraB = tape.openParameter(
        TensorName.loraB(module.name), [module.output, lora.rank], policy.adapterFormat, .adapters, trains: true)
    }
    return TorchWeights.Linear(
      module: module, base: base, bias: parts.linear[module.name + ".bias"], loraA: loraA, loraB: loraB)
  }
}
