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

  func run() throws {
    let threads = try EngineOptions.threads(nil)
    var runs: [DemoReport.Run] = []
    var stamp: [String] = []
    // Before anything else, so that the process is still small when its memory is first read.
    // What the engine runs.
    for method in [Method.Name.full, .lora, .qlora] {
      StandardError.write("\(method.rawValue): planning and running SmolLM2-135M's shape")
      let outcome = try check(method, threads: threads)
      stamp = outcome.summary.stamp
      runs.append(
        DemoReport.Run(
          method: method.rawValue, trainable: outcome.plan.parameters.trainable,
          total: outcome.plan.parameters.total, check: outcome.summary))
    }
    let report = DemoReport(
      question: "Will a 7B QLoRA fit in 8 GB?", answer: try sevenBillion(),
      setting: "SmolLM2-135M's shape, 1 × 512 tokens", runs: runs, stamp: stamp)
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

  private func check(_ method: Method.Name, threads: Int) throws -> CheckRun.Outcome {
    var request = RecipeRequest()
    request.stack = .plimsoll
    request.method = method
    request.sequence = 512
    let spec = try ModelReference(resolving: "smollm2-135m").spec
    let resolved = try request.resolved(for: spec)
    return try CheckRun(spec: spec, resolved: resolved, threads: threads, progress: StandardError.write).run()
  }
}
