/// Turns text into token ids and back, exactly as Hugging Face's `tokenizers` does for the same definition.
///
/// Text goes through the stages that `tokenizers` has: added tokens are cut out, the rest is normalized, split into
/// pieces and merged, and the tokens that frame a sequence are put around. A tokenizer is read from a
/// `tokenizer.json` or from GGUF metadata; what is not supported is refused then, never guessed.
public struct Tokenizer: Sendable {
  /// The ids of a text, and what could not be encoded.
  public struct Encoding: Hashable, Sendable {
    public var ids: [Int32]
    /// Scalars, or bytes for a byte-level vocabulary, that no token stands for.
    ///
    /// They are missing from ``ids``, as in `tokenizers`, which does not say so.
    public var droppedScalars: Int
  }

  let model: BytePairModel
  let normalizer: TextNormalizer?
  let preTokenizer: PreTokenizer?
  let decoder: TokenDecoder
  /// Ids put before and after a sequence when special tokens are wanted.
  let frame: Frame
  /// Every added token, in the definition's order.
  public let addedTokens: [AddedToken]
  /// The tokens that begin a sequence, end one, and fill up a batch; nil where the definition names none.
  public let specialTokens: SpecialTokens
  /// The model's chat template as its files carry it, in Jinja; nil where they carry none.
  public let chatTemplateText: String?
  private let rawFinder: AddedTokenFinder
  private let normalizedFinder: AddedTokenFinder
  private let addedByID: [Int32: AddedToken]
  private let addedByContent: [ExactText: Int32]
  private let cache = PieceCache()

  struct Frame: Hashable, Sendable {
    var before: [Int32] = []
    var after: [Int32] = []
  }

  /// The ids of tokens with a part to play.
  public struct SpecialTokens: Hashable, Sendable {
    public var beginning: Int32?
    public var end: Int32?
    public var padding: Int32?

    public init(beginning: Int32? = nil, end: Int32? = nil, padding: Int32? = nil) {
      self.beginning = beginning
      self.end = end
      self.padding = padding
    }
  }

  /// What a tokenizer is made of, once read.
  struct Parts {
    var model: BytePairModel
    var normalizer: TextNormalizer?
    var preTokenizer: PreTokenizer?
    var decoder: TokenDecoder
    var frame = Frame()
    var addedTokens: [AddedToken] = []
    var specialTokens = SpecialTokens()
    var chatTemplateText: String?
  }

  init(_ parts: Parts) throws(TokenizerError) {
    model = parts.model
    normalizer = parts.normalizer
    preTokenizer = parts.preTokenizer
    decoder = parts.decoder
    frame = parts.frame
    addedTokens = parts.addedTokens
    specialTokens = parts.specialTokens
    chatTemplateText = parts.chatTemplateText
    // Special tokens come first, as tokenizers orders them where two share a spelling.
    let ordered = parts.addedTokens.filter(\.isSpecial) + parts.addedTokens.filter { !$0.isSpecial }
    rawFinder = AddedTokenFinder(ordered.filter { !$0.isNormalized }) { Array($0.unicodeScalars) }
    normalizedFinder = AddedTokenFinder(ordered.filter(\.isNormalized)) { content in
      let scalars = Array(content.unicodeScalars)[...]
      return Array(parts.normalizer?.apply(scalars) ?? scalars)
    }
    addedByID = Dictionary(parts.addedTokens.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
    addedByContent = Dictionary(parts.addedTokens.map { (ExactText($0.content), $0.id) }, uniquingKeysWith: { $1 })
    let last = parts.addedTokens.map { Int($0.id) + 1 }.max() ?? 0
    vocabularySize = max(model.tokens.count, last)
    let named = [specialTokens.beginning, specialTokens.end, specialTokens.padding].compactMap { $0 }
    for id in named + frame.before + frame.after where token(of: id) == nil {
      throw .badID(Int(id), of: "a special token")
    }
  }

  /// One more than the largest id.
  public let vocabularySize: Int

  /// The token with this id; nil where none has it.
  public func token(of id: Int32) -> String? {
    if let added = addedByID[id] { return added.content }
    return id >= 0 && Int(id) < model.tokens.count ? model.tokens[Int(id)] : nil
  }

  /// The id of a token by its spelling in the vocabulary.
  public func id(of token: String) -> Int32? { addedByContent[ExactText(token)] ?? model.id(of: token) }

  /// The ids of `text`, framed by the tokens that begin and end a sequence if `addSpecialTokens`.
  public func encode(_ text: String, addSpecialTokens: Bool = true) -> [Int32] {
    encoding(of: text, addSpecialTokens: addSpecialTokens).ids
  }

  /// As ``encode(_:addSpecialTokens:)``, and says how much of the text no token stands for.
  public func encoding(of text: String, addSpecialTokens: Bool = true) -> Encoding {
    cache.use { entries in
      var result = Encoding(ids: addSpecialTokens ? frame.before : [], droppedScalars: 0)
      let scalars = Array(text.unicodeScalars)[...]
      for part in rawFinder.parts(of: scalars) {
        if let token = part.token {
          result.ids.append(token.id)
        } else {
          encode(scalars[part.range], isFirst: part.range.lowerBound == 0, into: &result, &entries)
        }
      }
      if addSpecialTokens { result.ids += frame.after }
      return result
    }
  }

  /// Encodes text that has no raw added token in it.
  private func encode(
    _ raw: ArraySlice<Unicode.Scalar>, isFirst: Bool, into result: inout Encoding, _ entries: inout PieceCache.Entries?
  ) {
    let text = normalizer?.apply(raw) ?? raw
    for part in normalizedFinder.parts(of: text) where !part.range.isEmpty || part.token != nil {
      if let token = part.token {
        result.ids.append(token.id)
        continue
      }
      let isPartFirst = isFirst && part.range.lowerBound == text.startIndex
      let whole = PreTokenizer.Piece(scalars: text[part.range], isFirst: isPartFirst)
      for piece in preTokenizer?.apply([whole]) ?? [whole] where !piece.scalars.isEmpty {
        let encoded = encode(piece.scalars, &entries)
        result.ids += encoded.ids
        result.droppedScalars += encoded.droppedScalars
      }
    }
  }

  private func encode(
    _ piece: ArraySlice<Unicode.Scalar>, _ entries: inout PieceCache.Entries?
  ) -> BytePairModel.Encoded {
    guard piece.count <= PieceCache.longestPiece else { return model.encode(piece) }
    if let known = entries?[PieceCache.Key(scalars: piece)] { return known }
    let encoded = model.encode(piece)
    if let count = entries?.count, count >= PieceCache.capacity { entries?.removeAll(keepingCapacity: true) }
    // A copy of the piece alone, so that the cache does not keep the whole text alive.
    entries?[PieceCache.Key(scalars: Array(piece)[...])] = encoded
    return encoded
  }

  /// The text of `ids`; ids that no token has are passed over, and special tokens too if `skipSpecialTokens`.
  public func decode(_ ids: [Int32], skipSpecialTokens: Bool = false) -> String {
    let kept = skipSpecialTokens ? ids.filter { addedByID[$0]?.isSpecial != true } : ids
    return decoder.text(of: kept.compactMap { token(of: $0) })
  }
}
