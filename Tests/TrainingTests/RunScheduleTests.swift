import Modeling
import Testing
import Training

/// Against the formulas of Transformers' `optimization.py`, worked out by hand.
///
/// With w warm-up steps of n, step s has s / max(1, w) while s < w, and then
/// - constant: 1 (`_get_constant_schedule_with_warmup_lr_lambda`),
/// - linear: max(0, (n - s) / max(1, n - w)) (`_get_linear_schedule_with_warmup_lr_lambda`),
/// - cosine: max(0, (1 + cos(π·(s - w) / max(1, n - w))) / 2), of half a cycle (`_get_cosine_schedule_with_warmup_lr_lambda`).
@Suite struct `Learning-rate schedules` {
  private static func schedule(
    _ kind: LearningRateSchedule.Kind, _ warmUp: Int, of total: Int, peak: Double = 1
  ) throws -> LearningRateSchedule {
    try LearningRateSchedule(kind: kind, peak: peak, warmUpSteps: warmUp, totalSteps: total)
  }

  private static let root = 0.5.squareRoot()
  /// cos(15π/16) = -√(2 + √(2 + √2)) / 2.
  private static let lastCosine = -(2 + (2 + 2.0.squareRoot()).squareRoot()).squareRoot() / 2

  /// Four steps of warm-up and sixteen more.
  private static let expected: [LearningRateSchedule.Kind: [Int: Double]] = [
    .constant: [0: 0, 1: 0.25, 3: 0.75, 4: 1, 19: 1, 400: 1],
    .linear: [0: 0, 1: 0.25, 3: 0.75, 4: 1, 5: 0.9375, 12: 0.5, 19: 0.0625, 20: 0, 400: 0],
    .cosine: [
      0: 0, 2: 0.5, 4: 1, 8: (1 + root) / 2, 12: 0.5, 16: (1 - root) / 2, 19: (1 + lastCosine) / 2, 20: 0, 400: 0,
    ],
  ]

  @Test(arguments: LearningRateSchedule.Kind.allCases)
  func `has Transformers' factors`(kind: LearningRateSchedule.Kind) throws {
    let schedule = try Self.schedule(kind, 4, of: 20)
    let small = try Self.schedule(kind, 4, of: 20, peak: 3e-4)
    for (step, factor) in try #require(Self.expected[kind]) {
      // Cosine and roots are within some units of the last place of 1.
      #expect(abs(schedule.factor(at: step) - factor) < 1e-15, "step \(step)")
      #expect(small.rate(at: step) == 3e-4 * schedule.factor(at: step))
    }
  }

  @Test(arguments: LearningRateSchedule.Kind.allCases)
  func `begins at the peak without a warm-up`(kind: LearningRateSchedule.Kind) throws {
    #expect(try Self.schedule(kind, 0, of: 7).factor(at: 0) == 1)
    #expect(try Self.schedule(kind, 0, of: 1).factor(at: 0) == 1)
  }

  @Test(arguments: LearningRateSchedule.Kind.allCases)
  func `a warm-up of the whole run never reaches the peak`(kind: LearningRateSchedule.Kind) throws {
    let schedule = try Self.schedule(kind, 4, of: 4)
    #expect((0..<4).map(schedule.factor) == [0, 0.25, 0.5, 0.75])
    #expect(try Self.schedule(kind, 1, of: 1).factor(at: 0) == 0)
  }

  @Test func `a warm-up of the whole run is over at its end`() throws {
    #expect(try Self.schedule(.linear, 4, of: 4).factor(at: 4) == 0)
  }

  @Test(arguments: [
    (-1e-4, 0, 10, "--learning-rate"), (.nan, 0, 10, "--learning-rate"), (.infinity, 0, 10, "--learning-rate"),
    (1e-4, 0, 0, "--steps"), (1e-4, 0, -5, "--steps"), (1e-4, -1, 10, "--warmup-steps"),
    (1e-4, 11, 10, "--warmup-steps"), (1e-4, .max, 10, "--warmup-steps"),
  ])
  func `settings that cannot be are named`(peak: Double, warmUp: Int, total: Int, flag: String) {
    let error = #expect(throws: RecipeError.self) {
      try LearningRateSchedule(kind: .linear, peak: peak, warmUpSteps: warmUp, totalSteps: total)
    }
    #expect(error.map { "\($0)".hasPrefix(flag) } == true)
  }
}
