import Modeling
import Testing
import Training

/// Clipping and parameter groups, with plain SGD where numbers are worked out: w - rate · (scale · g + decay · w).
@Suite struct `What a step does with gradients` {
  private static let rate = 0.5
  private static let decay = 0.01
  private static let batch = Trainer.MicroBatch(
    tokens: (0..<32).map { Int32($0 * 7 % 257) }, labels: (0..<32).map { Int32($0 * 7 % 257) })

  private static func trainer(
    _ method: Method.Name, _ optimizer: Optimizer.Kind = .sgd, groups: [ParameterGroup] = []
  ) throws -> Trainer {
    let spec = try TinyModel.base.spec
    let recipe = try engineRecipe(method, optimizer: optimizer, for: spec)
    let trainer = try Trainer(spec, recipe, source: SeededWeights(seed: 3))
    trainer.groups = groups
    return trainer
  }

  /// The gradients of the first step, by name, from a trainer that takes none.
  private static func gradients(_ method: Method.Name) throws -> [String: [Float]] {
    let trainer = try trainer(method)
    _ = try trainer.accumulateGradients([batch])
    return Dictionary(
      uniqueKeysWithValues: trainer.trained.map { parameter in
        let span = parameter.gradient.span
        return (parameter.name, span.indices.map { span[$0] })
      })
  }

  private static func norm(_ gradients: [String: [Float]]) -> Double {
    gradients.values.joined().reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
  }

  /// The first element that is not what SGD makes of `old`, within three roundings in fp32 of the update and one of the
  /// weight.
  private static func firstWrong(
    _ parameter: ParameterTensor, after old: [Float], _ gradient: [Double], decay: Double
  ) -> Int? {
    let new = parameter.numbers
    return new.indices.first { index in
      let weight = Double(old[index])
      let update = rate * (gradient[index] + decay * weight)
      return abs(Double(new[index]) - (weight - update)) >= 1e-5 * abs(update) + 1.2e-7 * abs(weight) + 1e-12
    }
  }

  @Test(arguments: [Method.Name.full, .lora])
  func `clipping scales all gradients by max / (norm + 1e-6), as clip_grad_norm_ does`(method: Method.Name) throws {
    let gradients = try Self.gradients(method)
    let norm = Self.norm(gradients)
    let maximum = norm / 3
    let trainer = try Self.trainer(method)
    let before = trainer.trained.map(\.numbers)
    let result = try trainer.step([Self.batch], learningRate: Self.rate, maximumGradientNorm: maximum)
    // Both sum squares in fp64; the engine's come from sums in fp32 of short runs.
    #expect(abs(result.gradientNorm - norm) < 1e-5 * norm)
    let scale = maximum / (norm + 1e-6)
    for (parameter, old) in zip(trainer.trained, before) {
      let gradient = try #require(gradients[parameter.name]).map { scale * Double($0) }
      #expect(Self.firstWrong(parameter, after: old, gradient, decay: Self.decay) == nil, "\(parameter.name)")
    }
  }

  @Test(arguments: [Optimizer.Kind.sgd, .sgdMomentum, .adamw])
  func `a norm below the maximum changes nothing`(optimizer: Optimizer.Kind) throws {
    let plain = try Self.trainer(.lora, optimizer)
    let clipped = try Self.trainer(.lora, optimizer)
    for _ in 0..<3 {
      let norm = try plain.step([Self.batch]).gradientNorm
      _ = try clipped.step([Self.batch], maximumGradientNorm: norm * 1.001)
    }
    #expect(plain.trained.map(\.numbers) == clipped.trained.map(\.numbers))
  }

  @Test(arguments: [Optimizer.Kind.sgd, .sgdMomentum, .adamw])
  func `a factor of 0 holds a parameter where it is, and no other`(optimizer: Optimizer.Kind) throws {
    let held = try Self.trainer(
      .full, optimizer, groups: [ParameterGroup(matches: ["layers.1.", "embed"], learningRateFactor: 0)])
    let free = try Self.trainer(.full, optimizer)
    let before = held.trained.map(\.numbers)
    _ = try held.step([Self.batch])
    _ = try free.step([Self.batch])
    var count = 0
    for (index, parameter) in held.trained.enumerated() {
      let isHeld = parameter.name.contains("layers.1.") || parameter.name.contains("embed")
      count += isHeld ? 1 : 0
      #expect((parameter.numbers == before[index]) == isHeld, "\(parameter.name)")
      if !isHeld { #expect(parameter.numbers == free.trained[index].numbers, "\(parameter.name)") }
    }
    #expect(count == 10, "one embedding, and two norms and seven linear layers")
  }

  /// LoRA+ (arXiv:2402.12354) trains B faster than A.
  ///
  /// B begins at zero, so that its first update is all of it, and
  /// twice a number is exact.
  @Test func `a factor multiplies the rate`() throws {
    let plain = try Self.trainer(.lora)
    let faster = try Self.trainer(.lora, groups: [ParameterGroup(matches: ["lora_B"], learningRateFactor: 2)])
    for trainer in [plain, faster] { _ = try trainer.step([Self.batch]) }
    for (one, two) in zip(plain.trained, faster.trained) {
      let expected = one.name.contains("lora_B") ? one.numbers.map { 2 * $0 } : one.numbers
      #expect(two.numbers == expected, "\(one.name)")
      #expect(!one.name.contains("lora_B") || one.numbers.contains { $0 != 0 })
    }
  }

  @Test func `a group's decay takes the place of the recipe's, and the first group that fits has the say`() throws {
    let groups = [
      try ParameterGroup(matches: ["norm", "embed"], weightDecay: 0),
      try ParameterGroup(matches: ["norm", "mlp"], weightDecay: 0.5),
    ]
    let trainer = try Self.trainer(.full, groups: groups)
    let gradients = try Self.gradients(.full)
    let before = trainer.trained.map(\.numbers)
    _ = try trainer.step([Self.batch], learningRate: Self.rate)
    for (parameter, old) in zip(trainer.trained, before) {
      let isBare = parameter.name.contains("norm") || parameter.name.contains("embed")
      let decay = isBare ? 0 : parameter.name.contains("mlp") ? 0.5 : Self.decay
      let gradient = try #require(gradients[parameter.name]).map { Double($0) }
      #expect(Self.firstWrong(parameter, after: old, gradient, decay: decay) == nil, "\(parameter.name)")
    }
  }

  @Test func `groups that cannot be are refused`() {
    #expect(throws: RecipeError.self) { try ParameterGroup(matches: []) }
    #expect(throws: RecipeError.self) { try ParameterGroup(matches: ["norm", ""]) }
    for factor in [-1, Double.nan, .infinity] {
      #expect(throws: RecipeError.self) { try ParameterGroup(matches: ["norm"], learningRateFactor: factor) }
      #expect(throws: RecipeError.self) { try ParameterGroup(matches: ["norm"], weightDecay: factor) }
    }
  }
}
