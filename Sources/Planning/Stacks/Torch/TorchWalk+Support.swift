import Bookkeeping
import Modeling

// What software itself refuses, or what no rule is written for: quantizations and optimizers.

extension TorchWalk {
  static func checkQuantization(_ spec: ModelSpec, _ recipe: Recipe) throws(PlanError) {
    guard let quantization = recipe.method.quantization else { return }
    func refuse(_ what: String, _ advice: String) throws(PlanError) {
      throw .notModeled(what: what, stack: recipe.stack, advice: advice)
    }
    if quantization == .int8, recipe.weightFormat == .fp32, recipe.precision == .pure {
      try refuse("an int8 base in pure fp32", "use --precision autocast or --dtype bf16")
    }
    switch quantization {
    case .torchaoInt4:
      try refuse(
        "training on torchao's int4 weights, whose kernels have no backward",
        "use --quant int8wo, --quant hqq4 or --quant nf4")
    case .gptq, .awq:
      if recipe.weightFormat == .fp32 {
        try refuse(
          "\(quantization.text) in fp32", "its kernels take fp16 and bf16: use --dtype fp16")
      }
    case .nf4, .fp4, .blockwise, .int8, .hqq, .torchaoNF4, .torchaoInt8: break
    }
    switch quantization {
    case .nf4, .fp4, .blockwise, .int8: return
    case .gptq, .awq:
      if spec.feedForward.experts != nil, recipe.choices.experts == .grouped {
        try refuse(
          "\(quantization.text) of a mixture, whose experts are packed one by one",
          "use --quant nf4")
      }
    case .hqq, .torchaoNF4, .torchaoInt8, .torchaoInt4: break
    }
    if case .gptq = quantization {
      // gptqmodel quantizes GPT-2's Conv1D as well.
    } else if spec.architecture == .gpt2 {
      try refuse("\(quantization.text) of GPT-2, whose layers are no nn.Linear", "use --quant nf4")
    }
    for module in spec.linearModules(0)
    where !quantization.divides(output: module.output, input: module.input) {
      try refuse(
        "\(quantization.text) of \(module.shortName), [\(module.output), \(module.input)], which does not divide into "
          + "its groups and words", "choose another --group-size, or --quant nf4")
    }
  }

  static func checkOptimizer(_ spec: ModelSpec, _ recipe: Recipe) throws(PlanError) {
    let kind = recipe.optimizer.kind
    func refuse(_ what: String, _ advice: String) throws(PlanError) {
      throw .notModeled(what: what, stack: recipe.stack, advice: advice)
    }
    let trainsBase = recipe.method.adapter == nil
    switch kind.family {
    case .galore, .apollo:
      if !trainsBase {
        try refuse(
          "\(kind.rawValue) on adapters, which are of low rank already",
          "use --method full, or --optimizer adamw")
      }
      if spec.architecture == .gpt2 {
        try refuse(
          "\(kind.rawValue) on GPT-2, whose layers are no nn.Linear", "use --optimizer adamw")
      }
    case .adamMini where !trainsBase:
      // adam_mini.py, `step`: an adapter named after q_proj is cut up into heads that it does not have.
      try refuse(
        "adam-mini on adapters, whose blocks it tells by the names of whole layers",
        "use --method full")
    case .adamMini
    where !(spec.attention.queryWidth * spec.hiddenSize).isMultiple(of: spec.headElements)
      || !(spec.attention.keyValueWidth * spec.hiddenSize).isMultiple(of: spec.headElements):
      // `m.view(-1, head_numel)` fails.
      try refuse(
        "adam-mini on heads of \(spec.attention.headDimension), which it takes to be hidden size over heads wide",
        "use --optimizer adamw")
    case .lomo where !trainsBase:
      try refuse(
        "\(kind.rawValue) on adapters, whose gradients are small",
        "use --method full, or --optimizer adamw")
    case .torchAdamW, .fusedAdam, .torchSGD, .torchRMSprop, .torchAdagrad, .torchAdafactor, .muon,
      .transformersAdafactor, .bitsandbytes, .torchao, .scheduleFree, .adamMini, .lomo:
      break
    }
    let dividesParameters = ![Sharding.none, .ddp].contains(recipe.parallelism.sharding)
    let needsWholeMatrices: Bool =
      switch kind.family {
      case .galore, .apollo, .muon, .adamMini, .lomo, .torchAdafactor, .transformersAdafactor: true
      default: false
      }
    if dividesParameters && needsWholeMatrices
      || kind.updatesInBackward && recipe.parallelism.sharding != .none
    {
      try refuse(
        "\(kind.rawValue) on parameters that \(recipe.parallelism.sharding.rawValue) spreads over GPUs",
        "use --optimizer adamw, or --sharding none")
    }
    if kind.updatesInBackward, recipe.batch.accumulation > 1 {
      // transformers/trainer_optimizer.py, `_setup_low_rank_optimizer`; lomo_optim's hooks update at every backward.
      try refuse(
        "\(kind.rawValue) with gradient accumulation, which lets go of every gradient at once",
        "use --grad-accum 1")
    }
  }
}

extension ModelSpec {
  /// adam_mini.py: `head_numel = dim * dim // n_heads`.
  var headElements: Int { max(1, hiddenSize * hiddenSize / attention.heads) }
}

extension Quantization {
  /// Whether a weight [output, input] divides into whole groups, and its codes into whole words.
  fileprivate func divides(output: Int, input: Int) -> Bool {
    switch self {
    case .nf4, .fp4, .blockwise, .int8, .torchaoInt8: true
    // gptqmodel pads a ragged last group; codes and zeros fill int32s, 3 bits three of them at a time.
    case .gptq: input.isMultiple(of: 32) && output.isMultiple(of: 32)
    case .awq(let groups):
      input.isMultiple(of: groups.groupSize ?? input) && output.isMultiple(of: 8)
    case .hqq(let groups): (input * output).isMultiple(of: groups.groupSize ?? input)
    // nf4_tensor.py, `NF4Tensor.from_tensor`: blocks of 64, 256 scales of which share a factor.
    case .torchaoNF4: (input * output).isMultiple(of: 64 * 256)
    case .torchaoInt4(let groups): input.isMultiple(of: groups.groupSize ?? input)
    }
  }
}
