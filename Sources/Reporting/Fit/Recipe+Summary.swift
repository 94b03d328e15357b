import Bookkeeping
public import Modeling

extension Method {
  /// As people say it.
  public var title: String {
    switch self {
    case .full: "full fine-tuning"
    case .lora: "LoRA"
    case .qlora: "QLoRA"
    }
  }
}

extension BatchShape {
  /// Tokens of a step and where they come from.
  var summary: String {
    let microBatches = accumulation == 1 ? "" : ", \(Fixed.grouped(accumulation)) times before the optimizer's step"
    let shape = "\(Phrase.count(microBatch, "sequence")) of \(Fixed.grouped(sequence))"
    return "\(Fixed.grouped(tokensPerStep)) a step: \(shape)\(microBatches)"
  }
}

extension Optimizer {
  /// As people say it: with the way it walks over parameters where that is not the usual one.
  var summary: String {
    var text = kind.rawValue
    if kind.hasImplementations, implementation != .fused { text += " (\(implementation.rawValue))" }
    if kind.hasRank { text += " of rank \(rank)" }
    return text
  }
}

extension Recipe {
  /// Every setting on a line.
  var summary: String {
    var parts = [method.title]
    if let adapter = method.adapter {
      parts[0] += " of rank \(adapter.rank)"
      parts += ["alpha \(Phrase.number(adapter.alpha))", "on \(adapter.targets.text)"]
      if adapter.dropout > 0 { parts.append("dropout \(Phrase.number(adapter.dropout))") }
      parts.append("adapters in \(adapterFormat.rawValue)")
    }
    parts.append("weights in \(method.quantization?.text ?? weightFormat.rawValue)")
    if method.quantization != nil { parts.append("the rest in \(weightFormat.rawValue)") }
    parts += [
      "\(precision.rawValue) precision", stack.isTorch ? optimizer.summary : optimizer.kind.rawValue,
      "gradient checkpointing \(usesGradientCheckpointing ? "on" : "off")", "\(attention.rawValue) attention",
      "\(loss.rawValue) loss", "\(stack.rawValue) stack",
    ]
    return parts.joined(separator: ", ")
  }

  /// Every resolved setting, under the names of the flags.
  var json: OrderedJSON {
    [
      "method": .string(method.name.rawValue), "rank": .optional(method.adapter?.rank),
      "alpha": .optional(method.adapter?.alpha), "lora_dropout": .optional(method.adapter?.dropout),
      "targets": .optional(method.adapter?.targets.text), "quant": .string(method.quantization?.text ?? "none"),
      "dtype": .string(weightFormat.rawValue),
      "adapter_dtype": method.adapter == nil ? .null : .string(adapterFormat.rawValue),
      "precision": .string(precision.rawValue), "optimizer": .string(optimizer.kind.rawValue),
      "optimizer_implementation": optimizer.kind.hasImplementations && stack.isTorch
        ? .string(optimizer.implementation.rawValue) : .null,
      "optimizer_rank": optimizer.kind.hasRank ? .integer(optimizer.rank) : .null,
      "learning_rate": .number(optimizer.learningRate), "weight_decay": .number(optimizer.weightDecay),
      "batch": .integer(batch.microBatch), "seq": .integer(batch.sequence),
      "grad_accum": .integer(batch.accumulation), "checkpointing": .bool(usesGradientCheckpointing),
      "attention": .string(attention.rawValue), "loss": .string(loss.rawValue), "stack": .string(stack.rawValue),
      "gpus": .integer(1), "sharding": .string(Sharding.none.rawValue),
    ]
  }
}
