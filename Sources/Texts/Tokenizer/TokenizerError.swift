public import Modeling

/// Why a tokenizer could not be made from a file or from GGUF metadata.
public enum TokenizerError: Error, Hashable, Sendable {
  /// The file is not JSON.
  case notJSON(ExactJSONError)
  /// A field that must be there is missing, or is of another kind.
  case field(String, expected: String, found: String)
  /// A component of a type that Plimsoll does not have: its role, and the type's name.
  case unsupportedComponent(role: String, type: String)
  /// A component Plimsoll has, with a setting it does not.
  case unsupportedSetting(component: String, setting: String, value: String)
  /// A regular expression beyond what is matched here.
  case unsupportedPattern(String, reason: String)
  /// A merge names a piece, or makes one, that the vocabulary lacks.
  case mergeOutsideVocabulary(index: Int, piece: String)
  /// Two tokens with one id, or one token with two.
  case repeated(token: String, id: Int)
  /// An id below zero or beyond 32 bits, or a special token id that the vocabulary lacks.
  case badID(Int, of: String)
  /// Lists of GGUF metadata that must be of one length and are not.
  case lengths(String, count: Int, expected: Int)
  /// A pre-tokenizer of a GGUF file (`tokenizer.ggml.pre`) whose rules are not known here.
  case unknownPreTokenizer(String)
  /// A GGUF file whose header cannot be read.
  case badGGUF(GGUFError)
  /// A file that cannot be read.
  case unreadable(path: String, reason: String)
}

extension TokenizerError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notJSON(let error): "the tokenizer is not JSON: \(error)"
    case .field(let name, let expected, let found): "the tokenizer's field \(name) must be \(expected); it is \(found)"
    case .unsupportedComponent(let role, let type):
      "the tokenizer has a \(role) of type \(type), which is not supported"
    case .unsupportedSetting(let component, let setting, let value):
      "the tokenizer's \(component) has \(setting) = \(value), which is not supported"
    case .unsupportedPattern(let pattern, let reason):
      "the tokenizer's regular expression \(pattern) has \(reason), which is not supported"
    case .mergeOutsideVocabulary(let index, let piece):
      "merge \(index) of the tokenizer needs the piece \"\(piece)\", which its vocabulary lacks"
    case .repeated(let token, let id): "the token \"\(token)\" or its id \(id) stands twice in the vocabulary"
    case .badID(let id, let name): "the id \(id) of \(name) is not one of the vocabulary"
    case .lengths(let name, let count, let expected):
      "\(name) has \(count) entries, and \(expected) are needed: one for each token"
    case .unknownPreTokenizer(let name):
      "the GGUF file's pre-tokenizer \"\(name)\" is not known: use the model's tokenizer.json instead"
    case .badGGUF(let error): "\(error)"
    case .unreadable(let path, let reason): "\(path) cannot be read: \(reason)"
    }
  }
}
