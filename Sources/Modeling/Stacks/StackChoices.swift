/// How a stack implements a training step, choice by choice: what a planner needs to know to say what each operation
/// keeps.
///
/// These are facts about software, read in its source; what each costs is the planner's to derive.
public struct StackChoices: Hashable, Sendable {
  public var norm: NormImplementation
  public var rotary: RotaryImplementation
  public var gate: GateImplementation
  public var adapters: AdapterImplementation
  public var crossEntropy: CrossEntropyImplementation
  public var fusedHead: FusedHeadImplementation
  /// How a mixture's experts are laid out and run.
  public var experts: ExpertImplementation
  /// Whether the head's logits are cast to fp32 before the loss (`logits.float()`).
  public var castsLogits: Bool
  /// Whether logits are copied without each sequence's last row before the loss (`logits[..., :-1, :].contiguous()`),
  /// as Transformers did until labels were shifted instead.
  public var copiesShiftedLogits: Bool
  /// Whether outputs become fp32 under mixed precision (accelerate utils/operations.py, `ConvertOutputsToFp32`).
  public var convertsOutputs: Bool
  /// Whether the model's output, logits included, outlives the backward pass, as in a hand-written loop.
  public var keepsOutputs: Bool
  /// Whether everything that is not quantized is cast to fp32 on a quantized base (peft/utils/other.py,
  /// `prepare_model_for_kbit_training`).
  public var preparesForKbitTraining: Bool
  /// How AdamW and its kin walk over parameters where the recipe doesn't say.
  public var optimizerImplementation: Optimizer.Implementation

  public init(
    norm: NormImplementation = .composed, rotary: RotaryImplementation = .composed,
    gate: GateImplementation = .composed, adapters: AdapterImplementation = .peft,
    crossEntropy: CrossEntropyImplementation = .composed, fusedHead: FusedHeadImplementation = .trl,
    experts: ExpertImplementation = .grouped,
    castsLogits: Bool = true, copiesShiftedLogits: Bool = false, convertsOutputs: Bool = true,
    keepsOutputs: Bool = false, preparesForKbitTraining: Bool = false,
    optimizerImplementation: Optimizer.Implementation = .fused
  ) {
    self.norm = norm
    self.rotary = rotary
    self.gate = gate
    self.adapters = adapters
    self.crossEntropy = crossEntropy
    self.fusedHead = fusedHead
    self.experts = experts
    self.castsLogits = castsLogits
    self.copiesShiftedLogits = copiesShiftedLogits
    self.convertsOutputs = convertsOutputs
    self.keepsOutputs = keepsOutputs
    self.preparesForKbitTraining = preparesForKbitTraining
    self.optimizerImplementation = optimizerImplementation
  }
}

extension StackChoices {
  /// How a norm is computed.
  public enum NormImplementation: String, CaseIterable, Hashable, Sendable, Codable {
    /// Operation by operation in Python, with an fp32 copy of the input.
    case composed
  }

  /// How queries and keys are rotated.
  public enum RotaryImplementation: String, CaseIterable, Hashable, Sendable, Codable {
    /// Operation by operation in Python.
    case composed
  }

  /// How a gated feed-forward network combines gate and up.
  public enum GateImplementation: String, CaseIterable, Hashable, Sendable, Codable {
    /// The activation, then a product, each keeping its own inputs.
    case composed
  }

  /// How low-rank adapters run beside their base.
  public enum AdapterImplementation: String, CaseIterable, Hashable, Sendable, Codable {
    /// As PEFT's modules do, operation by operation.
    case peft
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
  }

  /// Whose operation ``LossImplementation/fused`` is.
  public enum FusedHeadImplementation: String, CaseIterable, Hashable, Sendable, Codable {
    /// TRL's chunked log-probabilities (trl/kernels/chunked_logprob.py).
    case trl
  }
}
