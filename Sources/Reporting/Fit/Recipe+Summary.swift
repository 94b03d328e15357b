import Bookkeeping
public import Modeling

extension Method {
  /// As people say it.
  public var title: String {
    switch self {
    case .full: "full fine-tuning"
    case .lora(let lora): lora.decomposesWeights ? "DoRA" : "LoRA"
    case .qlora(let lora, _): lora.decomposesWeights ? "QDoRA" : "QLoRA"
    case .partial(.layers(let freeze)):
      freeze.layers < 0
        ? "training of the first \(Phrase.count(-freeze.layers, "layer"))"
        : "training of the last \(Phrase.count(freeze.layers, "layer"))"
    case .partial(.head): "training of the head"
    case .partial(.biases): "BitFit"
    case .wrapped(let wrapper, _):
      switch wrapper {
      case .ia3: "(IA)³"
      case .lnTuning: "LN tuning"
      case .vera: "VeRA"
      case .oft: "OFT"
      case .boft: "BOFT"
      case .loha: "LoHa"
      case .lokr: "LoKr"
      case .adalora: "AdaLoRA"
      }
    case .prompted(let tokens, _):
      switch tokens.kind {
      case .prompt: "prompt tuning"
      case .encoded: "p-tuning"
      case .prefix: "prefix tuning"
      }
    }
  }
}

extension BatchShape {
  /// Tokens of a step and where they come from.
  var summary: String {
    let microBatches = accumulation == 1 ? "" : ", \(Fixed.grouped(accumulation)) times before the optimizer's step"
    let shape = "\(Phrase.count(microBatch, "sequence")) of \(Fixed.grouped(sequence))"
    let varied = lengths.map { ", at most (\($0.text))" } ?? ""
    return "\(Fixed.grouped(tokensPerStep)) a step: \(shape)\(varied)\(microBatches)"
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
      if adapter.stabilizesRank { parts.append("rank-stabilized") }
      if !adapter.modulesToSave.isEmpty {
        parts.append("\(adapter.modulesToSave.joined(separator: " and ")) trained whole")
      }
      parts.append("adapters in \(adapterFormat.rawValue)")
    }
    if let tokens = method.virtualTokens { parts[0] += " of \(Phrase.count(tokens.count, "virtual token"))" }
    if case .wrapped = method {
      if let targets = method.wrapping?.targets { parts.append("on \(targets.text)") }
      parts.append("adapters in \(adapterFormat.rawValue)")
    }
    parts.append("weights in \(method.quantization?.text ?? weightFormat.rawValue)")
    if method.quantization != nil { parts.append("the rest in \(weightFormat.rawValue)") }
    parts += [
      "\(precision.rawValue) precision", stack.isTorch ? optimizer.summary : optimizer.kind.rawValue,
      checkpointingSummary, "\(attention.rawValue) attention",
      "\(loss.rawValue) loss", "\(stack.rawValue) stack",
    ]
    if choices.stepsInBackward { parts.append("optimizer in backward") }
    if parallelism != .single {
      parts.append("\(parallelism.way) over \(Phrase.count(parallelism.devices, "GPU"))")
      let offload = parallelism.settings.offload
      if offload != .none { parts.append("\(offload == .all ? "everything" : offload.rawValue) offloaded to the host") }
    }
    if !runtime.allocator.text.isEmpty { parts.append("allocator \(runtime.allocator.text)") }
    if let bytes = runtime.cublasWorkspace { parts.append("cuBLAS workspaces of \(bytes)") }
    if let steps = runtime.emptyCacheSteps { parts.append("cache emptied every \(Phrase.count(steps, "step"))") }
    return parts.joined(separator: ", ")
  }

  private var checkpointingSummary: String {
    let layers = choices.layersPerCheckpoint
    if usesGradientCheckpointing, layers > 1 { return "gradient checkpointing every \(layers) layers" }
    return "gradient checkpointing \(usesGradientCheckpointing ? "on" : "off")"
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
      "checkpoint_every": usesGradientCheckpointing ? .integer(choices.layersPerCheckpoint) : .null,
      "optimizer_in_backward": .bool(choices.stepsInBackward),
      "attention": .string(attention.rawValue), "loss": .string(loss.rawValue), "stack": .string(stack.rawValue),
      "alloc_conf": .string(runtime.allocator.text),
      "cublas_workspace_bytes": .optional(runtime.cublasWorkspace?.count),
      "empty_cache_steps": .optional(runtime.emptyCacheSteps), "lengths": .optional(batch.lengths?.text),
      "gpus": .integer(parallelism.devices), "sharding": .string(parallelism.way),
      "offload": .string(parallelism.settings.offload.rawValue),
    ]
  }
}

extension Parallelism {
  /// What runs a micro-batch: a GPU, or a group that divides its products.
  var unit: String { settings.tensorParallelSize > 1 ? "group of \(settings.tensorParallelSize) GPUs" : "GPU" }

  /// How GPUs share, in a few words: `zero1`, `tp 4`, `zero1 × tp 8 + sp`.
  var way: String {
    guard settings.tensorParallelSize > 1 else { return sharding.rawValue }
    let tensor = "tp \(settings.tensorParallelSize)" + (settings.usesSequenceParallel ? " + sp" : "")
    return sharding == .none ? tensor : "\(sharding.rawValue) × \(tensor)"
  }
}
