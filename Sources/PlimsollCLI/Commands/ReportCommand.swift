import ArgumentParser
import Bookkeeping
import Modeling
import Planning
import Reporting

/// A report that is the same wherever it is made.
enum DeterministicReport: String, CaseIterable, ExpressibleByArgument {
  /// Methods side by side, for models of seven sizes.
  case comparison
  /// What fits: models on cards, by method.
  case fits
}

/// Writes the reports that are the same on every machine.
struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Writes the reports that are the same on every machine.",
    discussion: """
      comparison: methods side by side for models from 1B to 70B; comparison.md, .csv and .svg.
      fits: the longest sequence, or the smallest set of changes, for models on cards; fits.md and .csv.

        plimsoll report
        plimsoll report fits --output /tmp/reports
      """)

  @Argument(help: ArgumentHelp("Which of them; all if none is named.", valueName: "name"))
  var names: [DeterministicReport] = []

  @Option(name: [.customLong("output")], help: ArgumentHelp("Folder that they are written into.", valueName: "folder"))
  var folder = "Reports"

  func run() throws {
    for name in names.isEmpty ? DeterministicReport.allCases : names {
      StandardError.write("\(name.rawValue): planning")
      let files = try name.files()
      for (ending, text) in files { try OutputFile.write(text, to: folder, named: "\(name.rawValue).\(ending)") }
      StandardError.write("written: \(files.map { "\(folder)/\(name.rawValue).\($0.ending)" }.joined(separator: ", "))")
    }
  }
}

extension DeterministicReport {
  /// What makes it.
  var command: String { "plimsoll report \(rawValue)" }

  /// The models of both reports: the presets that people mean by these sizes.
  static let models = ["1b", "3b", "7b", "8b", "13b", "34b", "70b"]

  /// Cards with bf16 units from 8 GB to 192 GB, one of each size that many people have.
  static let cards = [
    "rtx-4060", "rtx-3060", "rtx-4060-ti-16gb", "rtx-4090", "rtx-5090", "l40s", "a100-80gb", "h200",
  ]

  /// The methods of ``fits``.
  static let methods = ["full", "lora", "qlora"]

  /// Tokens of a sequence: of the comparison, and those that changes are sought for.
  static let sequence = 1024

  /// The recipe of both reports: weights in 16 bits, as nearly everybody loads them, and TRL's defaults.
  static var request: RecipeRequest {
    var request = RecipeRequest()
    request.weightFormat = .bf16
    request.sequence = sequence
    return request
  }

  /// Texts by the endings of their files.
  func files() throws -> [(ending: String, text: String)] {
    let specs = try Self.models.map { try ModelReference(resolving: $0).spec }
    switch self {
    case .comparison:
      let comparisons = Parallel.map(specs) { spec in
        Comparison(spec, Self.request, methods: ComparedMethod.usual)
      }
      let page = ComparisonPage(comparisons, command: command)
      return [("md", page.rendered(as: .markdown)), ("csv", page.rendered(as: .csv)), ("svg", page.picture)]
    case .fits:
      let devices = try Self.cards.map { name throws(UsageError) in try BudgetOptions.device(named: name) }
      let methods = Self.methods.compactMap(ComparedMethod.named)
      let places = specs.flatMap { spec in
        devices.flatMap { device in methods.map { (spec, device, $0) } }
      }
      let cells = Parallel.map(places) { spec, device, method in LongestFit(spec, Self.request, method, on: device) }
      let page = FitsPage(cells, sequence: Self.sequence, command: command)
      return [("md", page.rendered(as: .markdown)), ("csv", page.rendered(as: .csv))]
    }
  }
}
