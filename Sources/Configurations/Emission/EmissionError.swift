/// Why a recipe cannot be written as a configuration.
public enum EmissionError: Error, Hashable, CustomStringConvertible {
  /// The dialect has no words for what the recipe is about.
  case cannotSay(ConfigurationEmission.Dialect, setting: String, value: String, reason: String)
  /// What was written cannot be read back: a bug.
  case unreadable(ConfigurationEmission.Dialect, reason: String)

  public var description: String {
    switch self {
    case .cannotSay(let dialect, let setting, let value, let reason):
      "--emit \(dialect.rawValue): \(setting) \(value) cannot be said there: \(reason)"
    case .unreadable(let dialect, let reason): "--emit \(dialect.rawValue): what was written cannot be read: \(reason)"
    }
  }
}
