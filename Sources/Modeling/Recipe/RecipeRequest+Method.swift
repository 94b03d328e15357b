extension RecipeRequest {
  /// The method that was asked for, its gaps filled with PEFT's and LLaMA-Factory's defaults.
  func resolvedMethod(for spec: ModelSpec, _ assumptions: inout [String]) throws(RecipeError) -> Method {
    let name = methodName(&assumptions)
    try refuseStrays(of: name)
    switch name {
    case .full: return .full
    case .freeze:
      if trainedLayers == nil { assumptions.append("train-layers: the last 2, LLaMA-Factory's default") }
      return .partial(
        .layers(
          try LayerFreeze(
            layers: trainedLayers ?? 2, modules: trainedModules ?? [], extraModules: extraModules ?? [])))
    case .head: return .partial(.head)
    case .bitfit: return .partial(.biases)
    case .lora: return .lora(try lora(&assumptions))
    case .qlora:
      let lora = try lora(&assumptions)
      if let quantization = try resolvedQuantization() { return .qlora(lora, quantization) }
      assumptions.append("quantization: nf4 with double quantization")
      return .qlora(lora, .nf4(double: true))
    case .dora:
      let lora = try lora(&assumptions)
      return try resolvedQuantization().map { .qlora(lora, $0) } ?? .lora(lora)
    case .prompt, .pTuning, .prefix: return .prompted(try prompts(name, &assumptions), try resolvedQuantization())
    case .ia3, .lnTuning, .vera, .oft, .boft, .loha, .lokr, .adalora:
      return .wrapped(try wrapper(name, spec, &assumptions), try resolvedQuantization())
    }
  }

  private func methodName(_ assumptions: inout [String]) -> Method.Name {
    if let method {
      // PEFT's `use_dora` is a setting of LoRA.
      return method == .lora && decomposesWeights == true ? .dora : method
    }
    let isQuantized = quantization.map { $0 != nil } == true
    let name: Method.Name = decomposesWeights == true ? .dora : isQuantized ? .qlora : .lora
    assumptions.append("method: \(name.rawValue), since none was named")
    return name
  }

  /// The quantization that was asked for; `nil` for none.
  private func resolvedQuantization() throws(RecipeError) -> Quantization? {
    switch quantization {
    case .some(.some(let format)): return format
    case .some(.none) where method == .qlora:
      throw .conflict("quant", "none", reason: "qlora needs a quantized base: use --method lora")
    case .some(.none), .none: return nil
    }
  }

  /// Refuses settings that the method has no use for.
  private func refuseStrays(of name: Method.Name) throws(RecipeError) {
    if let wanted = quantization, let format = wanted, !name.takesQuantizedBase {
      throw .conflict(
        "quant", format.text, reason: "\(name.rawValue) trains on unquantized weights: use --method qlora")
    }
    let settings: [(setting: String, value: String?, isUsed: Bool)] = [
      ("rank", rank.map { "\($0)" }, name.hasRank), ("alpha", alpha.map { "\($0)" }, name.hasRank),
      ("lora-dropout", loraDropout.map { "\($0)" }, name.hasLoRA || name == .adalora),
      ("targets", targets?.text, name.hasTargets),
      ("modules-to-save", modulesToSave?.joined(separator: ","), name.hasLoRA),
      ("rslora", stabilizesRank == true ? "on" : nil, name.hasLoRA),
      ("train-layers", trainedLayers.map { "\($0)" }, name == .freeze),
      ("train-modules", trainedModules?.joined(separator: ","), name == .freeze),
      ("extra-modules", extraModules?.joined(separator: ","), name == .freeze),
      ("virtual-tokens", virtualTokens.map { "\($0)" }, [.prompt, .pTuning, .prefix].contains(name)),
      ("encoder-width", encoderWidth.map { "\($0)" }, name == .pTuning),
      ("block-size", blockSize.map { "\($0)" }, [.oft, .boft].contains(name)),
    ]
    for (setting, value, isUsed) in settings {
      guard let value, !isUsed else { continue }
      throw .conflict(
        setting, value,
        reason: name == .full ? "full fine-tuning has no adapters" : "\(name.rawValue) has no use for it")
    }
  }

  private func lora(_ assumptions: inout [String]) throws(RecipeError) -> LoRA {
    if rank == nil { assumptions.append("rank: 16") }
    if alpha == nil { assumptions.append("alpha: 32") }
    if loraDropout == nil { assumptions.append("lora-dropout: 0") }
    return try LoRA(
      rank: rank ?? 16, alpha: alpha ?? 32, dropout: loraDropout ?? 0, targets: allLinear(&assumptions),
      decomposesWeights: decomposesWeights ?? (method == .dora), stabilizesRank: stabilizesRank ?? false,
      modulesToSave: modulesToSave ?? [])
  }

  private func allLinear(_ assumptions: inout [String]) -> LoRA.Targets {
    if let targets { return targets }
    assumptions.append("targets: all linear layers but the head")
    return .allLinear
  }

  private func prompts(_ name: Method.Name, _ assumptions: inout [String]) throws(RecipeError) -> VirtualTokens {
    if virtualTokens == nil { assumptions.append("virtual-tokens: 20") }
    let kind: VirtualTokens.Kind =
      switch name {
      case .pTuning: .encoded(width: encoderWidth)
      case .prefix: .prefix
      default: .prompt
      }
    return try VirtualTokens(kind: kind, count: virtualTokens ?? 20)
  }

  /// PEFT's own defaults: rank 256 of VeRA, 8 of LoHa and LoKr, 12 of AdaLoRA; blocks of 32 of OFT, 4 of BOFT.
  private func wrapper(
    _ name: Method.Name, _ spec: ModelSpec, _ assumptions: inout [String]
  ) throws(RecipeError) -> Wrapper {
    func number(_ value: Int?, _ fallback: Int, _ setting: String) -> Int {
      if let value { return value }
      assumptions.append("\(setting): \(fallback), PEFT's default")
      return fallback
    }
    switch name {
    case .ia3:
      if targets == nil { assumptions.append("targets: PEFT's for this family") }
      return .ia3(IA3(targets: targets ?? IA3.defaultTargets(of: spec)))
    case .vera:
      return .vera(try VeRA(rank: number(rank, 256, "rank"), targets: allLinear(&assumptions)))
    case .oft: return .oft(try OFT(blockSize: number(blockSize, 32, "block-size"), targets: allLinear(&assumptions)))
    case .boft:
      return .boft(try BOFT(blockSize: number(blockSize, 4, "block-size"), targets: allLinear(&assumptions)))
    case .loha: return .loha(try LoHa(rank: number(rank, 8, "rank"), targets: allLinear(&assumptions)))
    case .lokr: return .lokr(try LoKr(rank: number(rank, 8, "rank"), targets: allLinear(&assumptions)))
    case .adalora:
      return .adalora(
        try AdaLoRA(
          rank: number(rank, 12, "rank"), dropout: loraDropout ?? 0, targets: allLinear(&assumptions)))
    case .lnTuning, .full, .freeze, .head, .bitfit, .lora, .qlora, .dora, .prompt, .pTuning, .prefix:
      return .lnTuning(LNTuning())
    }
  }
}

extension Method.Name {
  /// Whether it trains something beside a base that can be quantized.
  var takesQuantizedBase: Bool {
    switch self {
    case .full, .freeze, .head, .bitfit, .lora, .loha, .lokr: false
    case .qlora, .dora, .ia3, .lnTuning, .prompt, .pTuning, .prefix, .vera, .oft, .boft, .adalora: true
    }
  }

  var hasLoRA: Bool { [.lora, .qlora, .dora].contains(self) }
  var hasRank: Bool { hasLoRA || [.vera, .loha, .lokr, .adalora].contains(self) }
  package var hasTargets: Bool { hasRank || [.ia3, .oft, .boft].contains(self) }
}
