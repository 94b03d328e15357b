/// Why a configuration describes no model that is known, with the field and the file.
public enum ConfigError: Error, Hashable, CustomStringConvertible {
  case notJSON(JSONError, file: String)
  case notAnObject(found: String, file: String)
  case missing(field: String, file: String)
  case wrongType(field: String, found: String, expected: String, file: String)
  case outOfRange(field: String, value: String, allowed: String, file: String)
  case unknownModelType(String, known: [String], file: String)
  /// A value that is understood, and stands for something that a ``ModelSpec`` cannot say.
  case unsupported(field: String, value: String, reason: String, file: String)
  /// Fields that are sound one by one and not together.
  case invalidModel(ModelSpecError, file: String)

  public var description: String {
    switch self {
    case .notJSON(let error, let file): "\(file) is no valid JSON: \(error)"
    case .notAnObject(let found, let file): "\(file) holds \(found) where a JSON object should be"
    case .missing(let field, let file): "\(file) lacks \(field)"
    case .wrongType(let field, let found, let expected, let file):
      "\(file): \(field) is \(found) where \(expected) should be"
    case .outOfRange(let field, let value, let allowed, let file):
      "\(file): \(field) is \(value): it must be \(allowed)"
    case .unknownModelType(let type, let known, let file):
      "\(file): the model type \"\(type)\" is not known; known are \(known.joined(separator: ", "))"
    case .unsupported(let field, let value, let reason, let file): "\(file): \(field) is \(value): \(reason)"
    case .invalidModel(let error, let file): "\(file): \(error)"
    }
  }
}
