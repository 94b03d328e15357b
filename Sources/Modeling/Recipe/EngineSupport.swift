import Bookkeeping

extension ModelSpec {
  /// What of `recipe` on this model the `plimsoll` stack can't run, as a noun phrase; `nil` if it can run all of it.
  ///
  /// Planner and engine refuse by this one list: what exists is a fact, and only what it costs is a rule.
  public func engineRefusal(for recipe: Recipe) -> String? {
    recipe.engineRefusal ?? engineRefusal ?? attentionRefusal(sequence: recipe.batch.sequence)
  }

  private var engineRefusal: String? {
    if normalization.kind != .rms { return "a norm with a mean and a bias" }
    if normalization.normalizesOutputs { return "norms behind attention and feed-forward network" }
    if normalization.isParallel { return "attention and feed-forward network side by side" }
    if feedForward.experts != nil { return "a mixture of experts" }
    if !feedForward.isGated { return "a feed-forward network without a gate" }
    if feedForward.activation != .silu { return "the activation \(feedForward.activation.rawValue)" }
    if attention.fusesProjections { return "a fused projection to queries, keys and values" }
    if feedForward.fusesGateAndUp { return "a fused projection to gate and up" }
    if headHasBias { return "a head with a bias" }
    if finalLogitSoftcap != nil { return "a soft cap on the logits" }
    guard case .rotary(let rotary) = positions else { return "a table of learned positions" }
    if rotary.rotatedShare != 1 { return "a rotary embedding of part of each head" }
    if case .other(let name) = rotary.scaling { return "the rotary scaling \(name)" }
    return nil
  }

  private func attentionRefusal(sequence: Int) -> String? {
    if attention.logitSoftcap != nil { return "a soft cap on attention's scores" }
    if let window = attention.slidingWindow, window < sequence {
      return "a window of \(window) keys on sequences of \(sequence) tokens"
    }
    return nil
  }
}

extension Recipe {
  fileprivate var engineRefusal: String? {
    if parallelism != .single { return "a step spread over GPUs" }
    if weightFormat == .fp16 { return "arithmetic in fp16" }
    if precision == .autocast, weightFormat != .fp32 { return "autocast over weights in \(weightFormat.rawValue)" }
    if method.addsParameters, adapterFormat != .fp32, adapterFormat != weightFormat {
      return "adapters in \(adapterFormat.rawValue) beside weights in \(weightFormat.rawValue)"
    }
    switch optimizer.kind.family {
    case .torchAdamW, .torchSGD: break
    case .bitsandbytes(let states) where states.update == .adam && states.isQuantized && !states.isPaged: break
    default: return "the optimizer \(optimizer.kind.rawValue)"
    }
    switch method {
    case .full: break
    case .lora(let lora), .qlora(let lora, _):
      if lora.decomposesWeights { return "adapters with magnitudes of their own" }
      if lora.stabilizesRank { return "rank-stabilized adapters" }
      if !lora.modulesToSave.isEmpty { return "modules that train whole beside adapters" }
    case .partial, .wrapped, .prompted: return "the method \(method.name.rawValue)"
    }
    switch method.quantization {
    case nil, .nf4: break
    case let other?: return "quantization to \(other.text)"
    }
    if attention == .eager { return "attention that holds every score" }
    return nil
  }
}
