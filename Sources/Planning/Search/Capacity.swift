public import Bookkeeping
public import Modeling

/// What fits: every method that a stack has, within one budget.
public struct Capacity: Sendable {
  public let spec: ModelSpec
  public let budget: Bytes
  /// The device that was named, if any.
  public let device: Device?
  /// The device that speeds are predicted for: the one that was named, or one that stands for its size.
  public let card: Device
  /// What is to be done in the least time; `nil` where nobody said how long the run is.
  public let run: WholeRun?
  public let methods: [MethodCapacity]
  /// The place of the method that was asked for.
  public let asked: Int
  /// Methods that were left out, with the reason.
  public let refusals: [Refused]

  public struct Refused: Hashable, Sendable {
    public let method: Method.Name
    public let reason: String
  }

  /// The sequences of every frontier.
  public var sequences: [Int] { Capacity.sequences(of: spec) }

  /// What was asked for.
  public var choice: MethodCapacity { methods[asked] }

  /// What is to be done: the fastest recipe of the method that was asked for that fits, or else its smallest mended one.
  public var chosen: Recipe? {
    guard choice.fits else { return choice.remedy?.recipe }
    return choice.fastest?.recipe ?? (choice.fits ? choice.recipe : nil)
  }
}

extension Capacity {
  /// Methods that are compared where none is named.
  public static let methods: [Method.Name] = [.full, .freeze, .head, .lora, .dora, .qlora]

  /// Sequences of the frontier: powers of two from 512 on, up to the model's positions.
  package static func sequences(of spec: ModelSpec) -> [Int] {
    let powers = Array(sequence(first: 512) { $0 * 2 }.prefix { $0 <= spec.maximumPositions })
    return powers.isEmpty ? [spec.maximumPositions] : powers
  }

  /// Answers every question about every recipe.
  ///
  /// - Parameters:
  ///   - recipes: one a method; those that can't be planned are refused.
  ///   - asked: the place of the one that was asked for; `nil` for the first that can be planned.
  ///   - run: how long the run is, where that was said; the fastest recipe is the one with the fewest hours for it.
  ///   - jobs: threads of the search.
  ///   - progress: called now and then with how many of how many questions are answered.
  /// - Throws: why the recipe that was asked for, or the only one, can't be planned.
  public static func seek(
    _ spec: ModelSpec, _ recipes: [Recipe], asked: Int, budget: Bytes, threads: Int = 1, device: Device? = nil,
    run: WholeRun? = nil, jobs: Int = 1, progress: (@Sendable (Int, Int) -> Void)? = nil
  ) throws(PlanError) -> Capacity {
    let estimates = Estimates(spec, budget: budget, threads: threads, device: device)
    let card = device ?? DeviceCatalog.standIn(for: budget)
    var planned: [(place: Int, recipe: Recipe, device: Interval)] = []
    var refusals: [Refused] = []
    for (place, recipe) in recipes.enumerated() {
      do throws(PlanError) {
        let bytes = try Planner.deviceBytes(spec, recipe, threads: threads, device: device)
        planned.append((place, recipe, bytes))
      } catch {
        guard place != asked else { throw error }
        refusals.append(Refused(method: recipe.method.name, reason: error.description))
      }
    }
    let counter = Progress(of: planned.count * (1 + Question.all(spec).count), progress)
    let methods = Parallel.map(planned, jobs: jobs) { entry -> Asked in
      defer { counter.advance() }
      guard entry.device.expected > budget else {
        return Asked(recipe: entry.recipe, device: entry.device, remedy: nil, base: entry.recipe)
      }
      let remedy = RemedySet.smallest(for: entry.recipe, estimates) { Planner.speed(spec, $0, on: card)?.expected }
      return Asked(recipe: entry.recipe, device: entry.device, remedy: remedy, base: remedy?.recipe)
    }
    let questions = methods.indices.flatMap { index in Question.all(spec).map { (index, $0) } }
    let answers = Parallel.map(questions, jobs: jobs) { index, question -> (Int, Question.Answer?) in
      defer { counter.advance() }
      return (index, methods[index].base.map { question.answer($0, estimates, on: card, run) })
    }
    let capacities = methods.indices.map { index in
      MethodCapacity(methods[index], budget: budget, answers.filter { $0.0 == index }.compactMap(\.1))
    }
    return Capacity(
      spec: spec, budget: budget, device: device, card: card, run: run, methods: capacities,
      asked: planned.firstIndex { $0.place == asked } ?? 0, refusals: refusals)
  }

  /// A recipe as it was asked for, and what further questions are about.
  struct Asked: Sendable {
    let recipe: Recipe
    let device: Interval
    let remedy: RemedySet?
    /// The recipe, or what the remedy makes of it; `nil` where nothing helps.
    let base: Recipe?
  }
}
