extension Tokenizer {
  /// Makes the tokenizer that a GGUF file describes.
  ///
  /// Follows the conversion of `transformers` (`integrations/gguf/gguf_tokenizer_mapping.py`): the vocabulary goes into
  /// the tokenizer of its family, control tokens become special, user-defined tokens are matched whole.
  public init(_ fields: GGUFTokenizerFields) throws(TokenizerError) {
    let types = fields.tokenTypes
    guard types.isEmpty || types.count == fields.tokens.count else {
      throw .lengths("tokenizer.ggml.token_type", count: types.count, expected: fields.tokens.count)
    }
    var parts: Parts
    let addsBeginningByDefault: Bool
    switch fields.model {
    case "gpt2":
      let rules = try GGUFPreTokenizer(named: fields.preTokenizer)
      parts = Parts(
        model: try Self.byteLevelModel(fields, ignoresMerges: rules.ignoresMerges), normalizer: rules.normalizer,
        preTokenizer: rules.preTokenizer, decoder: .byteLevel)
      addsBeginningByDefault = rules.addsBeginning
    case "llama":
      parts = try Self.sentencePieceParts(fields)
      addsBeginningByDefault = true
    default: throw .unsupportedComponent(role: "model (tokenizer.ggml.model)", type: fields.model)
    }
    // Of llama.cpp's types 2 is unknown, 3 control, 4 user-defined.
    for (id, type) in types.enumerated() where (2...4).contains(type) && !fields.tokens[id].isEmpty {
      parts.addedTokens.append(AddedToken(id: Int32(id), content: fields.tokens[id], isSpecial: type != 4))
    }
    parts.specialTokens = SpecialTokens(
      beginning: try Self.checked(fields.beginningID, "tokenizer.ggml.bos_token_id", fields),
      end: try Self.checked(fields.endID, "tokenizer.ggml.eos_token_id", fields),
      padding: try Self.checked(fields.paddingID, "tokenizer.ggml.padding_token_id", fields))
    if fields.addsBeginning ?? addsBeginningByDefault, let beginning = parts.specialTokens.beginning {
      parts.frame.before = [beginning]
    }
    if fields.addsEnd ?? false, let end = parts.specialTokens.end { parts.frame.after = [end] }
    parts.chatTemplateText = fields.chatTemplate
    try self.init(parts)
  }

  private static func checked(
    _ id: Int?, _ name: String, _ fields: GGUFTokenizerFields
  ) throws(TokenizerError) -> Int32? {
    guard let id else { return nil }
    guard fields.tokens.indices.contains(id), let narrow = Int32(exactly: id) else { throw .badID(id, of: name) }
    return narrow
  }

  private static func vocabulary(_ fields: GGUFTokenizerFields) -> [(token: String, id: Int)] {
    fields.tokens.enumerated().map { ($1, $0) }
  }

  private static func byteLevelModel(
    _ fields: GGUFTokenizerFields, ignoresMerges: Bool
  ) throws(TokenizerError) -> BytePairModel {
    var merges: [(String, String)] = []
    merges.reserveCapacity(fields.merges.count)
    for (index, text) in fields.merges.enumerated() {
      guard let pair = mergePair(text) else {
        throw .field(
          "tokenizer.ggml.merges[\(index)]", expected: "two pieces with a space between", found: "\"\(text)\"")
      }
      merges.append(pair)
    }
    var options = BytePairModel.Options()
    options.ignoresMerges = ignoresMerges
    return try BytePairModel(vocabulary: vocabulary(fields), merges: merges, options: options)
  }

  private static func sentencePieceParts(_ fields: GGUFTokenizerFields) throws(TokenizerError) -> Parts {
    guard fields.scores.count == fields.tokens.count else {
      throw .lengths("tokenizer.ggml.scores", count: fields.scores.count, expected: fields.tokens.count)
    }
    if let bad = fields.scores.firstIndex(where: { !$0.isFinite }) {
      throw .field("tokenizer.ggml.scores[\(bad)]", expected: "a finite number", found: "\(fields.scores[bad])")
    }
    var options = BytePairModel.Options()
    options.fallsBackToBytes = true
    options.fusesUnknown = true
    if let unknown = try checked(fields.unknownID, "tokenizer.ggml.unknown_token_id", fields) {
      options.unknownToken = fields.tokens[Int(unknown)]
    }
    let addsSpace = fields.addsSpacePrefix ?? true
    let stripsSpace: [TokenDecoder] = addsSpace ? [.strip(" ", left: 1, right: 0)] : []
    let model = try BytePairModel(
      vocabulary: vocabulary(fields), merges: ScoredMerges.merges(tokens: fields.tokens, scores: fields.scores),
      options: options)
    return Parts(
      model: model,
      preTokenizer: .metaspace(mark: "\u{2581}", prepends: addsSpace ? .first : .never, splits: false),
      decoder: .sequence([.replace(.literal(["\u{2581}"]), with: [" "]), .byteFallback, .fuse] + stripsSpace))
  }
}
