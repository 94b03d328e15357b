/// Typed access to the fields of a configuration; whatever is wrong with one is said with its name and the file's.
///
/// `null` counts as absent everywhere, as it does in Transformers' configuration classes.
struct ConfigFields {
  let file: String
  private let values: [String: JSONValue]
  /// What stands before a field's name in messages: `text_config.`.
  private let prefix: String
  /// The names that fields have in the file itself, where that is no `config.json` (GGUF keys, tensor names).
  private let labels: [String: String]
  /// Whether a size that is absent is an error instead of the family's default.
  private let requiresSizes: Bool

  init(
    _ values: [String: JSONValue], file: String, prefix: String = "", labels: [String: String] = [:],
    requiresSizes: Bool = false
  ) {
    self.values = values
    self.file = file
    self.prefix = prefix
    self.labels = labels
    self.requiresSizes = requiresSizes
  }

  /// The name by which the user finds the field in the file.
  func label(_ field: String) -> String { labels[field] ?? prefix + field }

  func value(_ field: String) -> JSONValue? {
    guard let value = values[field], value != .null else { return nil }
    return value
  }

  /// Whether the field is written and `null`, which for some fields differs from being absent.
  func isNull(_ field: String) -> Bool { values[field] == .null }

  /// The same fields, some of them with other values.
  func replacing(_ others: [String: JSONValue]) -> ConfigFields {
    ConfigFields(
      values.merging(others) { $1 }, file: file, prefix: prefix, labels: labels, requiresSizes: requiresSizes)
  }

  // MARK: Integers

  func integer(_ field: String, in range: ClosedRange<Int>) throws(ConfigError) -> Int? {
    guard let value = value(field) else { return nil }
    guard let number = value.doubleValue else {
      throw .wrongType(field: label(field), found: value.summary, expected: "an integer", file: file)
    }
    guard let integer = value.integerValue else {
      // 4096.5, NaN, infinity or something beyond 64 bits.
      let isFraction = number.isFinite && number.magnitude < 0x1p63
      throw isFraction || number.isNaN
        ? .wrongType(field: label(field), found: value.summary, expected: "an integer", file: file)
        : .outOfRange(field: label(field), value: value.summary, allowed: range.sentence, file: file)
    }
    guard range.contains(integer) else {
      throw .outOfRange(field: label(field), value: "\(integer)", allowed: range.sentence, file: file)
    }
    return integer
  }

  /// A size of the model; the family's default stands in where the file may leave it out.
  func size(_ field: String, in range: ClosedRange<Int>, default fallback: Int) throws(ConfigError) -> Int {
    if let value = try integer(field, in: range) { return value }
    if requiresSizes { throw missing(field) }
    return fallback
  }

  func missing(_ field: String) -> ConfigError { .missing(field: label(field), file: file) }

  // MARK: Other values

  func number(_ field: String, where isAllowed: (Double) -> Bool, _ allowed: String) throws(ConfigError) -> Double? {
    guard let value = value(field) else { return nil }
    guard let number = value.doubleValue else {
      throw .wrongType(field: label(field), found: value.summary, expected: "a number", file: file)
    }
    guard number.isFinite, isAllowed(number) else {
      throw .outOfRange(field: label(field), value: value.summary, allowed: allowed, file: file)
    }
    return number
  }

  func positive(_ field: String) throws(ConfigError) -> Double? {
    try number(field, where: { $0 > 0 }, "a positive number")
  }

  func flag(_ field: String) throws(ConfigError) -> Bool? {
    guard let value = value(field) else { return nil }
    guard case .bool(let flag) = value else {
      throw .wrongType(field: label(field), found: value.summary, expected: "true or false", file: file)
    }
    return flag
  }

  func text(_ field: String) throws(ConfigError) -> String? {
    guard let value = value(field) else { return nil }
    guard let text = value.stringValue else {
      throw .wrongType(field: label(field), found: value.summary, expected: "a string", file: file)
    }
    return text
  }

  func object(_ field: String) throws(ConfigError) -> ConfigFields? {
    guard let value = value(field) else { return nil }
    guard let members = value.objectValue else {
      throw .wrongType(field: label(field), found: value.summary, expected: "an object", file: file)
    }
    return ConfigFields(members, file: file, prefix: label(field) + ".")
  }

  func unsupported(_ field: String, _ reason: String) -> ConfigError {
    .unsupported(field: label(field), value: value(field)?.summary ?? "absent", reason: reason, file: file)
  }
}

extension ClosedRange<Int> {
  fileprivate var sentence: String { "an integer in \(lowerBound)…\(upperBound)" }
}
