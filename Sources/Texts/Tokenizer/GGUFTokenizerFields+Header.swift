public import Modeling

extension GGUFTokenizerFields {
  /// Takes the tokenizer's metadata out of a GGUF file's header.
  public init(_ header: GGUFHeader) throws(TokenizerError) {
    func missing(_ key: String, _ kind: String) -> TokenizerError {
      .field(key, expected: kind, found: header.metadata[key] == nil ? "missing" : "of another type")
    }
    func array<Element>(
      _ key: String, of kind: String, _ element: (GGUFValue) -> Element?
    ) throws(TokenizerError) -> [Element] {
      guard let value = header.metadata[key] else { return [] }
      guard let values = value.arrayValue else { throw missing(key, "an array of \(kind)") }
      let elements = values.compactMap(element)
      guard elements.count == values.count else { throw missing(key, "an array of \(kind)") }
      return elements
    }
    guard let model = header.metadata["tokenizer.ggml.model"]?.stringValue else {
      throw missing("tokenizer.ggml.model", "a string")
    }
    let tokens = try array("tokenizer.ggml.tokens", of: "strings") { $0.stringValue }
    if tokens.isEmpty { throw missing("tokenizer.ggml.tokens", "an array of strings") }
    self.init(model: model, preTokenizer: header.metadata["tokenizer.ggml.pre"]?.stringValue, tokens: tokens)
    merges = try array("tokenizer.ggml.merges", of: "strings") { $0.stringValue }
    scores = try array("tokenizer.ggml.scores", of: "numbers") { $0.numberValue.map { Float($0) } }
    tokenTypes = try array("tokenizer.ggml.token_type", of: "integers") { $0.integerValue }
    beginningID = header.metadata["tokenizer.ggml.bos_token_id"]?.integerValue
    endID = header.metadata["tokenizer.ggml.eos_token_id"]?.integerValue
    unknownID = header.metadata["tokenizer.ggml.unknown_token_id"]?.integerValue
    paddingID = header.metadata["tokenizer.ggml.padding_token_id"]?.integerValue
    addsBeginning = header.metadata["tokenizer.ggml.add_bos_token"]?.flagValue
    addsEnd = header.metadata["tokenizer.ggml.add_eos_token"]?.flagValue
    addsSpacePrefix = header.metadata["tokenizer.ggml.add_space_prefix"]?.flagValue
    chatTemplate = header.metadata["tokenizer.chat_template"]?.stringValue
  }
}

extension GGUFValue {
  /// The number, with or without a fraction.
  fileprivate var numberValue: Double? {
    switch self {
    case .number(let value): value
    case .integer(let value): Double(value)
    default: nil
    }
  }

  fileprivate var flagValue: Bool? { if case .bool(let flag) = self { flag } else { nil } }
}
