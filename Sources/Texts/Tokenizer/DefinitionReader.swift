/// A look into the JSON of a tokenizer's definition that knows the path to where it stands, for messages.
struct DefinitionReader {
  let path: String
  let value: ExactJSON?

  init(_ path: String, _ value: ExactJSON?) {
    self.path = path
    self.value = value
  }

  subscript(key: String) -> DefinitionReader {
    DefinitionReader(path.isEmpty ? key : path + "." + key, value?[key])
  }

  /// Whether there is anything here but null.
  var isPresent: Bool { value.map { !$0.isNull } ?? false }

  func refusal(expected: String) -> TokenizerError {
    .field(path, expected: expected, found: value?.kind ?? "missing")
  }

  func string() throws(TokenizerError) -> String {
    guard let text = value?.string else { throw refusal(expected: "a string") }
    return text
  }

  func integer() throws(TokenizerError) -> Int {
    guard let integer = value?.integer else { throw refusal(expected: "an integer") }
    return integer
  }

  func flag(default standard: Bool) throws(TokenizerError) -> Bool {
    guard isPresent else { return standard }
    guard let flag = value?.bool else { throw refusal(expected: "a boolean") }
    return flag
  }

  func elements() throws(TokenizerError) -> [DefinitionReader] {
    guard let array = value?.array else { throw refusal(expected: "an array") }
    return array.enumerated().map { DefinitionReader(path + "[\($0)]", $1) }
  }

  func members() throws(TokenizerError) -> [ExactJSON.Member] {
    guard let members = value?.members else { throw refusal(expected: "an object") }
    return members
  }

  /// The one scalar that a string here is made of.
  func scalar() throws(TokenizerError) -> Unicode.Scalar {
    let scalars = Array(try string().unicodeScalars)
    guard scalars.count == 1 else { throw .field(path, expected: "one character", found: "\(scalars.count)") }
    return scalars[0]
  }

  /// A pattern, written as `{"String": …}` or `{"Regex": …}`.
  func pattern() throws(TokenizerError) -> TextPattern {
    if let literal = value?["String"]?.string { return .literal(Array(literal.unicodeScalars)) }
    if let expression = value?["Regex"]?.string { return .expression(try Pattern(expression)) }
    throw refusal(expected: "{\"String\": …} or {\"Regex\": …}")
  }
}
