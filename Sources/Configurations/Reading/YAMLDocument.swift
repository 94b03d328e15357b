import Modeling
import Yams

/// YAML as the values of JSON, read as PyYAML reads it: `yes` and `on` are true, `<<` merges.
///
/// What a file could do to the program that reads it is bounded first: depth, aliases, and values in all.
enum YAMLDocument {
  /// Values of one file; a configuration has a few hundred.
  static let mostValues = 20_000
  /// Aliases (`*name`) of one file.
  ///
  /// Each may repeat all before it, so a few are enough for a bomb; with so many a file
  /// can still hold no more than some hundred thousand values.
  static let mostAliases = 24
  static let deepest = 48

  static func parse(_ text: String, file: String) throws(ConfigurationError) -> JSONValue {
    try check(text, file: file)
    let node: Node?
    do {
      node = try Parser(yaml: text).singleRoot()
    } catch let error as YamlError {
      throw .notYAML(reason: reason(error), file: file)
    } catch {
      throw .notYAML(reason: "\(error)", file: file)
    }
    guard let node else { return .object([:]) }
    var left = mostValues
    return try value(node, file: file, depth: 0, left: &left)
  }

  /// Refuses what would take the parser itself too far.
  private static func check(_ text: String, file: String) throws(ConfigurationError) {
    var (open, aliases, anchors) = (0, 0, 0)
    var prefix = 0
    var isAtStart = true
    var previous: UInt8 = 0x0A
    let bytes = Array(text.utf8)
    for (place, byte) in bytes.enumerated() {
      switch byte {
      case UInt8(ascii: "["), UInt8(ascii: "{"): open += 1
      case UInt8(ascii: "]"), UInt8(ascii: "}"): open = max(0, open - 1)
      case UInt8(ascii: "*"), UInt8(ascii: "&"):
        let next = place + 1 < bytes.count ? bytes[place + 1] : 0x20
        if !isWord(previous), isWord(next) { if byte == UInt8(ascii: "*") { aliases += 1 } else { anchors += 1 } }
      default: break
      }
      if byte == 0x0A {
        (prefix, isAtStart) = (0, true)
      } else if isAtStart, byte == 0x20 || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "?") {
        prefix += 1
      } else {
        isAtStart = false
      }
      previous = byte
      guard open <= deepest, prefix <= 4 * deepest else {
        throw .tooLarge(file: file, reason: "its values are nested more than \(deepest) deep")
      }
    }
    guard anchors == 0 || aliases <= mostAliases else {
      throw .tooLarge(file: file, reason: "it has more than \(mostAliases) aliases: write their values out")
    }
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  private static func value(
    _ node: Node, file: String, depth: Int, left: inout Int
  ) throws(ConfigurationError) -> JSONValue {
    left -= 1
    guard left > 0 else { throw .tooLarge(file: file, reason: "it has more than \(mostValues) values") }
    guard depth <= deepest else {
      throw .tooLarge(file: file, reason: "its values are nested more than \(deepest) deep")
    }
    switch node {
    case .scalar(let scalar): return YAMLScalar.value(scalar)
    case .sequence(let sequence):
      var elements: [JSONValue] = []
      for element in sequence { elements.append(try value(element, file: file, depth: depth + 1, left: &left)) }
      return .array(elements)
    case .mapping(let mapping):
      var members: [String: JSONValue] = [:]
      var merged: [String: JSONValue] = [:]
      for (key, element) in mapping {
        guard let name = key.scalar else {
          throw .notYAML(reason: "\(key.mark.map { "\($0.line):\($0.column): " } ?? "")a key is no name", file: file)
        }
        let inner = try value(element, file: file, depth: depth + 1, left: &left)
        if name.string == "<<", name.style == .plain {
          for source in (inner.arrayValue ?? [inner]).reversed() { merged.merge(source.objectValue ?? [:]) { $1 } }
        } else {
          members[name.string] = inner
        }
      }
      return .object(merged.merging(members) { $1 })
    case .alias: throw .notYAML(reason: "it has an alias of nothing", file: file)
    }
  }

  private static func reason(_ error: YamlError) -> String {
    switch error {
    case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      "line \(mark.line), column \(mark.column): " + (context.map { "\($0.text), " } ?? "") + problem
    case .duplicatedKeysInMapping(let keys, let context):
      "line \(context.mark.line), column \(context.mark.column): a key comes a second time in one mapping: "
        + keys.joined(separator: ", ")
    case .reader(let problem, let offset, _, _): "at byte \(offset ?? 0): \(problem)"
    default: "\(error)"
    }
  }
}

/// A scalar as PyYAML's resolver sees it (yaml/resolver.py, the implicit resolvers of YAML 1.1).
enum YAMLScalar {
  static func value(_ scalar: Node.Scalar) -> JSONValue {
    scalar.style == .plain || scalar.style == .any ? plain(scalar.string) : .string(scalar.string)
  }

  /// A number, a truth, nothing, or a string.
  ///
  /// Unlike PyYAML's, `1e-4` is a number: whoever reads it makes it one.
  static func plain(_ text: String) -> JSONValue {
    switch text {
    case "", "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON": return .bool(true)
    case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF": return .bool(false)
    case ".nan", ".NaN", ".NAN": return .number(.nan)
    case ".inf", "+.inf", ".Inf", "+.Inf": return .number(.infinity)
    case "-.inf", "-.Inf": return .number(-.infinity)
    default: break
    }
    guard let first = text.utf8.first,
      (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) || [0x2B, 0x2D, 0x2E].contains(first)
    else { return .string(text) }
    let digits = text.filter { $0 != "_" }
    if let integer = Int(digits) {
      let unsigned = digits.drop { $0 == "-" || $0 == "+" }
      // `010` is eight to PyYAML and ten to people.
      return unsigned.count > 1 && unsigned.first == "0" ? .string(text) : .integer(integer)
    }
    let isDecimal = digits.utf8.allSatisfy {
      (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || [0x2B, 0x2D, 0x2E, 0x45, 0x65].contains($0)
    }
    if isDecimal, let number = Double(digits) { return .number(number) }
    return .string(text)
  }
}
