/// How a byte-level GGUF vocabulary splits text, by the name in `tokenizer.ggml.pre`.
///
/// The names are llama.cpp's (`src/llama-vocab.cpp`); what each stands for is taken from the `tokenizer.json` of the
/// models that carry the name, so that a GGUF file and its original encode alike.
struct GGUFPreTokenizer {
  let preTokenizer: PreTokenizer
  var normalizer: TextNormalizer?
  /// Whether a piece that is a token as a whole is taken as it is.
  var ignoresMerges = false
  /// Whether a sequence begins with the beginning token where the file doesn't say.
  var addsBeginning = false

  private static let llama3Expression =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"#
    + #"|\s+(?!\S)|\s+"#
  private static let qwen2Expression =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"#
    + #"|\s+(?!\S)|\s+"#
  private static let tekkenExpression =
    #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"#
    + #"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"#
    + #"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

  /// The rules that `name` stands for.
  init(named name: String?) throws(TokenizerError) {
    switch name {
    case nil, "default", "gpt-2", "gpt2", "olmo", "phi-2", "mpt", "jina-v2-code":
      preTokenizer = .byteLevel(addsPrefixSpace: false, split: try Pattern(PreTokenizer.gpt2Expression))
    case "smollm", "starcoder", "refact", "codeshell", "command-r":
      preTokenizer = .sequence([
        .digits(individually: true),
        .byteLevel(addsPrefixSpace: false, split: try Pattern(PreTokenizer.gpt2Expression)),
      ])
    case "llama-bpe", "llama3", "llama-v3", "falcon3", "pixtral", "smaug-bpe", "dbrx":
      preTokenizer = try Self.split(by: Self.llama3Expression)
      ignoresMerges = name?.hasPrefix("llama") ?? false
      addsBeginning = ignoresMerges
    case "qwen2", "deepseek-r1-qwen", "megrez":
      preTokenizer = try Self.split(by: Self.qwen2Expression)
      normalizer = .composed
    case "tekken":
      preTokenizer = try Self.split(by: Self.tekkenExpression)
      ignoresMerges = true
      addsBeginning = true
    case .some(let other): throw .unknownPreTokenizer(other)
    }
  }

  private static func split(by expression: String) throws(TokenizerError) -> PreTokenizer {
    .sequence([
      .split(.expression(try Pattern(expression)), .isolated, isInverted: false),
      .byteLevel(addsPrefixSpace: false, split: nil),
    ])
  }
}
