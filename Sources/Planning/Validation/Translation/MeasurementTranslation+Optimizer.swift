import Modeling

// What turns gradients into updates.

extension MeasurementTranslation {
  mutating func readOptimizer() throws(Refusal) {
    let text = row.setting.optimizer
    let words = FreeText(text)
    if words.hasAny("optimizer in bwd", "optimizer in backward", "in backward") {
      guard program == .torchtune else {
        throw Refusal(.optimizer, "\(text ?? ""): updates during the backward pass have no rule")
      }
      choices.stepsInBackward = true
    }
    if words.isEmpty { assume("optimizer: AdamW, since none is stated") }
    guard let name = MeasurementTranslation.optimizer(words) else {
      throw Refusal(.optimizer, "\(text ?? "") has no rule")
    }
    // By name, so that an optimizer is planned here from the day on which it has a rule.
    let kinds = name.compactMap(Optimizer.Kind.init(rawValue:))
    guard let kind = kinds.first else { throw Refusal(.optimizer, "\(text ?? name[0]) has no rule") }
    request.optimizer = kind
    request.optimizerImplementation = implementation(words)
  }

  /// What an optimizer may be called here, the best name first; `nil` where the words name none.
  private static func optimizer(_ words: FreeText) -> [String]? {
    let isPaged = words.has("paged")
    let is8bit = words.hasAny("8bit", "8 bit")
    let isBitsAndBytes = isPaged || words.hasAny("bnb", "bitsandbytes")
    let isTorchAO = words.hasAny("torchao", " ao ")
    if words.has("badam") || words.has("lisa") || words.has("q galore") { return nil }
    if words.has("galore") {
      guard words.has("quantize") == false else { return nil }
      let layerwise = words.hasAny("layerwise", "per layer", "perparam", "per param") ? "-layerwise" : ""
      return ["galore-adamw" + (is8bit ? "-8bit" : "") + layerwise]
    }
    if words.has("apollo") { return ["apollo-adamw"] }
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
    guard words.has("adam") || words.isEmpty else { return nil }
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
