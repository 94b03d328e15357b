import ArgumentParser
import Bookkeeping
import Modeling
import Planning
import Reporting

/// Sets methods side by side.
struct Compare: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Sets methods of fine-tuning side by side: what trains, memory by account, work, speed, and the card.",
    discussion: """
      Plans the recipe once for every method, as fit does. Settings that a method has no use for \
      (a rank without adapters) are left out of its column. Without a budget each method is planned \
      on the smallest card of the catalogue that carries it. With --data each is planned for its \
      longest micro-batch, and has the hours of the whole run. Ends with 0 whatever fits.

        plimsoll compare llama-2-7b
        plimsoll compare 8b --methods full,lora,qlora,qdora --rank 64 --seq 4096 --gpu rtx-4090
        plimsoll compare path/to/config.json --vram 24GB --format csv
        plimsoll compare 8b --gpu rtx-4090 --batch 4 --data examples.jsonl --epochs 3
      """)

  @OptionGroup var model: ModelArgument
  @OptionGroup(title: "Budget (one of the two, or neither)") var budget: BudgetOptions

  @Option(
    help: ArgumentHelp(
      "Methods by name, among them int8 (LoRA on an 8-bit base) and qdora. (default: full,freeze,lora,dora,int8,qlora)",
      valueName: "names"))
  var methods: String?

  @OptionGroup(title: "Recipe") var recipe: RecipeOptions
  @OptionGroup(title: "Process") var process: ProcessOptions
  @OptionGroup(title: "The run") var length: RunLengthOptions

  @Option(
    name: .long, parsing: .unconditional,
    help: "Threads of the plimsoll stack, which borrow a workspace each. (default: as many as this machine allows)",
    transform: Number.whole)
  var threads: Int?

  @OptionGroup(title: "Output") var output: OutputOptions

  func validate() throws { try model.require(beside: recipe) }

  func run() throws {
    if let method = recipe.method { throw UsageError.methodOfComparison(method.rawValue) }
    try length.check()
    let compared = try comparedMethods()
    let (bytes, device) = budget.isNamed ? try budget.budget() : (nil, nil)
    let asked = try model.asked(recipe)
    var request = asked.request
    try process.fill(&request)
    let (run, notes) = try length.whole(&request, for: asked.reference.spec)
    let threads = threads == nil && request.stack != .plimsoll ? 1 : try EngineOptions.threads(threads)
    let comparison = Comparison(
      asked.reference.spec, request, methods: compared, budget: bytes, device: device, run: run,
      notes: asked.assumptions + notes, threads: threads)
    // A recipe that no method can have is the user's to mend.
    if let error = comparison.error { throw error }
    try output.write(ComparisonReport(comparison))
  }

  private func comparedMethods() throws(UsageError) -> [ComparedMethod] {
    guard let methods else { return ComparedMethod.usual }
    var list: [ComparedMethod] = []
    for part in methods.split(separator: ",") {
      let name = part.filter { !$0.isWhitespace }
      guard let method = ComparedMethod.named(name) else {
        throw .unknownMethod(name, nearest: Nearest.names(to: name, among: ComparedMethod.names))
      }
      if !list.contains(method) { list.append(method) }
    }
    guard !list.isEmpty else { throw .unknownMethod(methods, nearest: []) }
    return list
  }
}
