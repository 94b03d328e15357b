public import Bookkeeping

/// PEFT's low-rank factors of a mixture's stacked experts and of its router, under targets that name every linear layer.
///
/// On Transformers 5 the experts are no linear layers any more: all-linear becomes factors of the stacked tensors, of
/// the rank for each expert, twice that where gate and up are one tensor. Sources: peft
/// utils/transformers_weight_conversion.py, `_convert_peft_config_moe`; tuners/lora/layer.py,
/// `ParamWrapper.update_layer`. Qwen2-MoE's own type is not on the list of converted ones.
public struct ExpertAdapters: Hashable, Sendable {
  /// Shapes of A and B of the router, of gate and up, and of the projection back.
  public let router: [Shape]
  public let gateUp: [Shape]
  public let down: [Shape]

  /// - Returns: `nil` where the method leaves the experts alone.
  public init?(of spec: ModelSpec, method: Method) {
    guard let experts = spec.feedForward.experts, let lora = method.adapter, lora.targets == .allLinear,
      [.mixtral, .qwen3MoE].contains(spec.architecture)
    else { return nil }
    let (hidden, inner, count) = (spec.hiddenSize, experts.intermediateSize, experts.count)
    router = [[lora.rank, hidden], [count, lora.rank]]
    gateUp = [[2 * lora.rank * count, hidden], [2 * inner, 2 * lora.rank * count]]
    down = [[lora.rank * count, inner], [hidden, lora.rank * count]]
  }

  /// Parameters of one layer.
  public var parameterCount: Int { (router + gateUp + down).reduce(0) { $0 + $1.count } }
}
