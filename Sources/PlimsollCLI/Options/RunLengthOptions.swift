import ArgumentParser
import Modeling
import Planning
import Texts

/// How long the run is that steps are planned for: so many tokens or samples, or the data itself.
struct RunLengthOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Examples, one JSON object a line, as plimsoll run reads them: their lengths decide padding, steps and time.",
      valueName: "file.jsonl"))
  var data: String?

  @Option(
    help: ArgumentHelp(
      "What counts the tokens of --data: a folder, a tokenizer.json or a .gguf. (default: an estimate from bytes)",
      valueName: "path"))
  var tokenizer: String?

  @Option(
    name: .long, parsing: .unconditional,
    help: ArgumentHelp(
      "Tokens of an epoch, padding included, such as 10M, in place of --data.", valueName: "count"),
    transform: Number.count)
  var tokens: Int?

  @Option(
    name: .long, parsing: .unconditional, help: "Samples of an epoch, one a sequence, in place of --data.",
    transform: Number.whole)
  var samples: Int?

  @Option(
    name: .long, parsing: .unconditional, help: "Times that every sample is seen. (default: 1)",
    transform: Number.real)
  var epochs: Double?

  @Flag(help: "Several examples of --data share a row, as TRL's packing puts them.")
  var packing = false

  @Flag(help: "Micro-batches of --data get samples of like length, as the Trainer's group_by_length does.")
  var groupByLength = false

  @Flag(help: "Leave out lines of --data that cannot be used, instead of refusing the file.")
  var skipBadLines = false

  /// The order in which the run goes through the data.
  var order: RowOrder { packing ? .packed : groupByLength ? .grouped : .random }

  /// The flags that say how long the run is.
  private var extentFlags: [String] {
    [data.map { _ in "--data" }, tokens.map { _ in "--tokens" }, samples.map { _ in "--samples" }].compactMap(\.self)
  }

  /// The flag that says how long the run is; `nil` where none does.
  var extentFlag: String? { extentFlags.first }

  /// Checks what no other type checks.
  func check() throws(UsageError) {
    let extents = extentFlags
    if extents.count > 1 { throw .severalExtents(extents) }
    if packing, groupByLength { throw .severalExtents(["--packing", "--group-by-length"]) }
    for (flag, value) in [("tokens", tokens), ("samples", samples)] {
      if let value, !(1...1 << 50).contains(value) {
        throw .outOfRange(flag: flag, value: "\(value)", allowed: "between 1 and \(1 << 50)")
      }
    }
    if let epochs, !(epochs > 0 && epochs <= 1_000_000) {
      throw .outOfRange(flag: "epochs", value: "\(epochs)", allowed: "above 0 and at most 1000000")
    }
    if data == nil {
      let strays = [
        tokenizer.map { _ in "tokenizer" }, packing ? "packing" : nil, groupByLength ? "group-by-length" : nil,
        skipBadLines ? "skip-bad-lines" : nil,
      ].compactMap(\.self)
      if let stray = strays.first { throw .withoutData(flag: stray) }
      if epochs != nil, extents.isEmpty { throw .withoutData(flag: "epochs") }
    }
  }

  /// Reads the data, where it is named.
  ///
  /// - Parameter spec: the model, whose vocabulary decides the estimate.
  func read(for spec: ModelSpec) throws -> MeasuredData? {
    guard let data else { return nil }
    let ratio = BytesPerToken(vocabularySize: spec.vocabularySize)
    let counter: DataLengths.Counter =
      if let tokenizer { .tokenizer(try Tokenizer(path: tokenizer)) } else { .bytes(perToken: ratio.expected) }
    let lengths: DataLengths
    do {
      lengths = try DataLengths(path: data, counter: counter, badLines: skipBadLines ? .skip : .refuse) { lines in
        StandardError.write("\(data): \(lines) lines")
      }
    } catch {
      guard case .badLine(let problem) = error else { throw error }
      throw BadDataLine(path: data, problem: problem)
    }
    var notes = lengths.notes
    if let first = lengths.skipped.first {
      let count = lengths.skipped.count
      notes.append("\(count) \(count == 1 ? "line" : "lines") left out, the first: \(first)")
    }
    return MeasuredData(
      name: data,
      samples: SampleLengths(
        lengths: lengths.tokens, basis: tokenizer.map { .tokenizer($0) } ?? .bytes(ratio), notes: notes),
      order: order, epochs: epochs ?? 1)
  }

  /// How long the run is without data; `nil` where nobody said.
  private var extent: RunTime.Extent? { tokens.map { .tokens($0) } ?? samples.map { .samples($0) } }

  /// How long the run of a plan is without data; `nil` where nobody said.
  func run(of plan: Plan) -> RunTime? { extent.map { RunTime($0, epochs: epochs ?? 1, plan: plan) } }

  /// Reads how long the run is, and puts the lengths of its data into a request.
  ///
  /// - Returns: the run, `nil` where nobody said, and what was assumed about it.
  func whole(_ request: inout RecipeRequest, for spec: ModelSpec) throws -> (run: WholeRun?, notes: [String]) {
    guard let data = try read(for: spec) else { return (extent.map { .extent($0, epochs: epochs ?? 1) }, []) }
    let asked = request
    let sequence = try data.fill(&request, for: spec)
    return (.data(data, sequence: sequence), data.assumption(asked, sequence: sequence))
  }
}
