import ArgumentParser
import Bookkeeping
import Modeling
import Planning
import Reporting

/// Answers the question that everyone asks first, and proves on this machine how the answer is made.
struct Demo: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Answers “will a 7B QLoRA fit in 8 GB?” and runs full, LoRA and QLoRA steps to prove its books.",
    discussion: """
      Prints the receipt, then plans and runs one model's shape with three methods, and writes \
      demo.md and demo.csv into the folder of reports. Takes about a minute.

        plimsoll demo
        plimsoll demo --reports /tmp/reports
      """)

  @Option(help: ArgumentHelp("Folder that demo.md and demo.csv are written into.", valueName: "folder"))
  var reports = "Reports"

  @Option(help: ArgumentHelp("Whose shape is run, as for plimsoll check.", valueName: "model"))
  var model = "smollm2-135m"

  @Option(
    name: .long, parsing: .unconditional, help: "Tokens of the sequence that is run.", transform: Number.whole)
  var seq = 512

  func run() throws {
    let threads = try EngineOptions.threads(nil)
    var runs: [DemoReport.Run] = []
    var stamp: [String] = []
    // Before anything else, so that the process is still small when its memory is first read.
    let spec = try ModelReference(resolving: model).spec
    for (method, resolved) in try Demo.methods(on: spec, sequence: seq) {
      StandardError.write("\(method.name): planning and running \(spec.name)'s shape")
      let outcome = try CheckRun(
        spec: spec, resolved: resolved, threads: threads, progress: StandardError.write
      ).run()
      stamp = outcome.summary.stamp
      runs.append(
        DemoReport.Run(
          method: method.name, trainable: outcome.plan.parameters.trainable,
          total: outcome.plan.parameters.total, check: outcome.summary))
    }
    let report = DemoReport(
      question: "Will a 7B QLoRA fit in 8 GB?", answer: try sevenBillion(),
      setting: "\(spec.name)'s shape, 1 × \(seq) tokens", runs: runs, stamp: stamp)
    try OutputFile.write(report.rendered(as: .markdown), to: reports, named: "demo.md")
    try OutputFile.write(
      stamp.map { "# \($0)\r\n" }.joined() + report.rendered(as: .csv), to: reports, named: "demo.csv")
    try StandardOutput.write(report.rendered(as: .text))
    StandardError.write("written: \(reports)/demo.md and \(reports)/demo.csv")
    if runs.contains(where: { !$0.check.reconciliation.isBalanced }) {
      throw ExitCode(ExitStatus.negative.rawValue)
    }
  }

  private func sevenBillion() throws -> FitReport {
    var request = RecipeRequest()
    request.method = .qlora
    let reference = try ModelReference(resolving: "7b")
    let resolved = try request.resolved(for: reference.spec)
    let notes = reference.note.map { ["model: \($0)"] } ?? []
    let plan = try Planner.plan(
      reference.spec, ResolvedRecipe(recipe: resolved.recipe, assumptions: notes + resolved.assumptions))
    let verdict = Verdict.judge(plan, budget: 8 * Bytes.gibi)
    return FitReport(verdict: verdict, remedies: Remedies.seek(verdict, threads: 1))
  }

  /// Of the methods that guides set side by side, those that the engine runs on a model.
  private static func methods(
    on spec: ModelSpec, sequence: Int
  ) throws(RecipeError) -> [(method: ComparedMethod, recipe: ResolvedRecipe)] {
    var list: [(method: ComparedMethod, recipe: ResolvedRecipe)] = []
    for method in ComparedMethod.usual {
      var request = RecipeRequest()
      request.stack = .plimsoll
      request.sequence = sequence
      let resolved = try method.request(within: request).resolved(for: spec)
      if spec.engineRefusal(for: resolved.recipe) == nil { list.append((method, resolved)) }
    }
    return list
  }
}
