/// One example as tokens, with the label of each.
public struct EncodedExample: Hashable, Sendable {
  /// The label of a token on which no loss is taken, as PyTorch's `ignore_index` has it.
  public static let ignoredLabel: Int32 = -100

  /// The line it comes from, counted from 1.
  public let line: Int
  public internal(set) var tokens: [Int32]
  /// As long as ``tokens`` and not shifted.
  ///
  /// A label is its own token, or -100. The loss pairs position t with label
  /// t + 1, as `transformers` does, so the first label is never used.
  public internal(set) var labels: [Int32]
  /// Tokens cut off at the end.
  public internal(set) var truncatedTokens = 0
  /// Characters or bytes that no token stands for.
  public internal(set) var unencodable = 0

  /// Tokens on which a loss is taken.
  public var trainedTokens: Int { labels.dropFirst().count { $0 != Self.ignoredLabel } }
}

extension EncodedExample {
  /// Encodes an example: the whole text at once, as the model will see it, and labels by part.
  ///
  /// A token belongs to a completion from the first one that the text before the completion does not have when it is
  /// encoded by itself; so a token that spans the border is trained. The token that ends a sequence is put after a
  /// completion or a plain text that has none, and is trained.
  init(_ example: Example, tokenizer: Tokenizer, options: DataOptions) {
    line = example.line
    let encoding = tokenizer.encoding(of: example.text, addSpecialTokens: example.wantsFrame)
    tokens = encoding.ids
    unencodable = encoding.droppedScalars
    if options.completionOnly, !example.isPlainText {
      labels = Array(repeating: Self.ignoredLabel, count: tokens.count)
      var before = ""
      for part in example.parts {
        let start = Self.border(after: before, in: tokens, example, tokenizer)
        before += part.text
        guard part.isCompletion else { continue }
        let end = Self.border(after: before, in: tokens, example, tokenizer)
        for index in start..<max(start, end) { labels[index] = tokens[index] }
      }
    } else {
      labels = tokens
    }
    if example.wantsFrame, let end = tokenizer.specialTokens.end, tokens.last != end {
      tokens.append(end)
      labels.append(end)
    } else if example.wantsFrame, let last = tokens.last {
      labels[labels.count - 1] = last
    }
    if let limit = options.maximumLength, tokens.count > limit {
      truncatedTokens = tokens.count - limit
      tokens.removeLast(truncatedTokens)
      labels.removeLast(truncatedTokens)
    }
  }

  /// How many of `tokens` belong to the first part of the text, `before`.
  private static func border(
    after before: String, in tokens: [Int32], _ example: Example, _ tokenizer: Tokenizer
  ) -> Int {
    if before.isEmpty { return 0 }
    if before.utf8.count == example.parts.reduce(0, { $0 + $1.text.utf8.count }) { return tokens.count }
    // A token that ends the framed prefix differs from the one where the text goes on, and so marks the border too.
    let prefix = tokenizer.encode(before, addSpecialTokens: example.wantsFrame)
    return zip(prefix, tokens).prefix { $0 == $1 }.count
  }
}
