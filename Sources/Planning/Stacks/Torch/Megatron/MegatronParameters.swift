import Bookkeeping
import Modeling

// Shape letters here: H hidden, I intermediate, V vocabulary.

extension ModelSpec {
  /// The parameters as a model code holds them.
  func parameters(in code: ModelCode) -> [Parameter] {
    switch code {
    case .transformers, .torchtune, .torchtune2024: parameters
    case .litgpt, .litgpt2023: litGPTParameters
    case .megatron: megatronParameters
    }
  }

  /// The linear layers as a model code holds them.
  func linearModules(_ layer: Int, in code: ModelCode) -> [LinearModule] {
    switch code {
    case .transformers, .torchtune, .torchtune2024: linearModules(layer)
    case .litgpt, .litgpt2023: litGPTModules(layer)
    case .megatron: megatronModules(layer)
    }
  }

  /// The parameters as Megatron holds them: queries, keys and values in one weight, gate and up in another, and rows of
  /// the vocabulary up to a multiple of 128.
  ///
  /// Sources: megatron/core/transformer/attention.py, `SelfAttention.linear_qkv`; transformer/mlp.py, `MLP.linear_fc1`;
  /// megatron/training/arguments.py, `make_vocab_size_divisible_by`.
  var megatronParameters: [Parameter] {
    litGPTParameters.compactMap { parameter in
      switch parameter.role {
      // LitGPT's own head, which Megatron ties where others do.
      case .head where tiesEmbeddings: nil
      case .embedding, .head:
        Parameter(name: parameter.name, shape: [megatronVocabularySize, hiddenSize], role: parameter.role)
      case .linear(.gate), .linearBias(.gate): nil
      case .linear(.up): parameter.layer.flatMap { fusedGate($0).map { weight(of: $0) } } ?? parameter
      default: parameter
      }
    }
  }

  /// The linear layers as Megatron holds them.
  func megatronModules(_ layer: Int) -> [LinearModule] {
    litGPTModules(layer).compactMap { module in
      switch module.role {
      case .gate: nil
      case .up: fusedGate(layer) ?? module
      default: module
      }
    }
  }

  /// Rows of the embedding and columns of the logits.
  var megatronVocabularySize: Int { (vocabularySize + 127) / 128 * 128 }

  private func weight(of module: LinearModule) -> Parameter {
    Parameter(
      name: module.name + ".weight", shape: [module.output, module.input], role: .linear(module.role),
      layer: module.layer)
  }

  /// Gate and up in one; `nil` without a gate.
  private func fusedGate(_ layer: Int) -> LinearModule? {
    guard feedForward.isGated, !feedForward.fusesGateAndUp else { return nil }
    let up = module(.up, layer: layer)
    let path = up.name.split(separator: ".").dropLast().joined(separator: ".")
    return LinearModule(
      name: path + ".gate_up", role: .gateUp, layer: layer, input: hiddenSize,
      output: 2 * feedForward.intermediateSize, hasBias: up.hasBias)
  }
}
