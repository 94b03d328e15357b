import ArgumentParser
import Modeling
import Planning
import Reporting

/// Predicts what was measured elsewhere, published rows or a probe of the user's own, and prints the errors.
struct Validate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Predicts published GPU measurements, or a probe of your own machine, and prints the errors.",
    discussion: """
      Reads a row's model, recipe and software, plans its step, and compares the peak by the row's \
      own metric: what torch allocated or reserved, or what the driver counted. What a row leaves \
      open is its library's default at that version; what has no rule is refused with a reason. \
      Rows of confidence C and runs that ended out of memory are reported apart. Ends with 0 \
      whatever the errors are.

        plimsoll validate --measurements Benchmarks/data/measurements.csv
        plimsoll validate --measurements FILE.csv --source fitcheck --format markdown
        plimsoll validate --measurements FILE.csv --row G0982
        plimsoll validate --measurements FILE.csv --output Reports

      With --probe it reads what a script of plimsoll probe has measured on your machine: phase by \
      phase, what the plan is off by, what one layer takes and what is there but once, and what \
      the whole model takes.

        plimsoll validate --probe probe.json
      """)

  @Option(
    help: ArgumentHelp("Measurements as comma-separated values, a run a row.", valueName: "file"))
  var measurements: String?

  @Option(help: ArgumentHelp("The result of a probe's script, in place of --measurements.", valueName: "file"))
  var probe: String?

  @Option(help: ArgumentHelp("Only rows of this source_key; may be repeated.", valueName: "key"))
  var source: [String] = []

  @Option(help: ArgumentHelp("Only rows of this method; may be repeated.", valueName: "name"))
  var method: [String] = []

  @Option(help: ArgumentHelp("Only rows of this confidence: A, B or C; may be repeated.", valueName: "letter"))
  var confidence: [String] = []

  @Option(help: ArgumentHelp("One row in full: what was read, assumed and planned.", valueName: "id"))
  var row: String?

  @Option(
    name: [.customLong("output")],
    help: ArgumentHelp(
      "Folder that validation.md, validation.csv, validation.json and validation.svg are written into.",
      valueName: "folder"))
  var folder: String?

  @OptionGroup(title: "Output") var output: OutputOptions

  private func checkConfidence() throws(UsageError) {
    for letter in confidence where Measurement.Confidence(rawValue: letter.uppercased()) == nil {
      throw UsageError.outOfRange(flag: "confidence", value: letter, allowed: "A, B or C")
    }
  }

  func run() throws {
    try checkConfidence()
    switch (measurements, probe) {
    case (let path?, nil): try predict(path)
    case (nil, let path?): try output.write(ProbeReport(reading: path))
    case (nil, nil), (_?, _?): throw UsageError.oneMeasurement
    }
  }

  private func predict(_ measurements: String) throws {
    let file = try MeasurementFile(path: measurements)
    if let row { return try show(row, of: file, at: measurements) }
    let letters = Set(confidence.compactMap { Measurement.Confidence(rawValue: $0.uppercased()) })
    let rows = file.measurements.filter { row in
      (source.isEmpty || source.contains(row.sourceKey)) && (method.isEmpty || method.contains(row.setting.method))
        && (letters.isEmpty || letters.contains(row.confidence))
    }
    for problem in file.problems { StandardError.write("plimsoll: \(problem)") }
    if rows.isEmpty { throw MeasurementError.nothingLeft(path: measurements, rows: file.measurements.count) }
    let validation = Validation(rows, problems: file.problems) { done in
      if done > 0, done.isMultiple(of: 50) { StandardError.write("\(done) of \(rows.count) rows") }
    }
    let report = ValidationReport(validation, file: measurements)
    if let folder {
      for (name, text) in [
        ("validation.md", report.rendered(as: .markdown)), ("validation.csv", report.rendered(as: .csv)),
        ("validation.json", report.rendered(as: .json)), ("validation.svg", report.picture),
      ] {
        try OutputFile.write(text, to: folder, named: name)
      }
      StandardError.write("written: validation.md, .csv, .json and .svg in \(folder)")
    }
    try output.write(report)
  }

  private func show(_ id: String, of file: MeasurementFile, at path: String) throws {
    guard let row = file.measurements.first(where: { $0.id == id }) else {
      throw MeasurementError.noSuchRow(
        id, path: path, nearest: Nearest.names(to: id, among: file.measurements.map(\.id)))
    }
    try output.write(PredictionReport(Prediction(of: row)))
  }
}

/// Why there is nothing to validate.
enum MeasurementError: Error, Hashable, CustomStringConvertible {
  case noSuchRow(String, path: String, nearest: [String])
  case nothingLeft(path: String, rows: Int)

  var description: String {
    switch self {
    case .noSuchRow(let id, let path, let nearest):
      "\(path) has no row \(id)" + (nearest.isEmpty ? "" : ": did you mean \(nearest.joined(separator: ", "))?")
    case .nothingLeft(let path, let rows):
      rows == 0
        ? "\(path) has no row that can be read"
        : "none of the \(rows) rows of \(path) is left: loosen --source, --method or --confidence"
    }
  }
}
