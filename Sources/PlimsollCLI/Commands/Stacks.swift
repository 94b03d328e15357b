import ArgumentParser
import Modeling
import Planning
import Reporting

/// Compares what software makes of one recipe.
struct Stacks: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Plans one recipe on every stack of software, side by side.",
    discussion: """
      A stack is the software that runs the step: the same recipe takes different memory on each. \
      Whatever you leave open is filled in with each stack's own default. Name one with --about to \
      read what it does, and where that was read.

        plimsoll stacks
        plimsoll stacks llama-2-7b --method qlora --seq 4096
        plimsoll stacks --about unsloth
      """)

  @OptionGroup var model: ModelArgument

  @Option(help: ArgumentHelp("A stack by name: prints its choices, defaults, notes and sources.", valueName: "stack"))
  var about: Stack?

  @OptionGroup(title: "Recipe") var recipe: RecipeOptions

  @Option(help: ArgumentHelp("A GPU by name, for its context and libraries.", valueName: "name"))
  var gpu: String?

  @OptionGroup(title: "Output") var output: OutputOptions

  func run() throws {
    if let about { return try output.write(StackReport(about.description)) }
    let device = try gpu.map { name throws(UsageError) in
      guard let device = DeviceCatalog.named(name) else {
        throw .unknownDevice(name, nearest: Nearest.names(to: name, among: DeviceCatalog.all.map(\.name)))
      }
      return device
    }
    let asked = try model.asked(recipe, otherwise: "llama-3.1-8b")
    let spec = asked.reference.spec
    var request = asked.request
    // Every stack has its own ways.
    request.choices = nil
    let stacks = request.stack.map { $0 == .trl ? [.trl] : [.trl, $0] } ?? Stack.allCases.filter(\.isTorch)
    var rows: [StacksReport.Row] = []
    for stack in stacks {
      request.stack = stack
      // A recipe that cannot be at all is the user's to mend, and no stack's refusal.
      let resolved = try request.resolved(for: spec)
      do throws(PlanError) {
        rows.append(.init(stack, plan: try Planner.plan(spec, resolved, device: device)))
      } catch {
        rows.append(.init(stack, refusal: error.description))
      }
    }
    try output.write(StacksReport(model: spec.name, rows: rows))
  }
}
