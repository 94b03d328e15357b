public import Modeling

/// A file of published measurements: those that can be read, and what is wrong with the others.
public struct MeasurementFile: Hashable, Sendable {
  public let measurements: [Measurement]
  /// Rows that are no measurements, in the order of their lines.
  public let problems: [CSVProblem]

  /// The columns without which there is nothing to predict or nothing to compare with.
  static let required = ["id", "hf_model", "method", "metric", "measured_gib"]

  /// Reads the file at `path`; a row that cannot be read becomes a problem and stops nothing.
  public init(path: String) throws(CSVError) {
    self.init(try CSVTable(path: path, requiring: MeasurementFile.required))
  }

  /// Reads text; `path` is what errors call it.
  public init(text: String, path: String) throws(CSVError) {
    self.init(try CSVTable(text, path: path, requiring: MeasurementFile.required))
  }

  private init(_ table: CSVTable) {
    var measurements: [Measurement] = []
    var problems = table.problems
    var lines: [String: Int] = [:]
    for row in table.rows {
      var reader = MeasurementRow(row)
      guard let measurement = reader.measurement() else {
        problems += reader.problems
        continue
      }
      if let first = lines[measurement.id] {
        problems.append(row.problem("id", "\(measurement.id) is line \(first)'s id too: every row needs its own"))
        continue
      }
      lines[measurement.id] = measurement.line
      measurements.append(measurement)
    }
    self.measurements = measurements
    self.problems = problems.sorted { $0.line < $1.line }
  }
}
