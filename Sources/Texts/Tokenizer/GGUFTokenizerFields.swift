/// What a GGUF file says of its tokenizer, as plain values: the `tokenizer.*` metadata.
///
/// - SeeAlso: the GGUF specification, section "Tokenizer", <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.
public struct GGUFTokenizerFields: Sendable {
  /// `tokenizer.ggml.model`: `gpt2` for byte-level BPE, `llama` for SentencePiece-style BPE.
  public var model: String
  /// `tokenizer.ggml.pre`: how byte-level text is split.
  public var preTokenizer: String?
  public var tokens: [String]
  /// Merges in order of rank, each two pieces with a space between; byte-level models have them.
  public var merges: [String] = []
  /// One score a token; SentencePiece-style models have them.
  public var scores: [Float] = []
  /// One of llama.cpp's token types a token: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte.
  public var tokenTypes: [Int] = []
  public var beginningID: Int?
  public var endID: Int?
  public var unknownID: Int?
  public var paddingID: Int?
  public var addsBeginning: Bool?
  public var addsEnd: Bool?
  public var addsSpacePrefix: Bool?
  public var chatTemplate: String?

  public init(model: String, preTokenizer: String? = nil, tokens: [String]) {
    self.model = model
    self.preTokenizer = preTokenizer
    self.tokens = tokens
  }
}
