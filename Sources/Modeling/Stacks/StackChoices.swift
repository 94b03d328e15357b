public import Bookkeeping

/// How a stack implements a training step, choice by choice: what a planner needs to know to say what each operation
/// keeps.
///
/// These are facts about software, read in its source; what each costs is the planner's to derive.
public struct StackChoices: Hashable, Sendable {
  public var modelCode: ModelCode
  public var norm: NormImplementation
  public var rotary: RotaryImplementation
  public var gate: GateImplementation
  public var adapters: AdapterImplementation
  public var crossEntropy: CrossEntropyImplementation
  public var fusedHead: FusedHeadImplementation
  /// What the fused attention of torch is handed of keys and values that several heads share.
  public var sharedHeads: SharedHeads
  public var checkpoints: CheckpointStorage
  /// Whether a checkpointed layer runs without a graph and is run again whole, in a backward pass of its own
  /// (torch/utils/checkpoint.py, `use_reentrant`).
  public var reentersCheckpoints: Bool
  /// Whether what is run again is the layer as FSDP wrapped it, which gathers its weights anew, and not the layer inside
  /// that: Transformers calls the checkpoint around the layer (modeling_llama.py, `_gradient_checkpointing_func`) until
  /// 4.52 made it part of the layer (modeling_layers.py, `GradientCheckpointingLayer`).
  public var checkpointsWrappedLayers: Bool
  /// How a mixture's experts are laid out and run.
  public var experts: ExpertImplementation
  /// Whether the head's logits are cast to fp32 before the loss (`logits.float()`).
  public var castsLogits: Bool
  /// Whether the fp32 logits are what the model returns, so that they live as long as its output: up to Transformers
  /// 4.45 (models/llama/modeling_llama.py, `self.lm_head(hidden_states).float()`).
  public var returnsCastLogits: Bool
  /// Whether logits are copied without each sequence's last row before the loss (`logits[..., :-1, :].contiguous()`),
  /// as Transformers did until labels were shifted instead.
  public var copiesShiftedLogits: Bool
  /// Whether outputs become fp32 under mixed precision (accelerate utils/operations.py, `ConvertOutputsToFp32`).
  public var convertsOutputs: Bool
  /// Whether the model's output, logits included, outlives the backward pass, as in a hand-written loop.
  public var keepsOutputs: Bool
  /// Whether the output holds every layer's keys and values where nothing is checkpointed (`use_cache`, on in a model's
  /// configuration until Transformers 5's `Trainer` turned it off).
  public var keepsKeysAndValues: Bool
  /// Whether a training loop still names the last micro-batch's output while the next forward pass runs.
  public var keepsPreviousOutputs: Bool
  /// Whether gradients are set to zero between steps and not given back (torch's `zero_grad(set_to_none=False)`).
  public var keepsGradients: Bool
  public var nf4Layout: NF4Layout
  /// Which bitsandbytes multiplies with 4-bit weights.
  public var fourBitProduct: FourBitProduct
  /// The format that weights are cast to before they are quantized to 4 bits, and come back in when they are made whole;
  /// `nil` for the format that they are loaded in.
  public var fourBitSource: ScalarFormat?
  /// Whether every linear layer is quantized, the head too, as where a class is put in place of `nn.Linear`.
  public var quantizesHead: Bool
  /// Whether each gradient is consumed by an optimizer of its own as soon as it is whole
  /// (torchtune/training/memory.py, `register_optim_in_bwd_hooks`).
  public var stepsInBackward: Bool
  /// Layers that are run again together from one checkpoint (Megatron-LM's `--recompute-num-layers` with
  /// `--recompute-method uniform`); without meaning where nothing is checkpointed.
  public var layersPerCheckpoint: Int
  /// Whether everything that is not quantized is cast to fp32 on a quantized base (peft/utils/other.py,
  /// `prepare_model_for_kbit_training`).
  public var preparesForKbitTraining: Bool
  /// Whether embeddings and head are cast back to bf16 after that, norms not (trl/trainer/utils.py of TRL 0.x,
  /// `peft_module_casting_to_bf16`).
  public var castsTablesBack: Bool
  /// How AdamW and its kin walk over parameters where the recipe doesn't say.
  public var optimizerImplementation: Optimizer.Implementation

  public init(
    modelCode: ModelCode = .transformers, norm: NormImplementation = .composed,
    rotary: RotaryImplementation = .composed,
    gate: GateImplementation = .composed, adapters: AdapterImplementation = .peft,
    crossEntropy: CrossEntropyImplementation = .composed, fusedHead: FusedHeadImplementation = .trl,
    sharedHeads: SharedHeads = .grouped, checkpoints: CheckpointStorage = .device, reentersCheckpoints: Bool = false,
    checkpointsWrappedLayers: Bool = false,
    experts: ExpertImplementation = .grouped, castsLogits: Bool = true, returnsCastLogits: Bool = false,
    copiesShiftedLogits: Bool = false, convertsOutputs: Bool = true, keepsOutputs: Bool = false,
    keepsKeysAndValues: Bool = false, keepsPreviousOutputs: Bool = false,
    keepsGradients: Bool = false, nf4Layout: NF4Layout = .bitsandbytes,
    fourBitProduct: FourBitProduct = .current, fourBitSource: ScalarFormat? = nil, quantizesHead: Bool = false,
    stepsInBackward: Bool = false, layersPerCheckpoint: Int = 1, preparesForKbitTraining: Bool = false,
    castsTablesBack: Bool = false,
    optimizerImplementation: Optimizer.Implementation = .fused
  ) {
    self.modelCode = modelCode
    self.keepsPreviousOutputs = keepsPreviousOutputs
    self.keepsGradients = keepsGradients
    self.nf4Layout = nf4Layout
    self.fourBitProduct = fourBitProduct
    self.fourBitSource = fourBitSource
    self.quantizesHead = quantizesHead
    self.stepsInBackward = stepsInBackward
    self.layersPerCheckpoint = layersPerCheckpoint
    self.norm = norm
    self.rotary = rotary
    self.gate = gate
    self.adapters = adapters
    self.crossEntropy = crossEntropy
    self.fusedHead = fusedHead
    self.sharedHeads = sharedHeads
    self.checkpoints = checkpoints
    self.reentersCheckpoints = reentersCheckpoints
    self.checkpointsWrappedLayers = checkpointsWrappedLayers
    self.experts = experts
    self.castsLogits = castsLogits
    self.returnsCastLogits = returnsCastLogits
    self.copiesShiftedLogits = copiesShiftedLogits
    self.convertsOutputs = convertsOutputs
    self.keepsOutputs = keepsOutputs
    self.keepsKeysAndValues = keepsKeysAndValues
    self.preparesForKbitTraining = preparesForKbitTraining
    self.castsTablesBack = castsTablesBack
    self.optimizerImplementation = optimizerImplementation
  }

  /// The same with some of it changed.
  public func with(_ change: (inout StackChoices) -> Void) -> StackChoices {
    var copy = self
    change(&copy)
    return copy
  }
}

extension StackChoices {
  /// How a norm is computed.
  public enum NormImplementation: String, CaseIterable, Hashable, Sendable, Codable {
    /// Operation by operation in Python, with an fp32 copy of the input.
    case composed
    /// One kernel that keeps its input and a number a row, and writes the gradient over the one that arrives
    /// (liger_kernel/ops/rms_norm.py, `LigerRMSNormFunction`; fms_acceleration_foak takes an early Unsloth's, alike).
    case liger
    /// The same, with a gradient of its own behind the last layer (unsloth/kernels/rms_layernorm.py,
    /// `Fast_RMS_Layernorm`, `reuse_grad`).
    case unsloth
  }

  /// How queries and keys are rotated.
  public enum RotaryImplementation: String, CaseIterable, Hashable, Sendable, Codable {
    /// Operation by operation in Python.
    case composed
    /// In place, forward and backward (liger_kernel/ops/rope.py, `LigerRopeFunction`).
    case liger
    /// In place forward; gradients of its own (unsloth/kernels/rope_embedding.py, `Fast_RoPE_Embedding_QK_Positions`).
    case unsloth
  }

  /// How a gated feed-forward network combines gate and up.
  public enum GateImplementation: String, CaseIterable, Hashable, Sendable, Codable {
    /// The activation, then a product, each keeping its own inputs.
    case composed
    /// One kernel that keeps gate and up, and writes their gradients over them (liger_kernel/ops/swiglu.py and
    /// geglu.py).
    case liger
  }

  /// How low-rank adapters run beside their base.
  public enum AdapterImplementation: String, CaseIterable, Hashable, Sendable, Codable {
    /// As PEFT's modules do, operation by operation.
    case peft
    /// Queries, keys and values in one operation, the output projection in one, the whole feed-forward network in one,
    /// each keeping its input and no more than it must (unsloth/kernels/fast_lora.py, `LoRA_QKV`, `LoRA_W`, `LoRA_MLP`).
    case unsloth
    /// The same, with dequantized weights of its own each time (axolotl/kernels/lora.py and quantize.py).
    case axolotl
    /// An early Unsloth's, which adds with temporaries where the present one adds in place
    /// (fms_acceleration_foak/fused_ops/unsloth_lora).
    case foak
  }

  /// How a mixture's experts are laid out and run.
  public enum ExpertImplementation: String, CaseIterable, Hashable, Sendable, Codable {
    /// All of a layer in two tensors of rank 3, in grouped products over rows sorted by expert (Transformers 5).
    case grouped
    /// Linear modules of their own, one expert after the other (Transformers 4).
    case modules
  }

  /// How the loss is computed from all logits.
  public enum CrossEntropyImplementation: String, CaseIterable, Hashable, Sendable, Codable {
    /// torch's: log-softmax, then the negative log-likelihood.
    case composed
    /// One kernel that keeps the logits and writes their gradient over them (liger_kernel/ops/cross_entropy.py; early
    /// Unsloth, fms_acceleration_foak/kernels/unsloth/cross_entropy_loss.py).
    case inPlace
    /// One kernel that keeps the logits and makes a gradient of its own (unsloth/kernels/cross_entropy_loss.py).
    case unsloth
  }

  /// Whose operation ``LossImplementation/fused`` is.
  public enum FusedHeadImplementation: String, CaseIterable, Hashable, Sendable, Codable {
    /// TRL's chunked log-probabilities (trl/kernels/chunked_logprob.py).
    case trl
    /// Liger's fused linear cross-entropy: gradients are made in the forward pass
    /// (liger_kernel/ops/fused_linear_cross_entropy.py).
    case liger
    /// Unsloth's (unsloth_zoo/fused_losses/fused_linear.py, `fused_linear_cross_entropy`).
    case unsloth
  }

  /// What torch's fused attention gets of keys and values that several query heads share.
  public enum SharedHeads: String, CaseIterable, Hashable, Sendable, Codable {
    /// As they are: the kernel knows groups (integrations/sdpa_attention.py, `use_gqa_in_sdpa`).
    case grouped
    /// A copy for every query head (`repeat_kv`), until Transformers 4.47.
    case repeated
    /// A copy for every query head, and all of them laid out head by head (`contiguous`): Transformers 4.48 to 4.5x.
    case contiguous
  }

  /// What bitsandbytes' product with a 4-bit weight keeps.
  public enum FourBitProduct: String, CaseIterable, Hashable, Sendable, Codable {
    /// Its weight alone.
    case current
    /// Its input too, which nothing reads: bitsandbytes up to 0.43.1 (autograd/_functions.py, `MatMul4Bit.forward`:
    /// `ctx.tensors = (A, B)`).
    case keepingInput = "keeping-input"
  }

  /// Where the inputs of checkpointed layers wait.
  public enum CheckpointStorage: String, CaseIterable, Hashable, Sendable, Codable {
    case device
    /// In pinned host memory, the last layer's excepted; two buffers of the device bring them back
    /// (unsloth_zoo/gradient_checkpointing.py, `UnslothCheckpointFunction`).
    case host
  }
}
