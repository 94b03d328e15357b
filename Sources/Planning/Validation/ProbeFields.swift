import Modeling

/// Typed access to a probe's result; whatever is wrong is said with the field's path and the file's.
struct ProbeFields {
  let file: String
  private let path: String
  private let members: [String: JSONValue]

  init(_ value: JSONValue, file: String, path: String = "") throws(ProbeError) {
    guard let members = value.objectValue else {
      throw .wrongValue(field: path.isEmpty ? "the whole" : path, expected: "an object", file: file)
    }
    (self.file, self.path, self.members) = (file, path, members)
  }

  func label(_ field: String) -> String { path.isEmpty ? field : "\(path).\(field)" }

  /// `nil` where the field is absent or `null`.
  func value(_ field: String) -> JSONValue? {
    guard let value = members[field], value != .null else { return nil }
    return value
  }

  var keys: [String] { members.keys.sorted() }

  func wrong(_ field: String, _ expected: String) -> ProbeError {
    .wrongValue(field: label(field), expected: expected, file: file)
  }

  func missing(_ field: String) -> ProbeError { .missing(field: label(field), file: file) }

  func object(_ field: String) throws(ProbeError) -> ProbeFields? {
    guard let value = value(field) else { return nil }
    return try ProbeFields(value, file: file, path: label(field))
  }

  func required(object field: String) throws(ProbeError) -> ProbeFields {
    guard let object = try object(field) else { throw missing(field) }
    return object
  }

  func objects(_ field: String) throws(ProbeError) -> [ProbeFields] {
    guard let value = value(field) else { return [] }
    guard let elements = value.arrayValue else { throw wrong(field, "a list") }
    var objects: [ProbeFields] = []
    for (index, element) in elements.enumerated() {
      objects.append(try ProbeFields(element, file: file, path: "\(label(field))[\(index)]"))
    }
    return objects
  }

  func text(_ field: String) throws(ProbeError) -> String? {
    guard let value = value(field) else { return nil }
    guard let text = value.stringValue else { throw wrong(field, "a string") }
    return text
  }

  func flag(_ field: String) throws(ProbeError) -> Bool? {
    guard let value = value(field) else { return nil }
    guard case .bool(let flag) = value else { throw wrong(field, "true or false") }
    return flag
  }

  func number(_ field: String) throws(ProbeError) -> Double? {
    guard let value = value(field) else { return nil }
    guard let number = value.doubleValue, number.isFinite else { throw wrong(field, "a number") }
    return number
  }

  /// A count of things or bytes: whole, not negative, and low enough that the deepest model's can be added up.
  func count(_ field: String) throws(ProbeError) -> Int? {
    guard let value = value(field) else { return nil }
    guard let count = value.integerValue, (0...(1 << 48)).contains(count) else {
      throw wrong(field, "a whole number from 0 to 2^48")
    }
    return count
  }

  /// One of an enumeration's values.
  func choice<Choice: RawRepresentable & CaseIterable>(
    _ field: String, _ type: Choice.Type
  ) throws(ProbeError) -> Choice? where Choice.RawValue == String {
    guard let text = try text(field) else { return nil }
    guard let choice = Choice(rawValue: text) else {
      throw wrong(field, "one of " + Choice.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return choice
  }
}
