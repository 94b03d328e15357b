extension Tokenizer {
  /// The normalizer written here; nil where there is none.
  static func normalizer(_ reader: DefinitionReader) throws(TokenizerError) -> TextNormalizer? {
    guard reader.isPresent else { return nil }
    switch try reader["type"].string() {
    case "NFC": return .composed
    case "Prepend": return .prepend(Array(try reader["prepend"].string().unicodeScalars))
    case "Replace":
      return .replace(try reader["pattern"].pattern(), with: Array(try reader["content"].string().unicodeScalars))
    case "Strip":
      return .strip(
        left: try reader["strip_left"].flag(default: true), right: try reader["strip_right"].flag(default: true))
    case "Sequence":
      var parts: [TextNormalizer] = []
      for entry in try reader["normalizers"].elements() {
        if let part = try normalizer(entry) { parts.append(part) }
      }
      return .sequence(parts)
    case let other: throw .unsupportedComponent(role: "normalizer", type: other)
    }
  }

  /// The pre-tokenizer written here; nil where there is none.
  static func preTokenizer(_ reader: DefinitionReader) throws(TokenizerError) -> PreTokenizer? {
    guard reader.isPresent else { return nil }
    switch try reader["type"].string() {
    case "ByteLevel":
      let splits = try reader["use_regex"].flag(default: true)
      return .byteLevel(
        addsPrefixSpace: try reader["add_prefix_space"].flag(default: true),
        split: splits ? try Pattern(PreTokenizer.gpt2Expression) : nil)
    case "Metaspace":
      return .metaspace(
        mark: try reader["replacement"].scalar(), prepends: try prependScheme(reader),
        splits: try reader["split"].flag(default: true))
    case "Digits": return .digits(individually: try reader["individual_digits"].flag(default: false))
    case "Split":
      let name = try reader["behavior"].string()
      guard let behavior = SplitBehavior(rawValue: name) else {
        throw .unsupportedSetting(component: "Split", setting: "behavior", value: name)
      }
      return .split(
        try reader["pattern"].pattern(), behavior, isInverted: try reader["invert"].flag(default: false))
    case "Sequence":
      var parts: [PreTokenizer] = []
      for entry in try reader["pretokenizers"].elements() {
        if let part = try preTokenizer(entry) { parts.append(part) }
      }
      return .sequence(parts)
    case let other: throw .unsupportedComponent(role: "pre-tokenizer", type: other)
    }
  }

  /// Where a Metaspace puts its mark: by name, or by the flag that older files have.
  private static func prependScheme(_ reader: DefinitionReader) throws(TokenizerError) -> PreTokenizer.PrependScheme {
    guard reader["prepend_scheme"].isPresent else {
      return try reader["add_prefix_space"].flag(default: true) ? .always : .never
    }
    let name = try reader["prepend_scheme"].string()
    guard let scheme = PreTokenizer.PrependScheme(rawValue: name) else {
      throw .unsupportedSetting(component: "Metaspace", setting: "prepend_scheme", value: name)
    }
    return scheme
  }

  /// The decoder written here.
  static func decoder(_ reader: DefinitionReader) throws(TokenizerError) -> TokenDecoder {
    guard reader.isPresent else { return .spaced }
    switch try reader["type"].string() {
    case "ByteLevel": return .byteLevel
    case "ByteFallback": return .byteFallback
    case "Fuse": return .fuse
    case "Replace":
      return .replace(try reader["pattern"].pattern(), with: Array(try reader["content"].string().unicodeScalars))
    case "Strip":
      let left = try reader["start"].integer()
      let right = try reader["stop"].integer()
      guard (0...1 << 20).contains(left), (0...1 << 20).contains(right) else {
        throw .unsupportedSetting(component: "Strip", setting: "start, stop", value: "\(left), \(right)")
      }
      return .strip(try reader["content"].scalar(), left: left, right: right)
    case "Metaspace":
      return .metaspace(
        mark: try reader["replacement"].scalar(), dropsFirst: try prependScheme(reader) != .never)
    case "Sequence":
      var parts: [TokenDecoder] = []
      for entry in try reader["decoders"].elements() { parts.append(try decoder(entry)) }
      return .sequence(parts)
    case let other: throw .unsupportedComponent(role: "decoder", type: other)
    }
  }

  /// The ids that the post-processor written here puts around a single sequence.
  static func frame(_ reader: DefinitionReader) throws(TokenizerError) -> Frame {
    guard reader.isPresent else { return Frame() }
    switch try reader["type"].string() {
    // Only moves offsets, which are not kept here.
    case "ByteLevel": return Frame()
    case "RobertaProcessing", "BertProcessing":
      return Frame(before: [try endToken(reader["cls"])], after: [try endToken(reader["sep"])])
    case "TemplateProcessing": return try templateFrame(reader)
    case "Sequence":
      var frame = Frame()
      for entry in try reader["processors"].elements() {
        let outer = try self.frame(entry)
        frame = Frame(before: outer.before + frame.before, after: frame.after + outer.after)
      }
      return frame
    case let other: throw .unsupportedComponent(role: "post-processor", type: other)
    }
  }

  private static func templateFrame(_ reader: DefinitionReader) throws(TokenizerError) -> Frame {
    var frame = Frame()
    var sequences = 0
    for entry in try reader["single"].elements() {
      if entry["Sequence"].isPresent {
        sequences += 1
        continue
      }
      let name = try entry["SpecialToken"]["id"].string()
      for id in try reader["special_tokens"][name]["ids"].elements() {
        let id = try checked(id)
        if sequences == 0 { frame.before.append(id) } else { frame.after.append(id) }
      }
    }
    guard sequences == 1 else {
      throw .unsupportedSetting(component: "TemplateProcessing", setting: "sequences", value: "\(sequences)")
    }
    return frame
  }

  /// The id in `["</s>", 2]`.
  private static func endToken(_ reader: DefinitionReader) throws(TokenizerError) -> Int32 {
    guard let last = try reader.elements().last else { throw reader.refusal(expected: "a token and its id") }
    return try checked(last)
  }

  private static func checked(_ reader: DefinitionReader) throws(TokenizerError) -> Int32 {
    let id = try reader.integer()
    guard let narrow = Int32(exactly: id) else { throw .badID(id, of: reader.path) }
    return narrow
  }
}
