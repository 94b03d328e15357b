extension Tokenizer {
  /// Reads a Hugging Face `tokenizer.json`, with the special tokens and the chat template of `tokenizer_config.json`.
  ///
  /// Truncation and padding stored in the file are not applied: they are the data set's business here.
  ///
  /// - Parameters:
  ///   - definition: the bytes of `tokenizer.json`.
  ///   - configuration: the bytes of `tokenizer_config.json`; without it the special tokens are those that the
  ///     post-processor frames a sequence with, or that have a well-known name.
  ///   - chatTemplate: the text of `chat_template.jinja`, which newer checkpoints have beside it.
  public init(
    definition: [UInt8], configuration: [UInt8]? = nil, chatTemplate: String? = nil
  ) throws(TokenizerError) {
    let root = DefinitionReader("", try Self.parsed(definition))
    var parts = Parts(model: try Self.model(root["model"]), decoder: try Self.decoder(root["decoder"]))
    parts.normalizer = try Self.normalizer(root["normalizer"])
    parts.preTokenizer = try Self.preTokenizer(root["pre_tokenizer"])
    parts.addedTokens = try Self.addedTokens(root["added_tokens"], parts.model)
    parts.frame = try Self.frame(root["post_processor"])
    let settings = DefinitionReader("tokenizer_config", try configuration.map(Self.parsed) ?? .null)
    parts.specialTokens = try Self.specialTokens(settings, parts)
    parts.chatTemplateText = chatTemplate ?? Self.chatTemplate(settings["chat_template"].value)
    try self.init(parts)
  }

  private static func parsed(_ bytes: [UInt8]) throws(TokenizerError) -> ExactJSON {
    do throws(ExactJSONError) { return try ExactJSONParser.parse(bytes) } catch { throw .notJSON(error) }
  }

  private static func model(_ reader: DefinitionReader) throws(TokenizerError) -> BytePairModel {
    _ = try reader.members()
    // Files from before the models had names in them hold BPE where there are merges.
    let type = reader["type"].isPresent ? try reader["type"].string() : reader["merges"].isPresent ? "BPE" : "unnamed"
    guard type == "BPE" else { throw .unsupportedComponent(role: "model", type: type) }
    if reader["dropout"].isPresent {
      if case .number(0) = reader["dropout"].value {
      } else if reader["dropout"].value?.integer != 0 {
        throw .unsupportedSetting(component: "model", setting: "dropout", value: "not 0")
      }
    }
    for affix in ["continuing_subword_prefix", "end_of_word_suffix"] where reader[affix].isPresent {
      let text = try reader[affix].string()
      if !text.isEmpty { throw .unsupportedSetting(component: "model", setting: affix, value: text) }
    }
    var options = BytePairModel.Options()
    options.unknownToken = reader["unk_token"].isPresent ? try reader["unk_token"].string() : nil
    options.fusesUnknown = try reader["fuse_unk"].flag(default: false)
    options.fallsBackToBytes = try reader["byte_fallback"].flag(default: false)
    options.ignoresMerges = try reader["ignore_merges"].flag(default: false)
    var vocabulary: [(token: String, id: Int)] = []
    for member in try reader["vocab"].members() {
      let id = try DefinitionReader("model.vocab[\"\(member.key)\"]", member.value).integer()
      vocabulary.append((member.key, id))
    }
    var merges: [(String, String)] = []
    for merge in try reader["merges"].elements() { merges.append(try pair(merge)) }
    return try BytePairModel(vocabulary: vocabulary, merges: merges, options: options)
  }

  /// A merge: `["a", "b"]`, or `"a b"` in files of before 2024.
  private static func pair(_ reader: DefinitionReader) throws(TokenizerError) -> (String, String) {
    if let parts = reader.value?.array, parts.count == 2, let left = parts[0].string, let right = parts[1].string {
      return (left, right)
    }
    if let text = reader.value?.string, let pair = mergePair(text) { return pair }
    throw reader.refusal(expected: "a pair of pieces")
  }

  /// The two pieces of a merge written with one space between them.
  static func mergePair(_ text: String) -> (String, String)? {
    let parts = text.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard parts.count == 2, let left = String(parts[0]), let right = String(parts[1]) else { return nil }
    return (left, right)
  }

  private static func addedTokens(
    _ reader: DefinitionReader, _ model: BytePairModel
  ) throws(TokenizerError) -> [AddedToken] {
    guard reader.isPresent else { return [] }
    var tokens: [AddedToken] = []
    for entry in try reader.elements() {
      let content = try entry["content"].string()
      let written = try entry["id"].integer()
      // The vocabulary has the last word on the id of a token it holds, as in tokenizers.
      let id = model.id(of: content).map { Int($0) } ?? written
      guard id >= 0, id < 1 << 28 else { throw .badID(id, of: "\"\(content)\"") }
      let isSpecial = try entry["special"].flag(default: false)
      tokens.append(
        AddedToken(
          id: Int32(id), content: content, isSpecial: isSpecial,
          isSingleWord: try entry["single_word"].flag(default: false),
          stripsLeft: try entry["lstrip"].flag(default: false), stripsRight: try entry["rstrip"].flag(default: false),
          isNormalized: try entry["normalized"].flag(default: !isSpecial)))
    }
    return tokens
  }

  /// Tokens by their role in `tokenizer_config.json`, or else by where they stand and what they are called.
  private static func specialTokens(
    _ reader: DefinitionReader, _ parts: Parts
  ) throws(TokenizerError) -> SpecialTokens {
    func find(_ content: String) -> Int32? {
      parts.addedTokens.last { $0.content == content }?.id ?? parts.model.id(of: content)
    }
    func named(_ key: String) throws(TokenizerError) -> Int32? {
      let entry = reader[key]
      guard entry.isPresent else { return nil }
      let content = try entry["content"].isPresent ? entry["content"].string() : entry.string()
      guard let id = find(content) else {
        throw .field(entry.path, expected: "a token of the vocabulary", found: "\"\(content)\"")
      }
      return id
    }
    guard reader.isPresent else {
      let ends = ["<|im_end|>", "<|eot_id|>", "<end_of_turn>", "</s>", "<|end_of_text|>", "<eos>", "<|endoftext|>"]
      let starts = ["<s>", "<|begin_of_text|>", "<bos>"]
      let special = Dictionary(
        parts.addedTokens.filter(\.isSpecial).map { ($0.content, $0.id) }, uniquingKeysWith: { $1 })
      return SpecialTokens(
        beginning: parts.frame.before.first ?? starts.lazy.compactMap { special[$0] }.first,
        end: parts.frame.after.last ?? ends.lazy.compactMap { special[$0] }.first,
        padding: ["<pad>", "<|pad|>", "[PAD]", "<|endoftext|>"].lazy.compactMap { special[$0] }.first)
    }
    return SpecialTokens(
      beginning: try named("bos_token"), end: try named("eos_token"), padding: try named("pad_token"))
  }

  /// The template itself, or the one called `default` of a list of named ones.
  private static func chatTemplate(_ value: ExactJSON?) -> String? {
    guard let list = value?.array else { return value?.string }
    return list.first { $0["name"]?.string == "default" }?["template"]?.string
  }
}
