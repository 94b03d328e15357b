import Bookkeeping
import Modeling

// Shape letters here: E experts, H hidden, I width inside one, r rank.

extension TorchLoader {
  func loadExperts(
    _ layer: Int, _ weights: inout TorchWeights, _ parts: inout Biases, _ tape: inout Tape
  ) {
    switch policy.choices.experts {
    case .grouped: loadStacked(layer, &weights, &tape)
    case .modules: loadModules(layer, &weights, &parts, &tape)
    }
  }

  /// transformers 5 stacks a layer's experts into `gate_up_proj` [E, 2I, H] and `down_proj` [E, H, I]
  /// (models/mixtral/modeling_mixtral.py, `MixtralExperts`), which no `nn.Linear` holds: bitsandbytes leaves them as
  /// they are.
  private func loadStacked(_ layer: Int, _ weights: inout TorchWeights, _ tape: inout Tape) {
    guard let experts = spec.feedForward.experts, var mixture = weights.layers[layer].mixture else { return }
    let (count, hidden) = (experts.count, spec.hiddenSize)
    let inner = (spec.feedForward.isGated ? 2 : 1) * experts.intermediateSize
    let block = "\(mixture.router.name.dropLast("gate.weight".count))"
    let trains = spec.layerParameters(layer).contains { parameter in
      if case .expert = parameter.role { method.trains(parameter, of: spec) } else { false }
    }
    func open(_ name: String, _ shape: Shape, _ tape: inout Tape) -> Tensor {
      tape.openParameter(block + "experts." + name, shape, policy.plainFormat, .weights, trains: trains)
    }
    mixture.gateUp = open(spec.feedForward.isGated ? "gate_up_proj" : "up_proj", [count, inner, hidden], &tape)
    mixture.down = open("down_proj", [count, hidden, experts.intermediateSize], &tape)
    if let added = ExpertAdapters(of: spec, method: method) {
      func factors(_ name: String, _ shapes: [Shape], _ tape: inout Tape) -> [Tensor] {
        zip(["lora_A", "lora_B"], shapes).map {
          tape.openParameter("\(block)\(name).\($0).weight", $1, policy.adapterFormat, .adapters, trains: true)
        }
      }
      mixture.routerFactors = factors("gate", added.router, &tape)
      mixture.gateUpFactors = factors("experts.gate_up_proj", added.gateUp, &tape)
      mixture.downFactors = factors("experts.down_proj", added.down, &tape)
    }
    weights.layers[layer].mixture = mixture
  }

  /// transformers 4 makes every expert of linear modules, which bitsandbytes quantizes and PEFT wraps like any other.
  private func loadModules(
    _ layer: Int, _ weights: inout TorchWeights, _ parts: inout Biases, _ tape: inout Tape
  ) {
    guard let experts = spec.feedForward.experts, var mixture = weights.layers[layer].mixture else { return }
    var modules: [[Parameter.Linear: TorchWeights.Linear]] = Array(repeating: [:], count: experts.count)
    let parameters = spec.layerParameters(layer).filter { if case .expert = $0.role { true } else { false } }
    for (parameter, module) in zip(parameters, spec.expertModules(layer)) {
      guard case .expert(let role, let index?) = parameter.role else { continue }
      if policy.quantization != nil {
        openQuantized(parameter, &tape)
      } else {
        parts.weight[parameter.name] = open(parameter, &tape)
      }
      modules[index][role] = linear(module, parts, &tape)
    }
    mixture.experts = modules.compactMap { roles in
      guard let gate = roles[.gate], let up = roles[.up], let down = roles[.down] else { return nil }
      return TorchWeights.Expert(gate: gate, up: up, down: down)
    }
    weights.layers[layer].mixture = mixture
  }
}
