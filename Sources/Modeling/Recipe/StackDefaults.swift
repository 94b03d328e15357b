import Bookkeeping

/// What a stack does where the user says nothing.
struct StackDefaults: Sendable {
  let stack: Stack

  static func of(_ stack: Stack) -> StackDefaults { StackDefaults(stack: stack) }

  /// The format in which weights that are not quantized are loaded.
  func weightFormat(_ method: Method.Name) -> ScalarFormat {
    switch stack {
    case .plimsoll: .fp32
    // trl/trainer/utils.py, `create_model_from_path`: fp32 for a model given by name. TRL's QLoRA guide
    // (docs/source/peft_integration.md) loads the model itself, in the checkpoint's own type: bf16.
    case .trl: method == .qlora ? .bf16 : .fp32
    // transformers 5 `from_pretrained` takes the checkpoint's own type, bf16 for every model of the last years.
    case .transformers: .bf16
    }
  }

  func weightFormatReason(_ method: Method.Name) -> String {
    switch stack {
    case .plimsoll: "the engine's arithmetic"
    case .trl:
      method == .qlora
        ? "the checkpoint's own, as TRL's QLoRA guide loads it" : "TRL's default for a model named by a string"
    case .transformers: "the checkpoint's own, Transformers' default"
    }
  }

  func precision(_ method: Method.Name) -> Precision {
    switch stack {
    case .plimsoll: .pure
    // trl/trainer/base_config.py: bf16 = True unless set.
    case .trl: .autocast
    case .transformers: .pure
    }
  }

  /// peft `autocast_adapter_dtype` keeps adapters in fp32; TRL casts those of a quantized base to bf16, with or without
  /// autocast (trl/trainer/sft_trainer.py).
  func adapterFormat(_ method: Method.Name, weightFormat: ScalarFormat, precision: Precision) -> ScalarFormat {
    switch stack {
    case .plimsoll: .fp32
    case .trl: method == .qlora ? .bf16 : .fp32
    case .transformers: .fp32
    }
  }

  var optimizer: Optimizer.Kind { .adamw }

  /// TRL turns it on; so does peft's `prepare_model_for_kbit_training`, which the Transformers stack calls on a quantized
  /// base.
  func usesGradientCheckpointing(_ method: Method.Name) -> Bool {
    stack == .trl || (stack == .transformers && method == .qlora)
  }

  /// Transformers runs models with a cap on their scores eagerly: `Gemma2PreTrainedModel._supports_sdpa` is false.
  func attention(for spec: ModelSpec) -> AttentionImplementation {
    guard stack != .plimsoll else { return .flash }
    return spec.attention.logitSoftcap == nil ? .sdpa : .eager
  }

  var loss: LossImplementation { stack == .trl ? .fused : .full }

  func learningRate(_ method: Method.Name) -> Double {
    switch (stack, method) {
    case (.plimsoll, .full): 1e-5
    case (.plimsoll, _): 2e-4
    case (.trl, _): 2e-5
    case (.transformers, _): 5e-5
    }
  }
}
