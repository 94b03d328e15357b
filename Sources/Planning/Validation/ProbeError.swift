public import Modeling

/// Why a probe can't be written, or its result not read.
public enum ProbeError: Error, Hashable, CustomStringConvertible {
  /// The probe has no runner for the stack.
  case unsupportedStack(Stack, known: [Stack])
  /// The stack's software has no switch for a setting.
  case unsupported(_ setting: String, _ value: String, advice: String)
  /// The model's file has no configuration that Transformers reads.
  case noConfiguration(model: String)
  case file(FileError)
  case notJSON(JSONError, file: String)
  /// JSON that no probe has written, or one of another version.
  case foreign(file: String)
  case missing(field: String, file: String)
  case wrongValue(field: String, expected: String, file: String)
  case config(ConfigError)
  case recipe(RecipeError, file: String)
  /// No number of layers got to the end of its second step.
  case nothingMeasured(file: String, reason: String?)

  public var description: String {
    switch self {
    case .unsupportedStack(let stack, let known):
      "--stack \(stack.rawValue): the probe has no runner for it, only for "
        + known.map(\.rawValue).joined(separator: ", ")
    case .unsupported(let setting, let value, let advice): "--\(setting) \(value): the probe can't run it: \(advice)"
    case .noConfiguration(let model):
      "\(model) comes without a config.json, which the probe builds its model from: name a preset, a config.json or a "
        + "checkpoint folder"
    case .file(let error): "\(error)"
    case .notJSON(let error, let file): "\(file) is no valid JSON, perhaps cut short: \(error)"
    case .foreign(let file):
      "\(file) is no result of plimsoll probe (version 1): it lacks \"format\": \"plimsoll-probe\""
    case .missing(let field, let file): "\(file) lacks \(field)"
    case .wrongValue(let field, let expected, let file): "\(file): \(field) must be \(expected)"
    case .config(let error): "\(error)"
    case .recipe(let error, let file): "\(file): \(error)"
    case .nothingMeasured(let file, let reason):
      "\(file): no number of layers got through its second step" + (reason.map { ": \($0)" } ?? "")
    }
  }
}
