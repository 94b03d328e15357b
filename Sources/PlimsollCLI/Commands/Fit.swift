import ArgumentParser
import Modeling
import Planning
import Reporting

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
      """)

  @OptionGroup var model: ModelArgument
  @OptionGroup(title: "Budget (one of the two)") var budget: BudgetOptions
  @OptionGroup(title: "Recipe") var recipe: RecipeOptions

  @OptionGroup(title: "Process") var process: ProcessOptions

  @Flag(
    help: """
      Explain the peak entry by entry: the formula of each with its numbers, why it is there, and where that was read. \
      CSV then has a row for every entry.
      """)
  var explain = false

  @Option(
    name: .long, parsing: .unconditional,
    help: "Threads of the plimsoll stack, which borrow a workspace each. (default: as many as this machine allows)",
    transform: Number.whole)
  var threads: Int?

  @OptionGroup(title: "Output") var output: OutputOptions

  func run() throws {
    let (bytes, device) = try budget.budget()
    var request = try recipe.request()
    try process.fill(&request)
    let resolved = try model.resolve(request, assumptions: recipe.assumptions)
    let threads = try threads(of: resolved.recipe.recipe.stack)
    let plan = try Planner.plan(resolved.spec, resolved.recipe, threads: threads, device: device)
    let verdict = Verdict.judge(plan, budget: bytes)
    try output.write(
      FitReport(
        verdict: verdict, remedies: Remedies.seek(verdict, threads: threads),
        explanation: explain ? PeakExplanation(of: plan) : nil))
    if verdict.exitCode != 0 { throw ExitCode(verdict.exitCode) }
  }

  /// Threads of the engine; without meaning on other stacks, for which the machine is not even looked at.
  private func threads(of stack: Stack) throws -> Int {
    threads == nil && stack != .plimsoll ? 1 : try EngineOptions.threads(threads)
  }
}
