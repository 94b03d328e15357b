import Bookkeeping
import Kernels
import Modeling
import Testing
import Training

/// The engine in bf16 against the engine in fp32, which the golden numbers hold to PyTorch's.
@Suite struct `Steps in bf16` {
  struct Case: Sendable, CustomTestStringConvertible {
    let method: Method.Name
    let weights: ScalarFormat
    let adapters: ScalarFormat
    let precision: Precision
    var testDescription: String { "\(method.rawValue), \(weights.rawValue), \(precision.rawValue)" }

    init(
      _ method: Method.Name, _ weights: ScalarFormat, adapters: ScalarFormat = .fp32, _ precision: Precision = .pure
    ) {
      self.method = method
      self.weights = weights
      self.adapters = adapters
      self.precision = precision
    }

    static let all = [
      Case(.full, .bf16), Case(.full, .fp32, .autocast), Case(.lora, .bf16), Case(.lora, .fp32, .autocast),
      Case(.lora, .bf16, adapters: .bf16), Case(.qlora, .bf16), Case(.qlora, .fp32, .autocast),
    ]
  }

  /// bf16 keeps 8 bits of a number: rounding to the nearest is off by at most 2⁻⁸ of it.
  static let rounding = 0x1p-8

  /// Twice what the roundings between a token and a gradient come to, if their errors are independent.
  ///
  /// A layer rounds what it passes on ten times (norm, projection, rotary embedding, attention and sum; norm, gate and up,
  /// product, sum), and backward does as often again; with both layers, the weights and the ends, 44 times. Independent
  /// errors of at most 2⁻⁸ add up to √44 · 2⁻⁸ = 2.6 % of a gradient's norm.
  static let gradientTolerance = 2 * 44.0.squareRoot() * rounding

  @Test(arguments: Case.all, [false, true])
  func `have the losses and gradients of fp32, within the roundings on the way`(
    _ this: Case, checkpointing: Bool
  ) throws {
    let wide = try trainer(Case(this.method, .fp32), checkpointing: checkpointing)
    let narrow = try trainer(this, checkpointing: checkpointing)
    // The same start: what bf16 has of it.
    for parameter in wide.trained {
      let values = parameter.values().map { BFloat16(nearest: $0).single }
      try wide.set(parameter.name, to: values)
      try narrow.set(parameter.name, to: values)
    }
    let batch = batch(wide)
    let (expected, seen) = (try wide.accumulateGradients([batch]), try narrow.accumulateGradients([batch]))
    #expect(seen.counted == expected.counted)
    // A loss is a mean over tokens whose errors have both signs; scores near zero make it ln V = 5.5 to begin with.
    #expect(abs(seen.loss - expected.loss) < Self.rounding / 2 * expected.loss, "\(seen.loss), fp32 \(expected.loss)")
    for parameter in wide.trained {
      let distance = relativeDistance(
        try gradient(narrow, parameter.name), try gradient(wide, parameter.name))
      #expect(distance < Self.gradientTolerance, "gradient of \(parameter.name): \(distance)")
    }
  }

  @Test(arguments: GoldenTestsInBF16.cases)
  func `have the losses and gradients of PyTorch in fp32, within the same`(_ golden: GoldenTestsInBF16) throws {
    let file = try GoldenFile(golden.file + ".safetensors")
    let trainer = try golden.trainer(file)
    let batch = Trainer.MicroBatch(tokens: try file.integers("input_ids"), labels: try file.integers("labels"))
    let losses = try file.doubles("losses")
    let loss = try trainer.accumulateGradients([batch]).loss
    #expect(abs(loss - losses[0]) < Self.rounding / 2 * losses[0], "loss \(loss), PyTorch \(losses[0])")
    for name in file.names(under: "grad") {
      let distance = relativeDistance(try gradient(trainer, name), try file.floats("grad." + name))
      #expect(distance < Self.gradientTolerance, "gradient of \(name): \(distance)")
    }
  }

  @Test func `are the same steps again from the same seed, and others from another`() throws {
    func weights(seed: UInt64) throws -> [[Float]] {
      let trainer = try trainer(Case(.full, .bf16), seed: seed)
      for _ in 0..<3 { _ = try trainer.step([batch(trainer)]) }
      return trainer.trained.map { $0.values() }
    }
    #expect(try weights(seed: 7) == weights(seed: 7))
    #expect(try weights(seed: 7) != weights(seed: 8))
  }

  private func trainer(_ this: Case, checkpointing: Bool = false, seed: UInt64 = 7) throws -> Trainer {
    let spec = try TinyModel.base.spec
    let recipe = try engineRecipe(
      this.method, checkpointing: checkpointing, weights: this.weights, adapters: this.adapters,
      precision: this.precision, for: spec)
    return try Trainer(spec, recipe, source: SeededWeights(seed: 3), seed: seed)
  }

  private func batch(_ trainer: Trainer) -> Trainer.MicroBatch {
    let tokens = variedTokens(trainer.recipe.batch.tokens)
    return Trainer.MicroBatch(tokens: tokens, labels: tokens)
  }

  private func gradient(_ trainer: Trainer, _ name: String) throws -> [Float] {
    let span = try trainer.parameter(name).gradient.span
    return (0..<span.count).map { span[$0] }
  }
}

/// A golden file that is run with weights in fp32 and arithmetic in bf16.
struct GoldenTestsInBF16: Sendable, CustomTestStringConvertible {
  let file: String
  let base: String
  let model: TinyModel
  let method: Method.Name
  var testDescription: String { file }

  static let cases =
    TinyModel.allCases.map { GoldenTestsInBF16(file: "full_\($0)", base: "full_\($0)", model: $0, method: .full) } + [
      GoldenTestsInBF16(file: "lora_base_all", base: "full_base", model: .base, method: .lora),
      GoldenTestsInBF16(file: "qlora_base_all", base: "full_base", model: .base, method: .qlora),
    ]

  func trainer(_ golden: GoldenFile) throws -> Trainer {
    let start = try GoldenFile(base + ".safetensors")
    let spec = try model.spec
    var values: [String: [Float]] = [:]
    for name in start.names(under: "init") { values[name] = try start.floats("init." + name) }
    let recipe = try engineRecipe(method, targets: .allLinear, precision: .autocast, for: spec)
    let trainer = try Trainer(spec, recipe, source: GivenWeights(values: values))
    if method != .full {
      for name in golden.names(under: "init") { try trainer.set(name, to: try golden.floats("init." + name)) }
    }
    return trainer
  }
}
