import Modeling

/// Every combination of some axes' values, over settings that stay.
///
/// The last axis moves fastest, as in a table that is read from left to right.
public struct SweepGrid: Hashable, Sendable {
  /// The model where no axis names it.
  public let model: String?
  /// What is the same everywhere, without what an axis varies.
  public let settings: [SweepSetting]
  public let axes: [SweepAxis]
  /// Points in all.
  public let count: Int

  public static let mostPoints = 1_000_000

  public init(model: String?, settings: [SweepSetting], axes: [SweepAxis]) throws(SweepError) {
    guard !axes.isEmpty else { throw .noAxes }
    var varied: Set<String> = []
    for name in axes.flatMap(\.names) {
      guard varied.insert(name).inserted else { throw .twice(name) }
    }
    var count = 1
    for axis in axes {
      let (product, overflows) = count.multipliedReportingOverflow(by: axis.values.count)
      guard !overflows, product <= SweepGrid.mostPoints else { throw .tooManyPoints(overflows ? .max : product) }
      count = product
    }
    self.model = varied.contains("model") ? nil : model
    self.settings = settings.filter { !varied.contains($0.name) }
    self.axes = axes
    self.count = count
  }

  /// The values of every axis at a place of the grid.
  public func values(at place: Int) -> [[String]] {
    precondition((0..<count).contains(place), "place \(place) of \(count)")
    var rest = place
    var values: [[String]] = []
    for axis in axes.reversed() {
      values.append(axis.values[rest % axis.values.count])
      rest /= axis.values.count
    }
    return values.reversed()
  }

  /// All settings at a place of the grid, the axes' last.
  public func point(at place: Int) -> (model: String?, settings: [SweepSetting]) {
    var model = model
    var settings = settings
    for (axis, values) in zip(axes, values(at: place)) {
      for (name, value) in zip(axis.names, values) {
        if name == "model" { model = value } else { settings.append(SweepSetting(name, value)) }
      }
    }
    return (model, settings)
  }

  /// The grid as one line of text, equal for equal grids.
  public var text: String {
    let axes = axes.map { axis in
      JSONValue.object([
        "names": .array(axis.names.map { .string($0) }),
        "values": .array(axis.values.map { .array($0.map { .string($0) }) }),
      ])
    }
    return JSONValue.object([
      "model": model.map { .string($0) } ?? .null, "settings": .string(settingsText), "axes": .array(axes),
    ]).text()
  }

  /// What is the same everywhere, as flags in the order of their names.
  public var settingsText: String {
    settings.sorted { ($0.name, $0.value) < ($1.name, $1.value) }.map { "--\($0.name)=\($0.value)" }
      .joined(separator: " ")
  }
}
