import Modeling

/// What a row's words call a method: its name here, and what they add to it.
struct MethodWords {
  let text: FreeText
  /// The method, quantization aside; `nil` where the words name none that has a rule.
  private(set) var name: Method.Name?
  /// Why there is no rule, where the words say a method that is known to have none.
  private(set) var objection: String?
  /// Words that say nothing about memory that is known.
  private(set) var strangers: [String] = []

  /// `full+galore128`, `lora+emb`, `freeze(l=3)`, `ptuning_v2`.
  init(_ method: String) {
    text = FreeText(method)
    if let found = MethodWords.objections.first(where: { parts, _ in parts.contains(where: text.says) }) {
      objection = found.reason
      return
    }
    let isLowRank = text.words.contains(where: MethodWords.loraWords.contains)
    if let found = MethodWords.names.first(where: { parts, _ in parts.contains(where: text.says) }),
      // `lora+head` trains the head beside adapters.
      !(isLowRank && [.head, .freeze].contains(found.name))
    {
      name = found.name
    } else if let variant = text.words.first(where: { $0.contains("lora") && !MethodWords.loraWords.contains($0) }) {
      objection = "\(variant), which is more than low-rank adapters, has no rule"
      return
    } else if text.hasAny("lora", "pissa", "loftq") {
      name = .lora
    } else if text.isEmpty || MethodWords.isFull(text) {
      name = .full
    }
    strangers = text.words.filter { word in
      !MethodWords.known.contains { $0.count > 3 ? word.hasPrefix($0) : word == $0 }
        && !word.allSatisfy { $0.isNumber || $0 == "." }
    }
  }

  private static func isFull(_ text: FreeText) -> Bool {
    text.hasAny("full", "sft", "fft", "finetun", "pretrain", "galore", "apollo", "lomo")
      || text.saysAny("fine tuning", "pre training", "ft", "dense", "all parameters")
  }

  /// The longer names first; each stands for itself as whole words.
  private static let names: [(parts: [String], name: Method.Name)] = [
    (["adalora"], .adalora), (["dora", "qdora"], .dora), (["vera", "qvera"], .vera), (["boft"], .boft),
    (["oft", "qoft", "oftv2", "coft"], .oft), (["loha"], .loha), (["lokr"], .lokr),
    (["ia3", "ia", "ia 3"], .ia3),
    (["ln tuning", "lntuning", "layernorm tuning", "layer norm tuning", "norm tuning"], .lnTuning),
    (["bitfit"], .bitfit),
    (["ptuning v2", "p tuning v2", "ptuningv2", "prefix", "prefix tuning"], .prefix),
    (["ptuning", "p tuning", "ptuning v1"], .pTuning),
    (["prompt", "prompt tuning", "soft prompt", "multitask prompt tuning"], .prompt),
    (["freeze", "lisa", "badam", "layer wise", "last layers"], .freeze),
    (["head", "head only", "linear probe", "linear probing"], .head),
  ]

  private static let loraWords = [
    "lora", "qlora", "rslora", "loraplus", "longlora", "lora8bit", "lora4bit", "lora16bit", "olora", "adalora",
  ]

  /// Words that are read here or elsewhere; those of more than three letters may go on.
  private static let known = [
    "lora", "qlora", "rslora", "longlora", "olora", "plus", "pissa", "loftq", "full", "sft", "fft", "ft", "fine",
    "tuning",
    "finetun", "pretrain", "pre", "training", "galore", "q", "apollo", "mini", "lomo", "adalomo", "emb", "head", "lm",
    "freeze", "l", "r", "lisa", "badam", "layer", "perparam", "per", "param", "quantize", "proj", "quant", "dora",
    "qdora",
    "adalora", "vera", "boft", "oft", "qoft", "loha", "lokr", "ia", "ln", "norm", "bitfit", "ptuning", "p", "v",
    "prefix", "prompt", "bit", "8bit", "4bit", "int", "nf", "bnb", "gptq", "awq", "hqq", "modules", "to", "save", "and",
    "only", "last", "wise", "supervised", "a", "with", "on", "fp16", "bf16", "single", "device", "distributed", "int8",
    "int4", "oftv2", "layernorm", "soft", "tuning", "ia3", "of",
  ]

  private static let objections: [(parts: [String], reason: String)] = [
    (
      ["dpo", "orpo", "kto", "simpo", "cpo", "ipo", "reward", "reward model", "rm"],
      "preference tuning runs pairs, and often a second model, for which there is no rule"
    ),
    (["ppo", "grpo", "rloo", "gspo", "dapo", "rl", "rlhf"], "reinforcement learning has no rule"),
    (["kd", "distillation", "knowledge distillation", "gkd"], "a teacher beside the model has no rule"),
    (["qat"], "fake quantization in training has no rule"),
    (["llamapro", "llama pro"], "copied blocks between the model's own have no rule"),
    (["lora fa"], "factors of which only one half trains have no rule"),
    (["trainable tokens", "cpt", "xlora", "poly"], "it has no rule"),
  ]
}
