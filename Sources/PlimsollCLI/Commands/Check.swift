import ArgumentParser
import Bookkeeping
import Machine
import Modeling
import Reporting
import Training

/// Plans a step, runs it with the engine, and reconciles the two books.
struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Plans and runs the same step on this machine and lays the two books side by side.",
    discussion: """
      The weights come from a seed unless --no-random-weights asks for the model's own: what is \
      checked is memory, entry by entry, not knowledge. \
      Refuses to start what this machine cannot carry (exit 69). Ends with 0 if planned and \
      measured books balance to the byte and with 1 if they do not.

        plimsoll check smollm2-135m --method full --seq 512
        plimsoll check smollm2-135m --method qlora --checkpointing --format json
        plimsoll check llama-2-7b --method qlora --optimizer adamw-8bit --checkpointing --limit 8GB
      """)

  @OptionGroup var model: ModelArgument
  @OptionGroup(title: "Recipe") var recipe: RecipeOptions

  @Option(
    name: .long, parsing: .unconditional, help: "Steps to run; all but the first are timed. (default: 4)",
    transform: Number.whole)
  var steps: Int?

  @Option(
    name: .long, parsing: .unconditional, help: "Threads of the engine. (default: as many as this machine allows)",
    transform: Number.whole)
  var threads: Int?

  @Flag(inversion: .prefixedNo, help: "Draw the weights from a seed instead of reading the model's own.")
  var randomWeights = true

  @Flag(help: "Take the same tokens at every step, so that the loss falls.")
  var repeatData = false

  @OptionGroup var mapping: WeightMappingOptions
  @OptionGroup var sums: PartialSumsOption

  @OptionGroup(title: "Memory") var limit: LimitOptions
  @OptionGroup(title: "Output") var output: OutputOptions

  func validate() throws { try model.require(beside: recipe) }

  func run() throws {
    // Before anything is allocated, so that all of it counts.
    let limit = try limit.enforce(mapsFiles: !randomWeights)
    let resolved = try model.resolve(recipe) { request in
      try EngineOptions.settle(&request, recipe, command: "check")
      // Small enough to answer at once, long enough to look like training.
      if request.sequence == nil { request.sequence = 512 }
    }
    try sums.apply(to: resolved.recipe.recipe)
    var check = CheckRun(
      spec: resolved.spec, resolved: resolved.recipe,
      threads: try EngineOptions.threads(threads), progress: StandardError.write)
    check.limit = limit
    check.repeatsData = repeatData
    check.stampLines = sums.stampLines
    check.mapsWeights = mapping.mapsWeights(isLimited: limit != nil)
    if !randomWeights { check.weights = try model.asked(recipe).weightsPath() }
    if let steps {
      guard (1...10_000).contains(steps) else {
        throw UsageError.outOfRange(flag: "steps", value: "\(steps)", allowed: "between 1 and 10000")
      }
      check.steps = steps
    }
    let outcome = try check.run()
    try output.write(ReconciliationReport(outcome.summary))
    if !outcome.summary.reconciliation.isBalanced { throw ExitCode(ExitStatus.negative.rawValue) }
  }
}

/// How the engine is run, where it is the engine that runs.
enum EngineOptions {
  /// Sets the engine's threads, and keeps them on as many neighboring cores where there are more, with memory from all
  /// the NUMA nodes of these.
  ///
  /// They then don't wander away from their caches. A system that forbids it is left as it is.
  static func start(threads: Int, on topology: borrowing Topology) throws(MachineError) {
    let cores = Array(0..<min(threads, topology.processor.allowedCores))
    if threads < topology.processor.allowedCores { _ = try topology.bindProcess(toCores: cores) }
    _ = try topology.interleaveMemory(ofCores: cores)
    EngineThreads.configure(threads)
  }

  /// Puts what was asked for on the engine's stack, the one that `command` runs, whatever a configuration is for.
  static func settle(_ request: inout RecipeRequest, _ recipe: RecipeOptions, command: String) throws(UsageError) {
    guard recipe.stack == nil || recipe.stack == .plimsoll else {
      throw .outOfRange(
        flag: "stack", value: recipe.stack?.rawValue ?? "", allowed: "plimsoll, which is what \(command) runs")
    }
    request.stack = .plimsoll
    // What a configuration says of another stack's ways is not the engine's, but for what it can do too.
    if request.choices?.stepsInBackward == true, request.stepsInBackward == nil { request.stepsInBackward = true }
    request.choices = nil
  }

  /// The threads asked for, or as many as control groups, affinity and cores allow.
  static func threads(_ asked: Int?) throws -> Int {
    guard let asked else { return try Topology.load().processor.recommendedThreads }
    guard (1...4096).contains(asked) else {
      throw UsageError.outOfRange(flag: "threads", value: "\(asked)", allowed: "between 1 and 4096")
    }
    return asked
  }
}
