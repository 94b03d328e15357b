import Modeling

// What turns gradients into updates.

extension MeasurementTranslation {
  mutating func readOptimizer() throws(Refusal) {
    let text = row.setting.optimizer
    let words = FreeText(text)
    let known = [
      "galore", "badam", "apollo", "muon", "lomo", "came", "ademamix", "adan", "adagrad", "rmsprop", "sophia",
      "adam mini",
      "schedule",
    ]
    if let name = known.first(where: words.has) { throw Refusal(.optimizer, "\(text ?? name) has no rule") }
    if words.hasAny("optimizer in bwd", "optimizer in backward", "in backward") {
      throw Refusal(.optimizer, "\(text ?? ""): updates during the backward pass have no rule")
    }
    request.optimizer = try kind(words)
    request.optimizerImplementation = implementation(words)
  }

  private mutating func kind(_ words: FreeText) throws(Refusal) -> Optimizer.Kind {
    let isPaged = words.has("paged")
    if words.hasAny("adafactor") { return .adafactor }
    if words.has("lion") {
      guard !words.hasAny("8bit", "8 bit") else { throw Refusal(.optimizer, "an 8-bit Lion has no rule") }
      return .lion
    }
    if words.has("sgd") {
      return words.saysAny("momentum") && !words.saysAny("no momentum", "without momentum") ? .sgdMomentum : .sgd
    }
    guard words.has("adam") || words.isEmpty else {
      throw Refusal(.optimizer, "\(row.setting.optimizer ?? "") has no rule")
    }
    if words.isEmpty { assume("optimizer: AdamW, since none is stated") }
    if words.hasAny("4bit", "4 bit", "fp8") || words.has("torchao") {
      throw Refusal(.optimizer, "\(row.setting.optimizer ?? "") has no rule")
    }
    if words.hasAny("8bit", "8 bit") { return isPaged ? .pagedAdamw8bit : .adamw8bit }
    return isPaged ? .pagedAdamw : .adamw
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
