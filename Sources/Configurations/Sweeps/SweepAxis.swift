/// One direction of a grid: a flag and its values, or several flags that move together.
///
/// Written `rank=4,8,16`, `rank=1..512*2` (doubling), `seq=512..4096+512`, `layers=1..8`; with a semicolon between values
/// where they hold commas themselves (`targets=all-linear;q_proj,v_proj`). Flags that move together are joined with a
/// plus, and so are their values: `rank+alpha=8+16,16+32`; a value without a plus is that of all.
public struct SweepAxis: Hashable, Sendable {
  /// Names of flags without dashes, one unless several move together.
  public let names: [String]
  /// Tuples of values, one for each name.
  public let values: [[String]]

  /// Values of one axis; more are no sweep that a person meant.
  public static let mostValues = 100_000

  public init(_ name: String, values: [String]) throws(SweepError) {
    names = name.split(separator: "+", omittingEmptySubsequences: false).map(String.init)
    guard names.allSatisfy(SweepAxis.isName) else { throw .badAxis(name) }
    guard Set(names).count == names.count else { throw .twice(name) }
    var tuples: [[String]] = []
    for value in values {
      for each in try SweepAxis.expanded(value, axis: name) {
        tuples.append(try SweepAxis.tuple(each, names, axis: name))
      }
    }
    guard !tuples.isEmpty else { throw .emptyAxis(name) }
    var seen: Set<[String]> = []
    self.values = tuples.filter { seen.insert($0).inserted }
  }

  /// Reads `name=values` as `--over` has it.
  public init(parsing text: String) throws(SweepError) {
    guard let mark = text.firstIndex(of: "="), mark > text.startIndex else { throw .badAxis(text) }
    let list = text[text.index(after: mark)...]
    let values = list.split(separator: list.contains(";") ? ";" : ",").map(String.init)
    try self.init(String(text[..<mark]), values: values)
  }

  /// The name that a table gives it.
  public var title: String { names.joined(separator: "+") }

  private static func isName(_ text: String) -> Bool {
    !text.isEmpty && !text.hasPrefix("-") && text.allSatisfy { $0.isLetter || $0.isNumber || $0 == "-" }
  }

  private static func tuple(_ value: String, _ names: [String], axis: String) throws(SweepError) -> [String] {
    guard names.count > 1 else { return [value] }
    let parts = value.split(separator: "+", omittingEmptySubsequences: false).map(String.init)
    if parts.count == 1 { return Array(repeating: value, count: names.count) }
    guard parts.count == names.count else { throw .badJoint(axis: axis, value: value, count: names.count) }
    return parts
  }

  // MARK: Ranges

  /// The numbers of a range, both ends included where they are hit; the value itself where it is none.
  ///
  /// Only a number before the dots makes a range of them: paths have dots too.
  private static func expanded(_ text: String, axis: String) throws(SweepError) -> [String] {
    guard let dots = text.firstRange(of: ".."), let first = Int(text[..<dots.lowerBound]) else { return [text] }
    func number(_ part: Substring) throws(SweepError) -> Int {
      guard let value = Int(part) else {
        throw .badRange(axis: axis, text: text, reason: "\(part.isEmpty ? "an end" : "\(part)") is no whole number")
      }
      return value
    }
    let rest = text[dots.upperBound...]
    let mark = rest.lastIndex { $0 == "*" || $0 == "+" }
    let last = try number(mark.map { rest[..<$0] } ?? rest)
    let step = try mark.map { place throws(SweepError) in try number(rest[rest.index(after: place)...]) } ?? 1
    guard first <= last else { throw .badRange(axis: axis, text: text, reason: "it ends below its start") }
    let doubles = mark.map { rest[$0] == "*" } ?? false
    guard doubles ? step >= 2 && first >= 1 : step >= 1 else {
      throw .badRange(
        axis: axis, text: text,
        reason: doubles ? "it must grow from 1 or more by 2 or more" : "its step must be 1 or more")
    }
    var numbers: [String] = []
    var value = first
    while value <= last {
      numbers.append(String(value))
      guard numbers.count <= mostValues else { throw .tooManyPoints(numbers.count) }
      let (next, overflows) =
        doubles ? value.multipliedReportingOverflow(by: step) : value.addingReportingOverflow(step)
      if overflows { break }
      value = next
    }
    return numbers
  }
}
