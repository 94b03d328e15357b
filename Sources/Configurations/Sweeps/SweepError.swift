/// Why a sweep's grid cannot be: the word, and what it should be.
public enum SweepError: Error, Hashable, CustomStringConvertible {
  case badAxis(String)
  case emptyAxis(String)
  case badRange(axis: String, text: String, reason: String)
  /// A value of a joined axis with more or fewer parts than the axis has names.
  case badJoint(axis: String, value: String, count: Int)
  case twice(String)
  case noAxes
  case tooManyPoints(Int)
  case badShard(String)
  case badField(String, found: String, expected: String, file: String)
  case strayWord(String)
  /// What the parser of flags says of a setting.
  case badSetting(String)

  public var description: String {
    switch self {
    case .badAxis(let text): "--over \(text): say a flag's name and its values, such as rank=4,8,16 or rank=1..512*2"
    case .emptyAxis(let name): "--over \(name): it has no values"
    case .badRange(let axis, let text, let reason):
      "--over \(axis)=\(text): \(reason); a range is 1..8, 512..4096+512 or 1..512*2"
    case .badJoint(let axis, let value, let count):
      "--over \(axis): \(value) should have \(count) parts with + between them, or be one value for all"
    case .twice(let name): "--over \(name): it varies already: name each flag once"
    case .noAxes: "a sweep needs something to vary: say it with --over rank=4,8,16, or in a --file"
    case .tooManyPoints(let count):
      "the grid has \(count) points: at most \(SweepGrid.mostPoints) can be kept together, so make two sweeps of it"
    case .badShard(let text): "--shard \(text): say which of how many, such as 1/4 to 4/4"
    case .badField(let field, let found, let expected, let file):
      "\(file): \(field) is \(found) where \(expected) should be"
    case .badSetting(let complaint): complaint
    case .strayWord(let word): "\(word) belongs to no flag: the model comes first, then flags with their values"
    }
  }
}
