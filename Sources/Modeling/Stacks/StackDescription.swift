public import Bookkeeping

/// A stack in writing: which software at which versions, what it does where the user says nothing, and how it
/// implements a step.
public struct StackDescription: Hashable, Sendable {
  /// What a stack does where the user says nothing, for one kind of method.
  public struct Defaults: Hashable, Sendable {
    /// The format in which weights that are not quantized are loaded.
    public var weightFormat: ScalarFormat
    /// Where ``weightFormat`` comes from, as half a sentence.
    public var weightFormatReason: String
    public var adapterFormat: ScalarFormat
    public var precision: Precision
    public var usesGradientCheckpointing: Bool
    public var loss: LossImplementation
    public var optimizer: Optimizer.Kind
    public var learningRate: Double
    /// Sequences of a micro-batch.
    public var microBatch: Int
    /// Whether an optimizer consumes gradients in backward where they aren't accumulated.
    public var stepsInBackward = false

    public init(
      weightFormat: ScalarFormat, weightFormatReason: String, adapterFormat: ScalarFormat, precision: Precision,
      usesGradientCheckpointing: Bool, loss: LossImplementation, optimizer: Optimizer.Kind = .adamw,
      learningRate: Double, microBatch: Int = 1
    ) {
      self.weightFormat = weightFormat
      self.weightFormatReason = weightFormatReason
      self.adapterFormat = adapterFormat
      self.precision = precision
      self.usesGradientCheckpointing = usesGradientCheckpointing
      self.loss = loss
      self.optimizer = optimizer
      self.learningRate = learningRate
      self.microBatch = microBatch
    }
  }

  public let stack: Stack
  /// One line for a list.
  public let title: String
  /// The packages whose source was read, with their versions.
  public let software: [String]
  /// What sets it apart from the stack it is built on, a sentence each, with the file and function it was read in.
  public let notes: [String]
  public let full: Defaults
  public let lora: Defaults
  public let qlora: Defaults
  public let choices: StackChoices

  /// The defaults for a method: of a quantized base, of adapters on another, or of a model that trains itself.
  public func defaults(for method: Method) -> Defaults {
    if method.quantization != nil { return qlora }
    return method.addsParameters ? lora : full
  }

  /// Attention where the user says nothing.
  ///
  /// Transformers runs models with a cap on their scores eagerly: `Gemma2PreTrainedModel._supports_sdpa` is false.
  public func attention(for spec: ModelSpec) -> AttentionImplementation {
    guard stack != .plimsoll else { return .flash }
    return spec.attention.logitSoftcap == nil ? .sdpa : .eager
  }

  static func of(_ stack: Stack) -> StackDescription {
    switch stack {
    case .plimsoll: .plimsoll
    case .trl: .trl
    case .trlFullLogits: .trlFullLogits
    case .trl0: .trl0
    case .transformers: .transformers
    case .transformersUnprepared: .transformersUnprepared
    case .transformers4: .transformers4
    case .fsdpQLoRA: .fsdpQLoRA
    case .peftLoop: .peftLoop
    case .liger: .liger
    case .unsloth: .unsloth
    case .fmsAcceleration: .fmsAcceleration
    case .axolotl: .axolotl
    case .llamaFactory: .llamaFactory
    case .msSwift: .msSwift
    case .torchtune: .torchtune
    case .torchtune2024: .torchtune2024
    case .litgpt: .litgpt
    case .litgpt2023: .litgpt2023
    case .megatron: .megatron
    }
  }
}

extension StackDescription.Defaults {
  /// The same with some of it changed.
  func with(_ change: (inout StackDescription.Defaults) -> Void) -> StackDescription.Defaults {
    var copy = self
    change(&copy)
    return copy
  }
}
