import Bookkeeping
import Modeling

/// A configuration while its files are read, one after the other.
struct ConfigurationDraft {
  var configuration = TrainingConfiguration()
  /// The stack's ways as the files change them; set when ``stack`` is.
  var choices: StackChoices?
  /// Where the trainer's own arguments came from, for `auto` of DeepSpeed and for conflicts.
  var trainerFile: String?

  var request: RecipeRequest {
    get { configuration.request }
    set { configuration.request = newValue }
  }

  mutating func use(_ stack: Stack) {
    request.stack = stack
    choices = stack.choices
  }

  mutating func note(_ sentence: String) {
    if !configuration.notes.contains(sentence) { configuration.notes.append(sentence) }
  }

  /// Sets what no file said to the software's default, and says so.
  mutating func fill<Value>(_ path: WritableKeyPath<RecipeRequest, Value?>, _ value: Value, _ sentence: String) {
    guard request[keyPath: path] == nil else { return }
    request[keyPath: path] = value
    configuration.defaults.append(sentence)
  }

  mutating func settings(_ change: (inout ShardingSettings) -> Void) {
    var settings = request.shardingSettings ?? request.stack?.shardingSettings ?? ShardingSettings()
    change(&settings)
    request.shardingSettings = settings
  }

  /// Notes what became of the fields of a file.
  ///
  /// - Parameter notModeled: names of fields that matter to memory and have no rule.
  mutating func close(_ fields: ConfigurationFields, notModeled: Set<String>) {
    configuration.taken += fields.taken
    for field in fields.settled {
      configuration.ignored.append(.init(file: fields.file, field: field, reason: .implied))
    }
    for (field, value) in fields.leftOver {
      let name = field.split(separator: ".").last.map(String.init) ?? field
      let reason: IgnoredReason =
        value.isOff
        ? .off
        : notModeled.contains(field) || notModeled.contains(name)
          ? .notModeled : FieldGroups.reason(name) ?? FieldGroups.reason(field.topLevel) ?? .unknown
      configuration.ignored.append(.init(file: fields.file, field: field, reason: reason))
    }
  }
}

extension JSONValue {
  /// Whether a value says as much as none.
  fileprivate var isOff: Bool {
    switch self {
    case .null, .bool(false), .string(""): true
    case .array(let elements): elements.isEmpty
    case .object(let members): members.isEmpty
    default: false
    }
  }
}

extension String {
  /// The part before the first dot.
  fileprivate var topLevel: String { split(separator: ".").first.map(String.init) ?? self }
}
