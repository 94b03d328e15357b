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
      if first.0 == .sdpa, spec.attention.logitSoftcap != nil || isAlwaysEager {
        assume("attention: eager, since Transformers has no fused one for \(spec.name)'s class")
        request.attention = .eager
      }
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

  /// All of Liger's kernels, where a trainer of Transformers turns them on (transformers training_args.py,
  /// `use_liger_kernel`); fms-acceleration takes its fused head alone.
  private mutating func readLiger() {
    let words = FreeText([row.setting.loss, row.setting.library].compactMap(\.self).joined(separator: " "))
    switch program {
    case .trl, .trainer, .llamaFactory, .axolotl, .swift:
      guard words.has("liger") else { return }
      (choices.norm, choices.rotary, choices.gate) = (.liger, .liger, .liger)
    default: return
    }
  }

  /// Kernels that are named beside attention, and those of the program that are not.
  private mutating func readKernels(_ words: FreeText) {
    readLiger()
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
