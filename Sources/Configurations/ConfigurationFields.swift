import Bookkeeping
import Modeling

/// Typed access to the fields of a configuration that remembers which were read, so that none is lost in silence.
///
/// `null` counts as absent. Numbers and truths may be strings: on a command line everything is one.
final class ConfigurationFields {
  let file: String
  private let prefix: String
  private let values: [String: JSONValue]
  private var read: Set<String> = []
  private var implied: Set<String> = []
  private var children: [ConfigurationFields] = []
  private(set) var ownTaken: [TrainingConfiguration.Taken] = []

  init(_ values: [String: JSONValue], file: String, prefix: String = "") {
    self.values = values
    self.file = file
    self.prefix = prefix
  }

  func label(_ field: String) -> String { prefix + field }

  /// Whether a field is written with a value.
  func has(_ field: String) -> Bool { values[field].map { $0 != .null } ?? false }

  var keys: [String] { values.keys.sorted() }

  /// Every field that was read and decided something, inner ones too, in order of name.
  var taken: [TrainingConfiguration.Taken] { ownTaken + children.flatMap(\.taken) }

  /// Fields that nobody asked for, with their values, inner ones too.
  var leftOver: [(field: String, value: JSONValue)] {
    let own = values.filter { !read.contains($0.key) && !(implied.contains($0.key) && has($0.key)) }.map {
      (label($0.key), $0.value)
    }.sorted { $0.0 < $1.0 }
    return own + children.flatMap(\.leftOver)
  }

  /// Whether a field is written and `null`.
  func isNull(_ field: String) -> Bool { values[field] == .null }

  /// Fields that mean nothing beside others that were read, inner ones too.
  var settled: [String] {
    implied.subtracting(read).filter(has).map(label).sorted() + children.flatMap(\.settled)
  }

  /// Marks fields that mean nothing beside others.
  func settle(_ fields: String...) { implied.formUnion(fields) }

  /// The value of a field, as it is written; noted as taken unless it is an object.
  func value(_ field: String) -> JSONValue? {
    guard let value = values[field], value != .null else { return nil }
    if read.insert(field).inserted, value.objectValue == nil {
      ownTaken.append(.init(file: file, field: label(field), value: ConfigurationFields.spelling(value)))
    }
    return value
  }

  private static func spelling(_ value: JSONValue) -> String {
    guard let elements = value.arrayValue else { return value.stringValue ?? value.summary }
    return elements.map { $0.stringValue ?? $0.summary }.joined(separator: ",")
  }

  func wrongType(_ field: String, _ expected: String) -> ConfigurationError {
    .wrongType(field: label(field), found: values[field]?.summary ?? "absent", expected: expected, file: file)
  }

  func outOfRange(_ field: String, _ allowed: String) -> ConfigurationError {
    .outOfRange(field: label(field), value: shown(field), allowed: allowed, file: file)
  }

  func unsupported(_ field: String, _ reason: String) -> ConfigurationError {
    .unsupported(field: label(field), value: shown(field), reason: reason, file: file)
  }

  func conflict(_ field: String, _ reason: String) -> ConfigurationError {
    .conflict(field: label(field), value: shown(field), reason: reason, file: file)
  }

  func missing(_ field: String, _ reason: String) -> ConfigurationError {
    .missing(field: label(field), reason: reason, file: file)
  }

  private func shown(_ field: String) -> String { values[field].map(ConfigurationFields.spelling) ?? "absent" }

  // MARK: Types

  func integer(_ field: String, in range: ClosedRange<Int>) throws(ConfigurationError) -> Int? {
    guard let value = value(field) else { return nil }
    let number = value.stringValue.map { YAMLScalar.plain($0) } ?? value
    guard let integer = number.integerValue else {
      guard let real = number.doubleValue, real.isInfinite || real.magnitude >= 0x1p63 else {
        throw wrongType(field, "a whole number")
      }
      throw outOfRange(field, "between \(range.lowerBound) and \(range.upperBound)")
    }
    guard range.contains(integer) else {
      throw outOfRange(field, "between \(range.lowerBound) and \(range.upperBound)")
    }
    return integer
  }

  /// A count from 1 up.
  func count(_ field: String) throws(ConfigurationError) -> Int? { try integer(field, in: 1...1 << 40) }

  func number(_ field: String, from least: Double = 0) throws(ConfigurationError) -> Double? {
    guard let value = value(field) else { return nil }
    guard let number = (value.stringValue.map { YAMLScalar.plain($0) } ?? value).doubleValue else {
      throw wrongType(field, "a number")
    }
    guard number.isFinite, number >= least else {
      throw outOfRange(field, "a number from \(Fixed.text(least, decimals: 0)) up")
    }
    return number
  }

  func flag(_ field: String) throws(ConfigurationError) -> Bool? {
    guard let value = value(field) else { return nil }
    switch value {
    case .bool(let flag): return flag
    case .string(let text):
      if case .bool(let flag) = YAMLScalar.plain(text) { return flag }
      throw wrongType(field, "true or false")
    case .integer(0): return false
    case .integer(1): return true
    default: throw wrongType(field, "true or false")
    }
  }

  func text(_ field: String) throws(ConfigurationError) -> String? {
    guard let value = value(field) else { return nil }
    guard let text = value.stringValue else { throw wrongType(field, "a string") }
    return text
  }

  /// Names in a list, or in one string with commas or spaces between.
  func names(_ field: String) throws(ConfigurationError) -> [String]? {
    guard let value = value(field) else { return nil }
    if let text = value.stringValue {
      return text.split { $0 == "," || $0.isWhitespace }.map(String.init)
    }
    guard let elements = value.arrayValue else { throw wrongType(field, "a list of names") }
    var names: [String] = []
    for element in elements {
      guard let name = element.stringValue else { throw wrongType(field, "a list of names") }
      names += name.split { $0 == "," || $0.isWhitespace }.map(String.init)
    }
    return names
  }

  /// The fields of an object; JSON in a string is one too, as Transformers' arguments take it.
  func object(_ field: String) throws(ConfigurationError) -> ConfigurationFields? {
    guard let value = value(field) else { return nil }
    var members = value.objectValue
    if members == nil, let text = value.stringValue, text.first == "{" {
      let parsed: JSONValue
      do { parsed = try JSONValue(parsing: Array(text.utf8)) } catch {
        throw .notJSON(error, file: "\(file): \(label(field))")
      }
      members = parsed.objectValue
    }
    guard let members else { throw wrongType(field, "settings by name") }
    let fields = ConfigurationFields(members, file: file, prefix: label(field) + ".")
    children.append(fields)
    return fields
  }
}
