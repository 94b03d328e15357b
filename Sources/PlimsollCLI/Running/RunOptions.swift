public import ArgumentParser
import Modeling
import Texts
import Training

extension LearningRateSchedule.Kind: ExpressibleByArgument {}

/// What a run does beside what a step does.
struct RunOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Examples, one JSON object a line: instruction/input/output, prompt/completion, messages, or text.",
      valueName: "file.jsonl"))
  var data: String

  @Option(
    help: ArgumentHelp(
      "Where the tokenizer is, if not with the model: a folder, a tokenizer.json or a .gguf.", valueName: "path"))
  var tokenizer: String?

  @Option(
    name: .long, parsing: .unconditional,
    help: "Optimizer steps. (default: as many as --epochs need)", transform: Number.whole)
  var steps: Int?

  @Option(
    name: .long, parsing: .unconditional, help: "Times that every example is seen. (default: 1)",
    transform: Number.whole)
  var epochs: Int?

  @Option(help: "How the learning rate moves. (default: linear)")
  var schedule: LearningRateSchedule.Kind = .linear

  @Option(
    name: .long, parsing: .unconditional, help: "Steps over which the learning rate rises. (default: 0)",
    transform: Number.whole)
  var warmupSteps: Int?

  @Option(
    name: .long, parsing: .unconditional,
    help: "Gradients are scaled down to this norm; 0 for no clipping. (default: 1, and 0 with --optimizer-in-backward)",
    transform: Number.real)
  var maxGradNorm: Double?

  @Option(
    help: ArgumentHelp(
      "A part of parameter names and what their learning rate is multiplied with: lora_B=16.", valueName: "name=factor")
  )
  var group: [String] = []

  @Flag(inversion: .prefixedNo, help: "Learn from completions only, not from prompts.")
  var completionOnly = true

  @Flag(inversion: .prefixedNo, help: "Put several examples into one sequence; they then see each other.")
  var packing = false

  @Option(
    name: .long, parsing: .unconditional,
    help: "Share of the examples that is kept for evaluation; 0 for none. (default: 0.1)", transform: Number.real)
  var evalFraction: Double?

  @Option(
    help: ArgumentHelp(
      "Examples for evaluation in a file of their own, instead of a share of --data.", valueName: "file.jsonl"))
  var evalData: String?

  @Option(
    name: .long, parsing: .unconditional,
    help:
      "Steps between evaluations; there is one before the first and one after the last step. (default: none between)",
    transform: Number.whole)
  var evalEvery: Int?

  @Flag(help: "Leave out lines that cannot be used, and report them, instead of refusing the file.")
  var skipBadLines = false

  @Flag(help: "Leave out examples that are there already.")
  var dropDuplicates = false

  @Option(
    name: .long, parsing: .unconditional,
    help: "Adapters' first weights, dropout and the order of examples follow from it. (default: 0)",
    transform: Number.whole)
  var seed: Int?

  @Flag(help: "Draw the weights from the seed; needs nothing of the model but its shape, and a --tokenizer.")
  var randomWeights = false

  @OptionGroup var mapping: WeightMappingOptions
  @OptionGroup var sums: PartialSumsOption

  @Option(help: ArgumentHelp("Folder for adapter, metrics and saved states.", valueName: "folder"))
  var output = "plimsoll-run"

  @Option(
    name: .long, parsing: .unconditional,
    help: "Steps between saved states; 0 for none. (default: 50)", transform: Number.whole)
  var saveEvery: Int?

  @Flag(help: "Go on from the newest state in the output folder.")
  var resume = false

  @Option(help: ArgumentHelp("Adapter to continue from, as PEFT saves it.", valueName: "folder"))
  var adapter: String?

  /// The seed as the engine takes it.
  var seedValue: UInt64 { UInt64(bitPattern: Int64(seed ?? 0)) }

  /// Checks what no other type checks.
  func check() throws(UsageError) {
    for (flag, value, least) in [
      ("steps", steps, 1), ("epochs", epochs, 1), ("warmup-steps", warmupSteps, 0), ("eval-every", evalEvery, 1),
      ("save-every", saveEvery, 0),
    ] {
      if let value, !(least...1_000_000_000).contains(value) {
        throw .outOfRange(flag: flag, value: "\(value)", allowed: "between \(least) and 1000000000")
      }
    }
    if let norm = maxGradNorm, !(norm.isFinite && norm >= 0) {
      throw .outOfRange(flag: "max-grad-norm", value: "\(norm)", allowed: "a number from 0 up")
    }
    if evalData != nil, let share = evalFraction {
      throw .outOfRange(flag: "eval-fraction", value: "\(share)", allowed: "left out beside --eval-data")
    }
    if let share = evalFraction, !(share >= 0 && share < 1) {
      throw .outOfRange(flag: "eval-fraction", value: "\(share)", allowed: "at least 0 and below 1")
    }
  }

  /// The parameter groups that `--group` names.
  func groups() throws -> [ParameterGroup] {
    try group.map { text in
      guard let mark = text.lastIndex(of: "="), let factor = Double(text[text.index(after: mark)...]) else {
        throw UsageError.outOfRange(flag: "group", value: text, allowed: "a part of a name and a factor: lora_B=16")
      }
      return try ParameterGroup(matches: [String(text[..<mark])], learningRateFactor: factor)
    }
  }

  /// Refuses a group that no trained parameter belongs to: a misspelled name would do nothing, and say nothing.
  func check(_ groups: [ParameterGroup], match names: [String]) throws(UsageError) {
    for (text, group) in zip(group, groups) where !names.contains(where: group.contains) {
      throw .outOfRange(
        flag: "group", value: text, allowed: "a part of a trained parameter's name, such as \(names.first ?? "")")
    }
  }

  /// How lines become examples of at most `length` tokens.
  func dataOptions(length: Int) -> DataOptions {
    var options = DataOptions()
    options.completionOnly = completionOnly
    options.maximumLength = length
    options.badLines = skipBadLines ? .skip : .refuse
    options.duplicates = dropDuplicates ? .drop : .keep
    return options
  }
}
