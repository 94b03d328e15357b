import Modeling

// How attention is computed, and which kernels run beside it.

extension MeasurementTranslation {
  mutating func readAttention(on device: Device?) throws(Refusal) {
    let words = FreeText(row.setting.attention)
    readKernels(words)
    if words.hasAny("expanded", "repeat kv") { choices.sharedHeads = .repeated }
    // The first word counts: `torch sdpa (flash-attn 2 if installed)` is SDPA.
    let places: [(AttentionImplementation, Int)] = [
      (.eager, words.place(of: ["eager", "math", "naive"])),
      (.sdpa, words.place(of: ["sdpa", "efficient", "xformers", "scaled"])),
      (.flash, words.place(of: ["flash", "fa2", "fa3"])),
    ]
    if let first = places.filter({ $0.1 >= 0 }).min(by: { $0.1 < $1.1 }) {
      request.attention = first.0
      if words.saysAny("xformers"), first.0 == .sdpa {
        assume("attention: xformers' kernel, planned as torch's fused one, which keeps the same tensors")
      }
      return
    }
    if isAlwaysEager {
      assume("attention: eager, since Transformers has no other for \(spec.name)'s class")
      request.attention = .eager
    } else if spec.attention.logitSoftcap == nil {
      assume("attention: sdpa, Transformers' default since 4.36 (`_autoset_attn_implementation`)")
      request.attention = .sdpa
    }
  }

  /// Kernels that are named beside attention, and those of the program that are not.
  private mutating func readKernels(_ words: FreeText) {
    if words.hasAny("fused rmsnorm", "fused norm", "liger rmsnorm", "fused rope") {
      choices.norm = program == .unsloth ? .unsloth : .liger
      choices.rotary = program == .unsloth ? .unsloth : .liger
    }
    if words.hasAny("liger swiglu", "fused swiglu", "fused mlp") { choices.gate = .liger }
    if words.hasAny("fused lora", "fast lora") {
      choices.adapters = program == .unsloth ? .unsloth : .foak
    }
  }
}

extension FreeText {
  /// The place of the first word that begins with one of these; -1 where there is none.
  fileprivate func place(of parts: [String]) -> Int {
    words.firstIndex { word in parts.contains { word.hasPrefix($0) } } ?? -1
  }
}
