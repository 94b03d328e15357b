import Bookkeeping
import Modeling

/// How a stack on PyTorch sets up a training step: which formats meet where.
struct TorchPolicy {
  let stack: Stack
  let choices: StackChoices
  /// The format that autocast computes products in; `nil` without autocast.
  let autocast: ScalarFormat?
  /// The format of linear weights that are not quantized.
  let weightFormat: ScalarFormat
  /// The format of embeddings and head.
  let tableFormat: ScalarFormat
  /// The format of norms.
  let plainFormat: ScalarFormat
  let adapterFormat: ScalarFormat
  /// The format that PEFT casts an adapter's input to: that of the factor as the program sees it, which is FSDP's shard
  /// where that keeps its name (peft/tuners/lora/layer.py, `lora_A.weight.dtype`).
  let adapterInputFormat: ScalarFormat
  let quantization: Quantization?
  /// The format that bitsandbytes computes in (`bnb_4bit_compute_dtype`).
  let computeFormat: ScalarFormat
  let method: Method
  let lora: LoRA?
  let attention: AttentionImplementation
  let loss: LossImplementation
  let usesGradientCheckpointing: Bool
  /// Whether attention's backward borrows what its CUDA kernels borrow.
  let countsAttentionWorkspace: Bool
  /// Whether the card has no more than 24.5 GiB, which Unsloth's fused head asks.
  let isSmallCard: Bool
  /// Whether torch has flash attention for the card.
  let hasFlashKernels: Bool
  /// Whether attention is handed an explicit mask.
  let isPadded: Bool
  /// Whether the step is the first, which makes the optimizer's states.
  let isFirstStep: Bool
  /// GPUs over which products are divided.
  let tensorParallelSize: Int
  /// Whether what lies between divided products is divided over the tokens of a sequence.
  let usesSequenceParallel: Bool

  init(_ recipe: Recipe, _ options: TorchWalk.Options) {
    stack = recipe.stack
    choices = recipe.choices
    let isHalf = recipe.weightFormat == .fp16
    autocast = recipe.usesAutocast ? (isHalf ? .fp16 : .bf16) : nil
    weightFormat = recipe.castFormat ?? recipe.weightFormat
    quantization = recipe.method.quantization
    // peft/utils/other.py, `prepare_model_for_kbit_training`: every parameter that isn't quantized goes to fp32.
    let isPrepared =
      quantization?.isUpcastByKbitPreparation == true && recipe.choices.preparesForKbitTraining
    plainFormat = recipe.castFormat ?? (isPrepared ? .fp32 : recipe.weightFormat)
    // trl/trainer/utils.py of TRL 0.x, `peft_module_casting_to_bf16`, for 4-bit bases under --bf16.
    let castsBack =
      isPrepared && recipe.choices.castsTablesBack && quantization?.blocks != nil && autocast == .bf16
    tableFormat = castsBack && recipe.castFormat == nil ? .bf16 : plainFormat
    let dividesAdapters = recipe.parallelism.sharding.dividesWeights && recipe.adapterUnits != .whole
    adapterFormat = (dividesAdapters ? recipe.castFormat : nil) ?? recipe.adapterFormat
    let seesShards =
      recipe.parallelism.sharding.isFullySharded && dividesAdapters && recipe.castFormat != nil
      && recipe.parallelism.settings.usesOriginalParameters
    adapterInputFormat = seesShards ? .fp32 : adapterFormat
    computeFormat = autocast ?? recipe.castFormat ?? recipe.weightFormat
    method = recipe.method
    lora = recipe.method.adapter
    attention = recipe.attention
    loss = recipe.loss
    usesGradientCheckpointing = recipe.usesGradientCheckpointing
    isPadded = options.isPadded
    hasFlashKernels = options.hasFlashKernels
    isFirstStep = options.isFirstStep
    tensorParallelSize = recipe.parallelism.settings.tensorParallelSize
    usesSequenceParallel = recipe.parallelism.settings.usesSequenceParallel
    isSmallCard = options.isSmallCard
    countsAttentionWorkspace = options.countsAttentionWorkspace
  }

  /// Whether a re-entered checkpoint runs the layer with what FSDP put around it.
  ///
  /// Checkpoints that are not re-entered need no telling apart: weights are there when the layer runs again, and it stops
  /// before they are let go.
  var reentersWrappedLayers: Bool {
    usesGradientCheckpointing && choices.reentersCheckpoints && choices.checkpointsWrappedLayers
  }

  /// The format that quantization starts from, in which HQQ and torchao keep their scales.
  var quantizationFormat: ScalarFormat { weightFormat }

  /// Whether the model's output, logits included, outlives the backward pass.
  var keepsOutputs: Bool { choices.keepsOutputs }
  /// Whether the model's output holds every layer's keys and values: a cache is off where layers are checkpointed.
  var keepsKeysAndValues: Bool { choices.keepsKeysAndValues && !usesGradientCheckpointing }
  /// Whether one buffer takes every dequantized weight of the forward pass, and stays: Unsloth's, for NF4.
  var keepsScratch: Bool {
    guard case .nf4 = quantization else { return false }
    return choices.adapters == .unsloth
  }
  /// Whether the inputs of checkpointed layers leave the device, given their size (unsloth_zoo/gradient_checkpointing.py,
  /// `MINIMUM_SIZE`: 2 MiB, fp32 counted as the bf16 that it is stored in).
  func offloadsCheckpoints(of count: Int) -> Bool {
    usesGradientCheckpointing && choices.checkpoints == .host && 2 * count > 2 << 20
  }
  var isPrepared: Bool { plainFormat != weightFormat }
}
