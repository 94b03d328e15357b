import Bookkeeping

extension StackDescription {
  private static let engine = Defaults(
    weightFormat: .fp32, weightFormatReason: "the engine's arithmetic", adapterFormat: .fp32, precision: .pure,
    usesGradientCheckpointing: false, loss: .chunked, learningRate: 2e-4)

  /// Our own engine.
  static let plimsoll = StackDescription(
    stack: .plimsoll, title: "our own engine, on the CPU", software: ["Plimsoll"],
    notes: [
      "bf16 stores frozen weights, activations and checkpoints in bf16; sums, statistics, scores over the vocabulary, "
        + "gradients of parameters and optimizer states are fp32 (Sources/Kernels/Number.swift)",
      "adapters are fp32 beside bf16 weights, unless asked for otherwise; a weight in bf16 that trains has no master "
        + "copy and is rounded stochastically, by the seed, the step and its name "
        + "(Sources/Training/Optimizers/ParameterUpdate.swift)",
      "autocast is fp32 weights with bf16 activations: products read each fp32 weight rounded, without a copy "
        + "(Sources/Kernels/MatrixProduct.swift)",
      "a chunked loss makes the scores of 512 tokens at a time and their gradient in place "
        + "(Sources/Training/Decoder/Decoder+Head.swift); the default, for it costs no time",
      "a fused loss makes those of 8192 entries of the vocabulary at a time, twice: once for the loss, once for its "
        + "gradient (Sources/Training/Decoder/Decoder+FusedLoss.swift)",
    ],
    full: engine.with { $0.learningRate = 1e-5 }, lora: engine, qlora: engine, choices: StackChoices())
}
