import Modeling

// How attention is computed, and which kernels run beside it.

extension MeasurementTranslation {
  mutating func readAttention(on device: Device?) throws(Refusal) {
    let words = FreeText(row.setting.attention)
    if words.hasAny("fused rmsnorm", "fused lora", "liger rms", "fused mlp") {
      try readFusedKernels(words)
    }
    // The first word counts: `torch sdpa (flash-attn 2 if installed)` is SDPA.
    let places: [(AttentionImplementation, Int)] = [
      (.eager, words.place(of: ["eager", "math", "naive"])),
      (.sdpa, words.place(of: ["sdpa", "efficient", "xformers"])),
      (.flash, words.place(of: ["flash"])),
    ]
    if let first = places.filter({ $0.1 >= 0 }).min(by: { $0.1 < $1.1 }) {
      request.attention = first.0
      if words.saysAny("xformers"), first.0 == .sdpa {
        assume("attention: xformers' kernel, planned as torch's fused one, which keeps the same tensors")
      }
      return
    }
    if spec.attention.logitSoftcap == nil {
      assume("attention: sdpa, Transformers' default since 4.36 (`_autoset_attn_implementation`)")
      request.attention = .sdpa
    }
  }

  private mutating func readFusedKernels(_ words: FreeText) throws(Refusal) {
    throw Refusal(.software, "the fused kernels of \(row.setting.attention ?? "") have no rule")
  }
}

extension FreeText {
  /// The place of the first word that begins with one of these; -1 where there is none.
  fileprivate func place(of parts: [String]) -> Int {
    words.firstIndex { word in parts.contains { word.hasPrefix($0) } } ?? -1
  }
}
