import Bookkeeping

/// What a stack does where the user says nothing.
struct StackDefaults: Sendable {
  let stack: Stack

  static func of(_ stack: Stack) -> StackDefaults { StackDefaults(stack: stack) }

  /// The format in which weights that are not quantized are loaded.
  func weightFormat(_ method: Method.Name) -> ScalarFormat {
    switch stack {
    case .plimsoll: .fp32
    // trl/trainer/sft_config.py documents float32 as the default of a model given by name; a quantized model takes the
    // compute type that its BitsAndBytesConfig names, bf16 in TRL's and PEFT's guides.
    case .trl: method == .qlora ? .bf16 : .fp32
    // transformers 5 `from_pretrained` takes the checkpoint's own type, bf16 for every model of the last years.
    case .transformers: .bf16
    }
  }

  func weightFormatReason(_ method: Method.Name) -> String {
    switch stack {
    case .plimsoll: "the engine's arithmetic"
    case .trl:
      method == .qlora ? "the compute type of TRL's quantization guide" : "TRL's default for a model named by a string"
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

  /// peft `autocast_adapter_dtype` keeps adapters in fp32; TRL casts those of a quantized base to bf16.
  func adapterFormat(_ method: Method.Name, weightFormat: ScalarFormat, precision: Precision) -> ScalarFormat {
    switch stack {
    case .plimsoll: .fp32
    case .trl: method == .qlora && precision == .autocast ? .bf16 : .fp32
    case .transformers: .fp32
    }
  }

  var optimizer: Optimizer.Kind { .adamw }

  var usesGradientCheckpointing: Bool { stack == .trl }

  var attention: AttentionImplementation { stack == .plimsoll ? .flash : .sdpa }

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
