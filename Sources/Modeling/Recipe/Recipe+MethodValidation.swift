import Bookkeeping

extension Recipe {
  /// Checks what a method names against the model.
  func validateMethod(for spec: ModelSpec) throws(RecipeError) {
    if case .modules(let names) = method.wrapping?.targets {
      let modules = spec.linearModules(0)
      guard !names.isEmpty else { throw .outOfRange("targets", "empty", "a list of module names") }
      // LitGPT names queries, keys and values apart wherever they come out of one weight.
      let apart = choices.modelCode.isLitGPT ? ["q_proj", "k_proj", "v_proj"] : []
      for name in names where !apart.contains(name) && !spec.hasModule(named: name) {
        throw .noSuchTarget(name, model: spec.name, known: modules.map(\.shortName))
      }
    }
    for name in method.adapter?.modulesToSave ?? [] where !spec.canCopy(name) {
      throw .noSuchModule(
        "modules-to-save", name, model: spec.name, known: [spec.embeddingModule, spec.headModule, "norms"])
    }
    if case .partial(let part) = method { try validate(part, for: spec) }
    if case .wrapped(.boft(let boft), _) = method {
      for module in spec.linearModules(0) where boft.targets.match(module) {
        guard module.input.isMultiple(of: boft.blockSize) else {
          throw .conflict(
            "block-size", "\(boft.blockSize)",
            reason: "BOFT needs a divisor of \(module.shortName)'s \(module.input) inputs")
        }
      }
    }
    if case .prompted(let tokens, _) = method {
      if case .prefix = tokens.kind, usesGradientCheckpointing, stack.isTorch {
        // peft_model.py, `add_adapter`: "Prefix tuning does not work with gradient checkpointing."
        throw .conflict("checkpointing", "on", reason: "PEFT refuses it with prefix tuning: use --no-checkpointing")
      }
      guard batch.sequence + tokens.count <= spec.maximumPositions else {
        throw .sequenceBeyondPositions(
          sequence: batch.sequence + tokens.count, positions: spec.maximumPositions, model: spec.name)
      }
    }
  }

  private func validate(_ part: PartialTraining, for spec: ModelSpec) throws(RecipeError) {
    switch part {
    case .head: return
    case .biases:
      guard (spec.layerParameters(0) + spec.outerParameters).contains(where: { part.trains($0, of: spec) }) else {
        throw .conflict("method", "bitfit", reason: "\(spec.name) has no biases")
      }
    case .layers(let freeze):
      let outer = spec.outerParameters
      for name in freeze.extraModules where !outer.contains(where: { spec.isModule(name, of: $0) }) {
        throw .noSuchModule(
          "extra-modules", name, model: spec.name, known: [spec.embeddingModule, spec.headModule])
      }
      let inner = spec.layerParameters(0)
      for name in freeze.modules where !inner.contains(where: { $0.name.contains(".\(name).") }) {
        throw .noSuchModule(
          "train-modules", name, model: spec.name, known: spec.linearModules(0).map(\.shortName))
      }
    }
  }
}

extension ModelSpec {
  /// Whether any layer has a module of this name, or ending in it: a target may be in one layer only.
  fileprivate func hasModule(named name: String) -> Bool {
    let target = LoRA.Targets.modules([name])
    return (0..<layerCount).contains { layer in linearModules(layer).contains(where: target.match) }
  }

  /// Whether a trained copy of a module of this name is known: the embedding, the head, a norm.
  fileprivate func canCopy(_ name: String) -> Bool {
    if name == headModule || headModule.hasSuffix("." + name) { return true }
    return (outerParameters + layerParameters(0)).contains { parameter in
      guard isModule(name, of: parameter) else { return false }
      switch parameter.role {
      case .embedding, .head, .norm: return true
      default: return false
      }
    }
  }

  fileprivate var embeddingModule: String { embeddingName.lastModule }
}

extension String {
  /// `embed_tokens` of `model.embed_tokens.weight`.
  fileprivate var lastModule: String { String(split(separator: ".").dropLast().last ?? "") }
}
