public import Modeling

/// Why a training configuration cannot be read: the file, the field, what was found, and what to do.
public enum ConfigurationError: Error, Hashable, CustomStringConvertible {
  case file(FileError)
  case notJSON(JSONError, file: String)
  /// The parser's reason, with line and column where it knows them.
  case notYAML(reason: String, file: String)
  case notCommand(reason: String, file: String)
  case tooLarge(file: String, reason: String)
  case notAnObject(found: String, file: String)
  /// No program that is known reads such keys.
  case unknownDialect(file: String, keys: [String])
  case wrongType(field: String, found: String, expected: String, file: String)
  case outOfRange(field: String, value: String, allowed: String, file: String)
  case missing(field: String, reason: String, file: String)
  /// A value that is understood, and that no recipe can say.
  case unsupported(field: String, value: String, reason: String, file: String)
  /// Two fields, or two files, that exclude each other.
  case conflict(field: String, value: String, reason: String, file: String)
  /// Values that are sound one by one, and make no setting.
  case recipe(RecipeError, file: String)

  public var description: String {
    switch self {
    case .file(let error): "\(error)"
    case .notJSON(let error, let file): "\(file) is no valid JSON: \(error)"
    case .notYAML(let reason, let file): "\(file) is no valid YAML: \(reason)"
    case .notCommand(let reason, let file): "\(file) holds no command line that can be read: \(reason)"
    case .tooLarge(let file, let reason): "\(file) is too large for a training configuration: \(reason)"
    case .notAnObject(let found, let file): "\(file) holds \(found) where settings by name should be"
    case .unknownDialect(let file, let keys):
      "\(file) is the configuration of no program that is known: it has "
        + (keys.isEmpty ? "no keys" : keys.prefix(6).joined(separator: ", "))
        + "; known are \(TrainingConfiguration.Dialect.titles)"
    case .wrongType(let field, let found, let expected, let file):
      "\(file): \(field) is \(found) where \(expected) should be"
    case .outOfRange(let field, let value, let allowed, let file):
      "\(file): \(field) is \(value): it must be \(allowed)"
    case .missing(let field, let reason, let file): "\(file) lacks \(field): \(reason)"
    case .unsupported(let field, let value, let reason, let file): "\(file): \(field) is \(value): \(reason)"
    case .conflict(let field, let value, let reason, let file): "\(file): \(field) is \(value): \(reason)"
    case .recipe(let error, let file): "\(file): \(error)"
    }
  }

  /// Whether a file that was named is not there.
  public var isMissingFile: Bool {
    if case .file(.noSuchFile) = self { true } else { false }
  }
}
