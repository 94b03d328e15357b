import Modeling

// What turns gradients into updates.

extension MeasurementTranslation {
  mutating func readOptimizer() throws(Refusal) {
    let text = row.setting.optimizer
    // GaLore and its kin are often the method's name.
    let own = FreeText(text)
    let methods = FreeText(row.setting.method)
    let isProjected = methods.hasAny("galore", "apollo", "lomo")
    let words = isProjected ? FreeText([text, row.setting.method].compactMap(\.self).joined(separator: " ")) : own
    if words.isEmpty {
      try assumeOptimizer()
      return
    }
    guard let name = MeasurementTranslation.optimizer(words) else {
      throw Refusal(.optimizer, "\(text ?? row.setting.method) has no rule")
    }
    // By name, so that an optimizer is planned here from the day on which it has a rule.
    let kinds = name.compactMap(Optimizer.Kind.init(rawValue:))
    guard let kind = kinds.first else { throw Refusal(.optimizer, "\(text ?? name[0]) has no rule") }
    // megatron/core/optimizer/__init__.py: its Adam is Transformer Engine's or Apex's, decoupled decay or not.
    request.optimizer = program == .megatron && kind == .adamw ? .fusedAdam : kind
    request.optimizerImplementation = implementation(words)
    if kind.hasRank { readOptimizerRank(words) }
    if words.hasAny("in bwd", "in backward") {
      guard program == .torchtune else {
        throw Refusal(.optimizer, "\(text ?? ""): updates during the backward pass have no rule")
      }
      // torchtune/training/memory.py, `register_optim_in_bwd_hooks`.
      choices.stepsInBackward = true
    }
  }

  /// The stack's own optimizer, where the row names none.
  private mutating func assumeOptimizer() throws(Refusal) {
    let description = (request.stack ?? .transformers).description
    let isQuantized = request.quantization.map { $0 != nil } ?? false
    let usual =
      request.method == .full
      ? description.full.optimizer : isQuantized ? description.qlora.optimizer : description.lora.optimizer
    assume("optimizer: \(usual.rawValue), \(program.title)'s own, since none is stated")
    request.optimizer = usual
    request.optimizerImplementation = implementation(FreeText(nil))
  }

  /// `galore128`, `apollo rank 256`, or the rank column of a row whose method is the projection.
  private mutating func readOptimizerRank(_ words: FreeText) {
    for (place, word) in words.words.enumerated() {
      for name in ["galore", "apollo"] where word.hasPrefix(name) {
        if let rank = Int(word.dropFirst(name.count)), rank > 0 { request.optimizerRank = rank }
      }
      if ["rank", "r"].contains(word), words.words.indices.contains(place + 1),
        let rank = Int(words.words[place + 1]), rank > 0
      {
        request.optimizerRank = rank
      }
    }
    // apollo_torch's README: APOLLO-Mini is of rank 1.
    if words.says("apollo mini") { request.optimizerRank = request.optimizerRank ?? 1 }
    if let rank = row.setting.rank, rank > 0 { request.optimizerRank = request.optimizerRank ?? rank }
    if request.optimizerRank == nil {
      assume("optimizer rank: \(Optimizer.defaultRank), the Trainer's (`_get_galore_optimizer`)")
    }
  }

  /// What an optimizer may be called here, the best name first; `nil` where the words name none.
  private static func optimizer(_ words: FreeText) -> [String]? {
    let isPaged = words.has("paged")
    let is8bit = words.hasAny("8bit", "8 bit")
    let isBitsAndBytes = isPaged || words.hasAny("bnb", "bitsandbytes")
    let isTorchAO = words.hasAny("torchao", " ao ")
    // Q-GaLore's weights are int8 and its projections int4.
    if words.hasAny("q galore", "qgalore", "q apollo", "quantize", "proj quant") { return nil }
    let layerwise = words.hasAny("layerwise", "layer wise", "per layer", "perlayer", "perparam", "per param")
    if words.has("galore") {
      let base = words.has("adafactor") ? "adafactor" : "adamw"
      return ["galore-\(base)" + (is8bit && base == "adamw" ? "-8bit" : "") + (layerwise ? "-layerwise" : "")]
    }
    if words.has("apollo") { return ["apollo-adamw" + (layerwise ? "-layerwise" : "")] }
    for name in ["adalomo", "lomo", "muon", "adagrad", "adan", "sophia", "came"] where words.has(name) { return [name] }
    if words.hasAny("adam mini", "adammini") { return ["adam-mini"] }
    if words.has("schedule") { return ["schedule-free-" + (words.has("sgd") ? "sgd" : "adamw")] }
    if words.has("ademamix") { return [(isPaged ? "paged-" : "") + "ademamix" + (is8bit ? "-8bit" : "")] }
    if words.has("rmsprop") { return ["rmsprop" + (is8bit ? "-8bit" : "")] }
    if words.has("adafactor") { return words.has("torch adafactor") ? ["adafactor-torch"] : ["adafactor"] }
    if words.has("lion") { return [(isPaged ? "paged-" : "") + "lion" + (is8bit ? "-8bit" : "")] }
    if words.has("sgd") {
      return words.has("momentum") && !words.hasAny("no momentum", "without momentum") ? ["sgd-momentum"] : ["sgd"]
    }
    // BAdam's is AdamW of one block; Adam's states are AdamW's; `HF default` is AdamW too.
    guard words.has("adam") || words.isEmpty || words.saysAny("default", "hf default") else { return nil }
    if isTorchAO || words.hasAny("4bit", "4 bit", "fp8") {
      return ["adamw-torch-" + (words.hasAny("4bit", "4 bit") ? "4bit" : words.has("fp8") ? "fp8" : "8bit")]
    }
    if is8bit { return [(isPaged ? "paged-" : "") + "adamw-8bit"] }
    if isPaged { return ["paged-adamw"] }
    if isBitsAndBytes { return ["adamw-32bit"] }
    // DeepSpeed's and Apex's keep what torch's fused AdamW keeps.
    return words.hasAny("fusedadam", "fused adam", "apex") ? ["fused-adam", "adamw"] : ["adamw"]
  }

  private mutating func implementation(_ words: FreeText) -> Optimizer.Implementation {
    if words.hasAny("fused") { return .fused }
    if words.hasAny("foreach") { return .foreach }
    if words.hasAny("single tensor", "for loop") { return .single }
    // torch/optim/adam.py, `_default_to_fused_or_foreach`: foreach on CUDA since 2.0, unless told otherwise;
    // transformers/training_args.py, `default_optim`: fused from torch 2.8 on where nothing was chosen.
    if words.isEmpty, let torch = software["torch"], torch >= SoftwareVersions.Version(2, 8) { return .fused }
    if let torch = software["torch"], torch < SoftwareVersions.Version(2, 0) { return .single }
    if words.has("adam"), !words.hasAny("bnb", "bitsandbytes", "8bit", "paged") {
      assume("optimizer: torch's foreach implementation, its default on CUDA")
    }
    return .foreach
  }
}
