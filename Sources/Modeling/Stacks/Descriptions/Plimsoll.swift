import Bookkeeping

extension StackDescription {
  private static let engine = Defaults(
    weightFormat: .fp32, weightFormatReason: "the engine's arithmetic", adapterFormat: .fp32, precision: .pure,
    usesGradientCheckpointing: false, loss: .full, learningRate: 2e-4)

  /// Our own engine.
  static let plimsoll = StackDescription(
    stack: .plimsoll, title: "our own engine, on the CPU", software: ["Plimsoll"], notes: [],
    full: engine.with { $0.learningRate = 1e-5 }, lora: engine, qlora: engine, choices: StackChoices())
}
