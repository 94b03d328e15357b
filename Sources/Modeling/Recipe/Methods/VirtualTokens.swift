import Bookkeeping

/// Trained virtual tokens before every sequence.
public struct VirtualTokens: Hashable, Sendable {
  /// Where the virtual tokens come in, and what makes them.
  public enum Kind: Hashable, Sendable {
    /// Embeddings before those of the sequence (Lester et al. 2021, <https://arxiv.org/abs/2104.08691>;
    /// peft/tuners/prompt_tuning/model.py).
    case prompt
    /// The same, made by three linear layers of a width (Liu et al. 2021, <https://arxiv.org/abs/2103.10385>;
    /// peft/tuners/p_tuning/model.py, `PromptEncoder`); `nil` is the model's hidden size.
    case encoded(width: Int?)
    /// Keys and values of every layer (Li and Liang 2021, <https://arxiv.org/abs/2101.00190>;
    /// peft/tuners/prefix_tuning/model.py, `PrefixEncoder` without its projection).
    case prefix
  }

  public let kind: Kind
  public let count: Int

  public init(kind: Kind, count: Int) throws(RecipeError) {
    guard (1...65536).contains(count) else {
      throw .outOfRange("virtual-tokens", "\(count)", "between 1 and 65536")
    }
    if case .encoded(let width?) = kind, !(1...(1 << 20)).contains(width) {
      throw .outOfRange("encoder-width", "\(width)", "between 1 and \(1 << 20)")
    }
    self.kind = kind
    self.count = count
  }

  var name: Method.Name {
    switch kind {
    case .prompt: .prompt
    case .encoded: .pTuning
    case .prefix: .prefix
    }
  }

  /// Virtual tokens that run through the whole model with those of the sequence.
  public var tokensInStream: Int { if case .prefix = kind { 0 } else { count } }
  /// Virtual tokens that queries look back on and that run through no layer.
  public var tokensInKeys: Int { if case .prefix = kind { count } else { 0 } }

  /// Every parameter, all trained, in the order in which PEFT makes them.
  public func added(to spec: ModelSpec) -> [AddedParameter] {
    let hidden = spec.hiddenSize
    let table = AddedParameter("prompt_encoder.embedding.weight", [count, hidden])
    switch kind {
    case .prompt: return [table]
    case .encoded(let width):
      let inner = width ?? hidden
      let widths = [hidden, inner, inner, hidden]
      return [table]
        + zip(widths, widths.dropFirst()).enumerated().flatMap { index, pair in
          [
            AddedParameter("prompt_encoder.mlp_head.\(2 * index).weight", [pair.1, pair.0]),
            AddedParameter("prompt_encoder.mlp_head.\(2 * index).bias", [pair.1]),
          ]
        }
    case .prefix:
      let width = 2 * spec.layerCount * spec.attention.keyValueWidth
      return [AddedParameter("prompt_encoder.embedding.weight", [count, width])]
    }
  }
}
