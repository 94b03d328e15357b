import ArgumentParser
import Modeling
import Reporting
import Training

/// Trains with the engine.
struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Trains a model on your examples with the engine, and accounts for every byte of it.",
    discussion: """
      Needs weights and a tokenizer: a Hugging Face checkpoint folder or a .gguf file. Writes the \
      adapter as PEFT reads it (or the whole checkpoint with --method full), metrics.jsonl, and \
      saved states from which --resume goes on. A run that this machine cannot carry is refused \
      before it starts (exit 69).

        plimsoll run smollm2.gguf --method qlora --data examples.jsonl --epochs 2
        plimsoll run path/to/checkpoint --rank 8 --data examples.jsonl --steps 100 --format json
      """)

  @OptionGroup var model: ModelArgument
  @OptionGroup(title: "Run") var options: RunOptions
  @OptionGroup(title: "Recipe") var recipe: RecipeOptions

  @Option(
    name: .long, parsing: .unconditional, help: "Threads of the engine. (default: as many as this machine allows)",
    transform: Number.whole)
  var threads: Int?

  @OptionGroup(title: "Memory") var limit: LimitOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func validate() throws { try model.require(beside: recipe) }

  func run() throws {
    let asked = try model.asked(recipe)
    var request = asked.request
    try EngineOptions.settle(&request, recipe, command: "run")
    if !options.randomWeights {
      _ = try asked.weightsPath()
    } else if case .preset = asked.reference.origin, options.tokenizer == nil {
      throw UsageError.randomWeightsWithoutTokenizer
    }
    let bound = try limit.enforce(mapsFiles: !options.randomWeights)
    let run = TrainingRun(
      modelPath: asked.name, reference: asked.reference, request: request, options: options,
      threads: try EngineOptions.threads(threads), printsSteps: output.format == .json,
      isLimited: bound != nil)
    let report = RunReport(try run.run())
    if output.format == .json {
      try StandardOutput.write(report.json.line + "\n")
    } else {
      try output.write(report)
    }
  }
}
