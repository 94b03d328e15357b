public import ArgumentParser
public import Configurations
import Modeling
import Planning
import Reporting

extension ConfigurationEmission.Dialect: ExpressibleByArgument {}

/// Says whether a step fits, and why.
struct Fit: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Says whether a fine-tuning step fits a budget of memory, with the receipt for every byte.",
    discussion: """
      Prints the verdict, the memory by account at the peak, the largest tensors alive then, \
      the work of a step, and what would change the verdict. Whatever you leave open is filled in \
      with the stack's own default and listed at the end. Ends with 0 if it fits and with 1 if it \
      does not.

        plimsoll fit llama-2-7b --method qlora --vram 8GB
        plimsoll fit 7b --method lora --rank 64 --seq 4096 --gpu rtx-4090
        plimsoll fit path/to/config.json --method full --vram 24GB --format json
        plimsoll fit 7b --method qlora --vram 8GB --explain
        plimsoll fit 8b --method qlora --gpu rtx-4090 --data examples.jsonl --epochs 3
        plimsoll fit 8b --method qlora --gpu rtx-4090 --tokens 100000000 --time
        plimsoll fit --config qlora.yml --config ds_z2.json --vram 24GB
        plimsoll fit --config qlora.yml --emit llama-factory
      """)

  @OptionGroup var model: ModelArgument
  @OptionGroup(title: "Budget (one of the two)") var budget: BudgetOptions
  @OptionGroup(title: "Recipe") var recipe: RecipeOptions

  @OptionGroup(title: "Process") var process: ProcessOptions
  @OptionGroup(title: "The run") var length: RunLengthOptions

  @Flag(
    help: """
      Explain the peak entry by entry: the formula of each with its numbers, why it is there, and where that was read. \
      CSV then has a row for every entry.
      """)
  var explain = false

  @Flag(
    help: """
      Explain the time: operations by phase with frozen and trained weights apart, the bytes between them, and the \
      ceilings of the card with their sources.
      """)
  var time = false

  @Option(
    name: .long, parsing: .unconditional,
    help: "Threads of the plimsoll stack, which borrow a workspace each. (default: as many as this machine allows)",
    transform: Number.whole)
  var threads: Int?

  @Option(
    help: ArgumentHelp(
      "Print the recipe as a configuration of this program instead of planning it; what the program has no words for "
        + "is said in comments.", valueName: "program"))
  var emit: ConfigurationEmission.Dialect?

  @OptionGroup(title: "Output") var output: OutputOptions

  func validate() throws { try model.require(beside: recipe) }

  func run() throws {
    if let emit { return try write(emit) }
    try length.check()
    let (bytes, device) = try budget.budget()
    let asked = try model.asked(recipe)
    let spec = asked.reference.spec
    var request = asked.request
    try process.fill(&request)
    let data = try length.read(for: spec)
    let cut = try data?.fill(&request, for: spec)
    let resolved = try request.resolved(for: spec)
    let threads = try threads(of: resolved.recipe.stack)
    let notes = asked.assumptions + (cut.flatMap { data?.assumption(asked.request, sequence: $0) } ?? [])
    let plan = try Planner.plan(
      spec, ResolvedRecipe(recipe: resolved.recipe, assumptions: notes + resolved.assumptions), threads: threads,
      device: device)
    let verdict = Verdict.judge(plan, budget: bytes)
    try output.write(
      FitReport(
        verdict: verdict, remedies: Remedies.seek(verdict, threads: threads, jobs: min(4, Processors.count)),
        explanation: explain ? PeakExplanation(of: plan) : nil, run: length.run(of: plan),
        data: try cut.flatMap { try data?.study(plan.spec, plan.recipe, sequence: $0, on: plan.target) },
        explainsTime: time))
    if verdict.exitCode != 0 { throw ExitCode(verdict.exitCode) }
  }

  /// Prints the configuration alone, so that it can be redirected into a file.
  private func write(_ dialect: ConfigurationEmission.Dialect) throws {
    let asked = try model.asked(recipe)
    var request = asked.request
    try process.fill(&request)
    // Without a word on the software, it is the one that the configuration is for.
    if request.stack == nil { request.stack = dialect.stack }
    let spec = asked.reference.spec
    let resolved = try request.resolved(for: spec)
    let emission = try ConfigurationEmission(
      resolved.recipe, of: spec, model: asked.reference.publicName ?? asked.name, as: dialect)
    try StandardOutput.write(emission.text)
    // JSON has no comments.
    if dialect == .peft { for sentence in emission.unsaid { StandardError.write("not said: \(sentence)") } }
  }

  /// Threads of the engine; without meaning on other stacks, for which the machine is not even looked at.
  private func threads(of stack: Stack) throws -> Int {
    threads == nil && stack != .plimsoll ? 1 : try EngineOptions.threads(threads)
  }
}
