import ArgumentParser
import Configurations
import Modeling

/// Every flag that says how a model is trained, the same for all commands.
///
/// Numbers are taken as they stand, a leading minus included, so that the recipe can say what is wrong with them.
struct RecipeOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A training configuration that you have, of axolotl, LLaMA-Factory, TRL, Transformers, torchtune, Unsloth, PEFT, "
        + "Accelerate, FSDP or DeepSpeed; again for another file of the same run. Flags win over it.",
      valueName: "file"))
  var config: [String] = []

  @Option(
    help:
      "What trains: everything, part of it, adapters on a frozen or quantized base, or virtual tokens. (default: lora)"
  )
  var method: Method.Name?

  @Option(name: .long, parsing: .unconditional, help: "Rank of the adapters. (default: 16)", transform: Number.whole)
  var rank: Int?

  @Option(
    name: .long, parsing: .unconditional, help: "Adapters are scaled by alpha / rank. (default: 32)",
    transform: Number.real)
  var alpha: Double?

  @Option(
    name: .long, parsing: .unconditional,
    help: "Share of an adapter's inputs that are dropped. (default: 0)", transform: Number.real)
  var loraDropout: Double?

  @Option(
    help: ArgumentHelp(
      "Layers that get an adapter: all-linear, attention, or names such as q_proj,v_proj. (default: all-linear)",
      valueName: "all-linear|attention|names"))
  var targets: String?

  @Flag(help: "Scale adapters by alpha / √rank.")
  var rslora = false

  @OptionGroup
  var methodOptions: MethodOptions

  @Option(help: "How the frozen base is stored. (default: nf4 for qlora, none otherwise)")
  var quant: QuantizationName?

  @Flag(inversion: .prefixedNo, help: "Quantize the scales of nf4 and fp4 again. (default: --double-quant)")
  var doubleQuant: Bool?

  @Option(
    name: .long, parsing: .unconditional,
    help: "Weights that share a scale; -1 for a whole row. (default: the format's, 64 or 128)",
    transform: Number.whole)
  var groupSize: Int?

  @Flag(help: "GPTQ groups weights by importance, not by place (desc_act).")
  var actOrder = false

  @Option(help: "Format in which weights that are not quantized are loaded. (default: the stack's)")
  var dtype: FloatingFormat?

  @Option(help: "Format of the adapters. (default: the stack's)")
  var adapterDtype: FloatingFormat?

  @Option(help: "All arithmetic in the weights' format, or products in 16 bits on the fly. (default: the stack's)")
  var precision: Precision?

  @Option(help: "What turns gradients into updates; TrainingArguments' names are known too. (default: adamw)")
  var optimizer: OptimizerName?

  @Option(help: "How torch's optimizers walk over the parameters. (default: the stack's)")
  var optimizerImplementation: Optimizer.Implementation?

  @Option(
    name: .long, parsing: .unconditional, help: "Rank of GaLore's and APOLLO's projections. (default: 128)",
    transform: Number.whole)
  var optimizerRank: Int?

  @Option(
    name: .long, parsing: .unconditional, help: "Learning rate; memory does not depend on it.", transform: Number.real)
  var learningRate: Double?

  @Option(
    name: .long, parsing: .unconditional, help: "Weight decay; memory does not depend on it. (default: 0)",
    transform: Number.real)
  var weightDecay: Double?

  @Option(
    name: .long, parsing: .unconditional, help: "Sequences of one micro-batch. (default: 1)", transform: Number.whole)
  var batch: Int?

  @Option(
    name: .long, parsing: .unconditional, help: "Tokens of one sequence, padding included. (default: 1024)",
    transform: Number.whole)
  var seq: Int?

  @Option(
    name: .long, parsing: .unconditional, help: "Micro-batches that add up to one step. (default: 1)",
    transform: Number.whole)
  var gradAccum: Int?

  @Flag(
    inversion: .prefixedNo,
    help: "Keep only the layers' inputs and compute the rest again in the backward pass. (default: the stack's)")
  var checkpointing: Bool?

  @Option(
    name: .long, parsing: .unconditional,
    help: "Layers that share a checkpoint and are computed again together; turns checkpointing on. (default: 1)",
    transform: Number.whole)
  var checkpointEvery: Int?

  @Flag(
    inversion: .prefixedNo,
    help:
      "Update every parameter as soon as its gradient is there, and keep no gradients. (default: the stack's)")
  var optimizerInBackward: Bool?

  @Option(help: "How attention is computed. (default: the stack's)")
  var attention: AttentionImplementation?

  @Option(help: "How head and loss are computed: all logits at once, in chunks, or fused. (default: the stack's)")
  var loss: LossImplementation?

  @Option(help: "The software that runs the step. (default: trl)")
  var stack: Stack?

  @Option(
    name: .long, parsing: .unconditional,
    help: ArgumentHelp(
      "GPUs that share the step; memory is that of one. For plan also all, or names: which of these carry it. "
        + "(default: 1)", valueName: "count"))
  var gpus: GPUsArgument?

  @Option(help: "How a step is spread over GPUs. (default: ddp on several)")
  var sharding: Sharding?

  @Option(
    name: .long, parsing: .unconditional,
    help: ArgumentHelp("GPUs that divide every matrix product among them. (default: 1)", valueName: "count"),
    transform: Number.whole)
  var tensorParallel: Int?

  @Flag(help: "Divide what lies between divided products over the tokens of a sequence.")
  var sequenceParallel = false

  @Option(help: "What of a sharded step lives in the host's memory. (default: none)")
  var offload: ShardingSettings.Offload?

  @Option(help: "Format that gradients are reduced in. (default: the software's)")
  var reduceDtype: FloatingFormat?

  @Option(
    name: .long, parsing: .unconditional, help: "Elements of DeepSpeed's gradient buckets. (default: 500000000)",
    transform: Number.whole)
  var reduceBucket: Int?

  @Flag(
    inversion: .prefixedNo,
    help: "Keep gradients whole on every GPU until the last micro-batch of a step. (default: --no-unsharded-gradients)")
  var unshardedGradients: Bool?

  /// Sentences on what these flags left open and no recipe can tell.
  var assumptions: [String] {
    guard quant == .nf4 || quant == .fp4, doubleQuant == nil else { return [] }
    return ["double quantization: on, as in the QLoRA paper"]
  }

  /// What the files of `--config` say together; `nil` where none was named.
  func configuration() throws(ConfigurationError) -> TrainingConfiguration? {
    config.isEmpty ? nil : try TrainingConfiguration(reading: config)
  }

  /// The recipe that the flags ask for, gaps left open.
  func request() throws -> RecipeRequest {
    if case .count(let count) = gpus, count < 1 { throw UsageError.noGPUs(count) }
    var request = RecipeRequest()
    request.method = method
    request.rank = rank
    request.alpha = alpha
    request.loraDropout = loraDropout
    request.targets = targets.map(RecipeOptions.targets)
    request.stabilizesRank = rslora ? true : nil
    methodOptions.fill(&request)
    request.quantization = try QuantizationFlags(
      name: quant, isDouble: doubleQuant, groupSize: groupSize, isActOrdered: actOrder
    ).quantization()
    request.weightFormat = dtype?.format
    request.adapterFormat = adapterDtype?.format
    request.precision = precision
    request.optimizer = optimizer?.named.kind
    request.optimizerImplementation = optimizerImplementation ?? optimizer?.named.implementation
    request.optimizerRank = optimizerRank
    request.learningRate = learningRate
    request.weightDecay = weightDecay
    request.microBatch = batch
    request.sequence = seq
    request.accumulation = gradAccum
    request.usesGradientCheckpointing = checkpointing
    request.layersPerCheckpoint = checkpointEvery
    request.stepsInBackward = optimizerInBackward
    request.attention = attention
    request.loss = loss
    request.stack = stack
    if case .count(let count) = gpus { request.devices = count }
    request.sharding = sharding
    request.shardingSettings = shardingSettings
    return request
  }

  /// The settings of a sharding that were named; `nil` where none was.
  private var shardingSettings: ShardingSettings? {
    let usual = (stack ?? .trl).shardingSettings
    var settings = usual
    if let tensorParallel { settings.tensorParallelSize = tensorParallel }
    if sequenceParallel { settings.usesSequenceParallel = true }
    if let offload { settings.offload = offload }
    if let reduceDtype { settings.reduceFormat = reduceDtype.format }
    if let reduceBucket { settings.reduceBucketElements = reduceBucket }
    if let unshardedGradients { settings.keepsGradientsUnsharded = unshardedGradients }
    return settings == usual ? nil : settings
  }

  private static func targets(_ text: String) -> LoRA.Targets {
    switch text {
    case "all-linear": .allLinear
    case "attention": .attention
    default: .modules(text.split(separator: ",").map { String($0.filter { !$0.isWhitespace }) })
    }
  }
}
