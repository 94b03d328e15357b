import ArgumentParser
import Bookkeeping
import Configurations
import Modeling
import Planning

/// The flags that a planned point may have: those of `fit`.
struct PlannedPointOptions: ParsableArguments {
  @OptionGroup var model: ModelArgument
  @OptionGroup var budget: BudgetOptions
  @OptionGroup var recipe: RecipeOptions
  @OptionGroup var process: ProcessOptions

  @Option(name: .long, parsing: .unconditional, help: "Threads of the plimsoll stack.", transform: Number.whole)
  var threads: Int?
}

/// The flags that a point may have that is run on random tokens: those of `check`.
struct CheckedPointOptions: ParsableArguments {
  @OptionGroup var model: ModelArgument
  @OptionGroup var recipe: RecipeOptions

  @Option(name: .long, parsing: .unconditional, help: "Steps to run.", transform: Number.whole)
  var steps: Int?

  @Option(name: .long, parsing: .unconditional, help: "Threads of the engine.", transform: Number.whole)
  var threads: Int?
}

/// The flags that a point may have that is trained on examples: those of `run`.
struct TrainedPointOptions: ParsableArguments {
  @OptionGroup var model: ModelArgument
  @OptionGroup var options: RunOptions
  @OptionGroup var recipe: RecipeOptions

  @Option(name: .long, parsing: .unconditional, help: "Threads of the engine.", transform: Number.whole)
  var threads: Int?
}

/// What flags ask for, with the recipe's gaps still open.
struct PointDraft {
  let spec: ModelSpec
  var request: RecipeRequest
  let assumptions: [String]
  let budget: Bytes?
  let device: Device?
  let threads: Int?
  let words: [String]
}

extension PointDraft {
  /// Reads the words of a command line without its command.
  ///
  /// - Throws: the parser's errors as `SweepError`, and typed errors of models, files and settings.
  init(_ words: [String], _ mode: SweepMode) throws {
    switch mode {
    case .planned:
      let options = try PointDraft.parse(PlannedPointOptions.self, words)
      let asked = try options.model.asked(options.recipe)
      var request = asked.request
      try options.process.fill(&request)
      let named = options.budget.vram != nil || options.budget.gpu != nil
      let budget = named ? try options.budget.budget() : nil
      self.init(
        spec: asked.reference.spec, request: request, assumptions: asked.assumptions, budget: budget?.bytes,
        device: budget?.device, threads: options.threads, words: words)
    case .checked:
      let options = try PointDraft.parse(CheckedPointOptions.self, words)
      let asked = try options.model.asked(options.recipe)
      var request = asked.request
      try EngineOptions.settle(&request, options.recipe, command: "sweep --run")
      // As `check` does.
      if request.sequence == nil { request.sequence = 512 }
      self.init(
        spec: asked.reference.spec, request: request, assumptions: asked.assumptions, budget: nil, device: nil,
        threads: options.threads, words: words)
    case .trained:
      let options = try PointDraft.parse(TrainedPointOptions.self, words)
      try options.options.check()
      let asked = try options.model.asked(options.recipe)
      if case .preset = asked.reference.origin { throw UsageError.presetWithoutWeights(asked.name) }
      var request = asked.request
      try EngineOptions.settle(&request, options.recipe, command: "sweep --run")
      self.init(
        spec: asked.reference.spec, request: request, assumptions: asked.assumptions, budget: nil, device: nil,
        threads: options.threads, words: words)
    }
  }

  private static func parse<Options: ParsableArguments>(_: Options.Type, _ words: [String]) throws -> Options {
    do { return try Options.parse(words) } catch {
      // The parser would speak of a command that nobody has typed.
      throw SweepError.badSetting(Options.message(for: error))
    }
  }
}
