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
  /// The format of embeddings, norms and head.
  let plainFormat: ScalarFormat
  let adapterFormat: ScalarFormat
  let quantization: Quantization?
  /// The format that bitsandbytes computes in (`bnb_4bit_compute_dtype`).
  let computeFormat: ScalarFormat
  let lora: LoRA?
  let attention: AttentionImplementation
  let loss: LossImplementation
  let usesGradientCheckpointing: Bool
  /// Whether attention's backward borrows what its CUDA kernels borrow.
  let countsAttentionWorkspace: Bool
  /// Whether attention is handed an explicit mask.
  let isPadded: Bool
  /// Whether the step is the first, which makes the optimizer's states.
  let isFirstStep: Bool

  init(_ recipe: Recipe, _ options: TorchWalk.Options) {
    stack = recipe.stack
    choices = recipe.choices
    let isHalf = recipe.weightFormat == .fp16
    autocast = recipe.precision == .autocast ? (isHalf ? .fp16 : .bf16) : nil
    weightFormat = recipe.weightFormat
    quantization = recipe.method.quantization
    // peft/utils/other.py, `prepare_model_for_kbit_training`: every parameter that isn't quantized goes to fp32.
    let isPrepared =
      quantization?.isUpcastByKbitPreparation == true && recipe.choices.preparesForKbitTraining
    plainFormat = isPrepared ? .fp32 : recipe.weightFormat
    adapterFormat = recipe.adapterFormat
    computeFormat = autocast ?? recipe.weightFormat
    lora = recipe.method.adapter
    attention = recipe.attention
    loss = recipe.loss
    usesGradientCheckpointing = recipe.usesGradientCheckpointing
    isPadded = options.isPadded
    isFirstStep = options.isFirstStep
    countsAttentionWorkspace = options.countsAttentionWorkspace
  }

  /// The format that quantization starts from, in which HQQ and torchao keep their scales.
  var quantizationFormat: ScalarFormat { weightFormat }

  /// Whether the model's output, logits included, outlives the backward pass.
  var keepsOutputs: Bool { choices.keepsOutputs }
  var isPrepared: Bool { plainFormat != weightFormat }
}
