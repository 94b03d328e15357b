public import Bookkeeping
public import Modeling

/// How far a recipe can be stretched within a budget, everything else staying as it is.
///
/// What fits is judged by the expected device bytes, as an uncertain verdict is.
public struct Reach: Sendable {
  let spec: ModelSpec
  let recipe: Recipe
  let budget: Bytes
  let threads: Int
  let device: Device?
  /// Expected device bytes of the recipe as it is, where they are at hand.
  private let known: Bytes?

  /// Sequences are sought in multiples of this many tokens.
  public static let sequenceStep = 16

  public init(_ spec: ModelSpec, _ recipe: Recipe, budget: Bytes, threads: Int = 1, device: Device? = nil) {
    self.spec = spec
    self.recipe = recipe
    self.budget = budget
    self.threads = threads
    self.device = device
    known = nil
  }

  /// How far the recipe of a plan can be stretched.
  init(_ plan: Plan, budget: Bytes, threads: Int) {
    spec = plan.spec
    recipe = plan.recipe
    self.budget = budget
    self.threads = threads
    device = plan.target
    known = plan.device.expected
  }

  /// The longest sequence that fits, in multiples of ``sequenceStep`` and up to the model's positions; `nil` if not even
  /// the shortest does.
  public var largestSequence: Int? {
    let step = min(Reach.sequenceStep, spec.maximumPositions)
    let top = max(1, spec.maximumPositions / step)
    let current = recipe.batch.sequence.isMultiple(of: step) ? recipe.batch.sequence / step : nil
    return largest(upTo: top, from: current) { RecipeChange(sequence: $0 * step) }.map { $0 * step }
  }

  /// The largest micro-batch that fits; `nil` if not even one sequence does.
  public var largestMicroBatch: Int? {
    largest(upTo: 1 << 12, from: recipe.batch.microBatch) { RecipeChange(microBatch: $0) }
  }

  /// The largest rank that fits, up to the model's hidden size; `nil` if not even rank 1 does, or there is no adapter.
  public var largestRank: Int? {
    guard let adapter = recipe.method.adapter else { return nil }
    return largest(upTo: spec.hiddenSize, from: adapter.rank) { rank in
      RecipeChange(method: recipe.method.with(rank: rank, of: adapter))
    }
  }

  /// - Parameter current: the number that stands for the recipe as it is, if any does.
  private func largest(upTo top: Int, from current: Int?, _ change: (Int) -> RecipeChange) -> Int? {
    var start: (number: Int, size: Int)?
    if let current, let known, (1...top).contains(current) { start = (current, known.count) }
    return Search.largest(in: 1...top, within: budget.count, known: start) { number in
      guard let changed = recipe.changed(change(number)) else { return nil }
      return deviceBytes(of: changed)?.expected.count
    }
  }

  /// Device bytes of a changed recipe; `nil` if it can't be planned.
  func deviceBytes(of changed: Recipe) -> Interval? {
    do {
      try changed.validate(for: spec)
      return try Planner.deviceBytes(spec, changed, threads: threads, device: device)
    } catch {
      return nil
    }
  }
}

extension Method {
  /// The same method with another rank, the scale staying what it was.
  fileprivate func with(rank: Int, of adapter: LoRA) -> Method? {
    do {
      let lora = try adapter.with(rank: rank)
      if case .qlora(_, let quantization) = self { return .qlora(lora, quantization) }
      return .lora(lora)
    } catch {
      return nil
    }
  }
}
