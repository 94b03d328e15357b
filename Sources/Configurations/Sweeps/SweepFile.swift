import Modeling
import Yams

/// A sweep as a file: the model, what stays, and what varies.
///
/// ```yaml
/// model: llama-2-7b
/// settings:
///   seq: 1024
///   checkpointing: true
/// over:
///   method: [full, lora, qlora]
///   rank: 1..512*2
/// ```
///
/// Names are those of flags. YAML and JSON are read; the axes keep the order in which they stand.
public struct SweepFile: Hashable, Sendable {
  public let model: String?
  public let settings: [SweepSetting]
  public let axes: [SweepAxis]

  public init(reading path: String) throws {
    let bytes: [UInt8]
    do { bytes = try JSONValue.bytes(ofFile: path) } catch { throw ConfigurationError.file(error) }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw ConfigurationError.notYAML(reason: "it is not UTF-8", file: path)
    }
    try self.init(parsing: text, file: path)
  }

  /// Reads a text as the contents of `file`.
  public init(parsing text: String, file: String) throws {
    // JSON is YAML too; what a file could do to the parser is bounded there.
    let document = try YAMLDocument.parse(text, file: file)
    guard let members = document.objectValue else {
      throw ConfigurationError.notAnObject(found: document.summary, file: file)
    }
    for name in members.keys.sorted() where !["model", "settings", "over"].contains(name) {
      throw SweepError.badField(name, found: "there", expected: "only model, settings and over", file: file)
    }
    model = try members["model"].flatMap { try SweepFile.scalar($0, "model", file) }
    settings = try SweepFile.settings(members["settings"], try SweepFile.order(of: "settings", in: text), file)
    axes = try SweepFile.axes(members["over"], try SweepFile.order(of: "over", in: text), file)
  }

  /// The keys of a mapping as they stand, which a dictionary forgets.
  private static func order(of field: String, in text: String) throws -> [String] {
    let root = try? Parser(yaml: text).singleRoot()
    guard let mapping = root?.mapping else { return [] }
    for (key, value) in mapping where key.string == field { return value.mapping?.keys.compactMap(\.string) ?? [] }
    return []
  }

  private static func settings(_ value: JSONValue?, _ order: [String], _ file: String) throws -> [SweepSetting] {
    guard let value, value != .null else { return [] }
    guard let members = value.objectValue else {
      throw SweepError.badField("settings", found: value.summary, expected: "flags by name", file: file)
    }
    return try order.flatMap { name -> [SweepSetting] in
      guard let member = members[name] else { return [] }
      let field = "settings.\(name)"
      guard let elements = member.arrayValue else {
        return try scalar(member, field, file).map { [SweepSetting(name, $0)] } ?? []
      }
      let texts = try elements.compactMap { try scalar($0, field, file) }
      // Flags that may come again come again; all others take a list as one word.
      return ["config", "group"].contains(name)
        ? texts.map { SweepSetting(name, $0) } : [SweepSetting(name, texts.joined(separator: ","))]
    }
  }

  private static func axes(_ value: JSONValue?, _ order: [String], _ file: String) throws -> [SweepAxis] {
    guard let value, value != .null else { return [] }
    guard let members = value.objectValue else {
      throw SweepError.badField("over", found: value.summary, expected: "values by a flag's name", file: file)
    }
    return try order.compactMap { name in
      guard let member = members[name] else { return nil }
      let field = "over.\(name)"
      let values = try (member.arrayValue ?? [member]).map { element in
        // A list within a list is one value: names of modules.
        let parts = try (element.arrayValue ?? [element]).map { try scalar($0, field, file) ?? SweepSetting.left }
        return parts.joined(separator: ",")
      }
      return try SweepAxis(name, values: values)
    }
  }

  /// A value as a flag takes it; `nil` for nothing.
  private static func scalar(_ value: JSONValue, _ field: String, _ file: String) throws -> String? {
    switch value {
    case .null: return nil
    case .bool(let flag): return flag ? "on" : "off"
    case .integer(let number): return String(number)
    case .number(let number): return "\(number)"
    case .string(let text): return text
    case .array, .object:
      throw SweepError.badField(field, found: value.summary, expected: "a number, a word or true or false", file: file)
    }
  }
}
