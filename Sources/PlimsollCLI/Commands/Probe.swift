import ArgumentParser
import Bookkeeping
import Modeling
import Planning
import Reporting

/// Writes a script that measures a step on the user's own machine.
struct Probe: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes a Python script that measures a step on your own GPU and software, with few layers.",
    discussion: """
      The script runs the stack that you train with on 1, 2 and 3 layers of the model at their real width, with random \
      weights and without any download, and writes down what torch, the allocator and the driver say, phase by phase. \
      It needs nothing of Plimsoll. validate --probe reads its result: it says where the plan is off, to the byte a \
      layer, and what the whole model will take on that machine.

        plimsoll probe llama-3.1-8b --method qlora --stack trl --output probe.py
        python3 probe.py --output probe.json
        plimsoll validate --probe probe.json
      """)

  @OptionGroup var model: ModelArgument
  @OptionGroup(title: "Recipe") var recipe: RecipeOptions

  @Option(help: ArgumentHelp("The GPU that it will run on, to say whether the probe itself fits.", valueName: "name"))
  var gpu: String?

  @Option(help: ArgumentHelp("The script; - writes it to standard output.", valueName: "file"))
  var output: String = "probe.py"

  func validate() throws { try model.require(beside: recipe) }

  func run() throws {
    let device = try gpu.map { try BudgetOptions.device(named: $0) }
    let asked = try model.asked(recipe)
    let resolved = try model.resolve(recipe)
    guard let configuration = try asked.reference.configuration() else {
      throw ProbeError.noConfiguration(model: asked.name)
    }
    let settings = try ProbeSettings(
      spec: resolved.spec, configuration: configuration, recipe: resolved.recipe.recipe)
    let script = ProbeScript(settings).text
    guard output != "-" else { return try StandardOutput.write(script) }
    let place = OutputFile.parts(of: output)
    try OutputFile.write(script, to: place.folder, named: place.name)
    try StandardOutput.write(ProbeAdvice(settings: settings, script: output, device: device).text)
  }
}

extension OutputFile {
  /// The folder of a path and the name in it.
  static func parts(of path: String) -> (folder: String, name: String) {
    guard let slash = path.lastIndex(of: "/") else { return (".", path) }
    let folder = path[..<slash]
    return (folder.isEmpty ? "/" : String(folder), String(path[path.index(after: slash)...]))
  }
}
