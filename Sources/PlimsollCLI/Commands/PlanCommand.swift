import ArgumentParser
import Bookkeeping
import Configurations
import Modeling
import Planning
import Reporting

/// Says what fits, how far it goes, what to change where it doesn't, and on which device.
struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract:
      "Says what fits a budget: the longest sequence, the largest batch and rank, the fastest recipe, the way out.",
    discussion: """
      For every method, or the one that you name: how far sequence, batch and rank can go, the largest \
      batch of every sequence, and the fastest recipe that fits. Where something does not fit, the \
      smallest set of changes that makes it fit, harmless ones first. With --gpus all, or names, it says \
      instead which devices carry the recipe, and how many of them it takes otherwise. With --data, \
      --tokens or --samples the fastest recipe is the one with the fewest hours for that run, and devices \
      cost what these hours do. Ends with 0 if something fits and with 1 if nothing does.

      --emit with --gpus all writes the recipe of the cheapest run where --prices are given (of a token, \
      where nobody says how long the run is); otherwise that of the fewest GPUs, and of those the \
      smallest by memory.

        plimsoll plan llama-2-7b --vram 24GB
        plimsoll plan 7b --method full --gpu rtx-4090
        plimsoll plan 7b --method qlora --gpus all --prices prices.csv --tokens 10M
        plimsoll plan 8b --gpu rtx-4090 --data examples.jsonl --epochs 3
        plimsoll plan llama-2-70b --method full --gpus a100-80gb,h100 --seq 4096
        plimsoll plan --config qlora.yml --vram 16GB --emit axolotl
      """)

  @OptionGroup var model: ModelArgument
  @OptionGroup(title: "Budget (--vram, --gpu, or names or all for --gpus)") var budget: BudgetOptions
  @OptionGroup(title: "Recipe") var recipe: RecipeOptions
  @OptionGroup(title: "Process") var process: ProcessOptions
  @OptionGroup(title: "The run") var length: RunLengthOptions
  @OptionGroup(title: "Cost of the run, with --gpus all or names") var cost: CostOptions

  @Option(
    help: ArgumentHelp(
      "Print the chosen recipe as a configuration of this program: the fastest of the method that fits, or the smallest "
        + "mended one; with --gpus all that of the cheapest run, or else of the fewest GPUs.", valueName: "program"))
  var emit: ConfigurationEmission.Dialect?

  @Option(
    name: .long, parsing: .unconditional, help: "Threads of the search. (default: as many as this machine has)",
    transform: Number.whole)
  var jobs: Int?

  @OptionGroup(title: "Output") var output: OutputOptions

  func validate() throws { try model.require(beside: recipe) }

  func run() throws {
    if let jobs, jobs < 1 { throw UsageError.outOfRange(flag: "jobs", value: "\(jobs)", allowed: "at least 1") }
    try length.check()
    try cost.check(beside: length)
    let devices = try recipe.devices()
    if devices == nil, cost.isNamed { throw UsageError.costWithoutDevices }
    let asked = try model.asked(recipe, takesDevices: true)
    var request = asked.request
    try process.fill(&request)
    if request.stack == nil, let stack = emit?.stack { request.stack = stack }
    if let devices { return try compare(devices, asked, request) }
    let (bytes, device) = try budget.budget(of: "plan")
    let (run, notes) = try length.whole(&request, for: asked.reference.spec)
    let capacity = try seek(asked, request, bytes, device, run)
    if let emit {
      guard let chosen = capacity.value.chosen else { throw nothingToEmit(asked) }
      return try write(chosen, asked, as: emit)
    }
    try output.write(PlanReport(capacity.value, assumptions: notes + capacity.assumptions))
    if !capacity.value.methods.contains(where: \.isPossible) { throw ExitCode(ExitStatus.negative.rawValue) }
  }

  // MARK: One budget

  private func seek(
    _ asked: AskedRun, _ request: RecipeRequest, _ budget: Bytes, _ device: Device?, _ run: WholeRun?
  ) throws -> (value: Capacity, assumptions: [String]) {
    let spec = asked.reference.spec
    let chosen = try request.resolved(for: spec)
    var recipes = [chosen.recipe]
    if request.method == nil {
      for name in Capacity.methods where name != chosen.recipe.method.name {
        var method = RecipeRequest()
        method.method = name
        // What a method has no use for was said for another one.
        if let other = try? method.filled(from: request).resolved(for: spec).recipe { recipes.append(other) }
      }
    }
    let order = Capacity.methods
    recipes.sort { (order.firstIndex(of: $0.method.name) ?? 0) < (order.firstIndex(of: $1.method.name) ?? 0) }
    let stack = chosen.recipe.stack
    let threads = stack == .plimsoll ? try EngineOptions.threads(nil) : 1
    let capacity = try Capacity.seek(
      spec, recipes, asked: recipes.firstIndex(of: chosen.recipe) ?? 0, budget: budget, threads: threads,
      device: device, run: run, jobs: jobs ?? Processors.count, progress: ProgressLine("planned").report)
    return (capacity, asked.assumptions + chosen.assumptions)
  }

  /// Prints the configuration alone, so that it can be redirected into a file.
  private func write(_ recipe: Recipe, _ asked: AskedRun, as dialect: ConfigurationEmission.Dialect) throws {
    let emission = try ConfigurationEmission(
      recipe, of: asked.reference.spec, model: asked.reference.publicName ?? asked.name, as: dialect)
    try StandardOutput.write(emission.text)
    if dialect == .peft { for sentence in emission.unsaid { StandardError.write("not said: \(sentence)") } }
  }

  /// The verdict for the shell, said once.
  private func nothingToEmit(_ asked: AskedRun) -> ExitCode {
    StandardError.write("plimsoll: nothing of \(asked.reference.spec.name) fits, so that there is nothing to write")
    return ExitCode(ExitStatus.negative.rawValue)
  }

  // MARK: Many devices

  private func compare(_ devices: [Device], _ asked: AskedRun, _ asking: RecipeRequest) throws {
    if budget.isNamed { throw UsageError.twoBudgets }
    let prices = try cost.list()
    let spec = asked.reference.spec
    var request = asking
    let (run, notes) = try length.whole(&request, for: spec)
    let resolved = try request.resolved(for: spec)
    guard resolved.recipe.stack.isTorch else { throw UsageError.engineOnDevices }
    let search = DeviceSearch(spec, resolved.recipe, jobs: jobs ?? Processors.count)
    let fits = try search.fits(on: devices, progress: ProgressLine("planned").report)
    let times = search.times(of: run, fits)
    let rows = zip(fits, times).map { fit, time in
      DevicesReport.Row(fit, price: prices[fit.device.name], run: time, hours: cost.hours)
    }
    let report = DevicesReport(
      model: spec.name, recipe: resolved.recipe, rows: rows, run: run,
      assumptions: asked.assumptions + notes + resolved.assumptions, showsAllWays: devices.count <= 3)
    if let emit {
      guard let choice = report.choice else { throw nothingToEmit(asked) }
      return try write(choice.recipe, asked, as: emit)
    }
    try output.write(report)
    if !fits.contains(where: { $0.best != nil }) { throw ExitCode(ExitStatus.negative.rawValue) }
  }
}

extension ModelReference {
  /// The repository of a preset, by which programs find it.
  var publicName: String? {
    if case .preset(let preset) = origin { preset.huggingFaceID } else { nil }
  }
}
