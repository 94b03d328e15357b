import Bookkeeping
import Modeling

// Shape letters here: b sequences, s tokens of one, H hidden, V vocabulary, t GPUs that divide products.

/// Megatron's tensor and sequence parallelism: what a divided product takes beside its share of the widths.
///
/// All-reduces are in place (megatron/core/tensor_parallel/mappings.py, `_reduce`; transformer_engine/pytorch/
/// distributed.py, `allreduce`), so that without sequence parallelism a divided layer opens nothing more. With it,
/// inputs are kept divided and gathered for each product, and results are scattered into tensors of their own
/// (transformer_engine/pytorch/module/linear.py, `_linear_forward_impl` and `_linear_backward`; distributed.py,
/// `gather_along_first_dim`, `reduce_scatter_along_first_dim`).
extension TorchModel {
  /// Tokens of a sequence that this GPU has between divided products.
  private var streamLength: Int { policy.usesSequenceParallel ? sequence / policy.tensorParallelSize : sequence }
  private func shape(_ length: Int, _ width: Int) -> Shape { [microBatch, length, width] }

  /// A product whose columns are divided: of all tokens, whichever this GPU has.
  ///
  /// - Parameter gathersInBuffer: whether the input is gathered in the buffer that is there all the time
  ///   (megatron/core/tensor_parallel/layers.py, `LinearWithGradAccumulationAndAsyncCommunication`).
  func columnProduct(
    _ tape: inout Tape, _ name: String, _ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, width: Int,
    account: Account = .activations, gathersInBuffer: Bool = false
  ) -> Tensor {
    guard policy.usesSequenceParallel else {
      return megatronProduct(&tape, name, x, weight, bias: bias, width: width, account: account)
    }
    let input = shape(sequence, x.shape.extents.last ?? 1)
    func gather(_ tape: inout Tape) -> Tensor {
      gathersInBuffer ? .void : tape.openNamed(x.name + ".gathered_tokens", input, x.format, .activations)
    }
    let gathered = gather(&tape)
    let dummy = dummyGradients[[width, input.extents.last ?? 1]]
    let result = tape.apply(
      name, to: [x, weight] + (bias.map { [$0] } ?? []), shape: shape(sequence, width), format: x.format,
      account: account, saving: [x, weight]
    ) { tape, _, edges in
      let gathered = gather(&tape)
      var gradient: Tensor?
      if edges[0].isNeeded {
        let whole = tape.openFlow(edges[0], input, edges[0].format)
        gradient = tape.open(edges[0])
        tape.drop(whole)
      }
      let others = edges.dropFirst(2).map { Optional(tape.open($0)) }
      tape.drop(gathered)
      return [gradient, TorchModel.stand(&tape, dummy, edges[1])] + others
    }
    tape.drop(gathered)
    return result
  }

  /// A product whose rows are divided, and the sum over GPUs: of all tokens, or scattered to those that this GPU has.
  func rowProduct(
    _ tape: inout Tape, _ name: String, _ x: Tensor, _ weight: Tensor, width: Int
  ) -> Tensor {
    guard policy.usesSequenceParallel else { return megatronProduct(&tape, name, x, weight, width: width) }
    let dummy = dummyGradients[[width, x.shape.extents.last ?? 1]]
    let partial = tape.open(name + ".partial", shape(sequence, width), x.format)
    let whole = shape(sequence, width)
    let result = tape.apply(
      name, to: [x, weight], shape: shape(streamLength, width), format: x.format, saving: [x, weight]
    ) { tape, arriving, edges in
      let gathered =
        arriving[0].map {
          tape.openNamed($0.name + ".gathered_tokens", whole, $0.format, .activations)
        } ?? .void
      let gradient = edges[0].isNeeded ? tape.open(edges[0]) : nil
      tape.drop(gathered)
      return [gradient, TorchModel.stand(&tape, dummy, edges[1])]
    }
    tape.drop(partial)
    return result
  }

  /// What stands for the gradient of a weight that has been added where it adds up.
  private static func stand(_ tape: inout Tape, _ dummy: Tensor?, _ edge: Edge) -> Tensor? {
    guard let dummy, edge.isNeeded else { return nil }
    tape.retain(dummy)
    return dummy.viewed(as: edge.shape)
  }

  // MARK: Embedding

  /// A lookup in this GPU's rows of the vocabulary: other GPUs' tokens are masked, their rows zeroed in place, and the
  /// sum over GPUs is taken in place too.
  ///
  /// Kept are the masked tokens, and the mask for the zeroing, whose backward copies the gradient (torch
  /// derivatives.yaml, `index_put_`). Source: megatron/core/tensor_parallel/layers.py, `VocabParallelEmbedding.forward`.
  func vocabularyParallelLookUp(_ tape: inout Tape, _ name: String, _ account: Account) -> Tensor {
    guard policy.tensorParallelSize > 1 else { return lookUp(&tape, name, weights.embedding, account) }
    let table = weights.embedding
    let mask = tape.open("embedding.token_mask", [microBatch, sequence], .bool)
    let tokens = tape.open("embedding.masked_tokens", [microBatch, sequence], .int64)
    let rows = tape.apply(
      name, to: [table], shape: shape(sequence, spec.hiddenSize), format: table.format, account: account,
      saving: [tokens], rule: Rules.fresh)
    let zeroed = tape.applyFunction(to: [rows], making: [rows], saving: [mask], rule: Rules.fresh)
    for tensor in [tokens, mask] { tape.drop(tensor) }
    return zeroed[0]
  }

  /// The stream of all tokens, of which this GPU goes on with its own: summed and scattered where nothing has been added
  /// to the lookup, cut out and cloned otherwise; backward gathers.
  ///
  /// Sources: megatron/core/tensor_parallel/mappings.py, `_ReduceScatterToSequenceParallelRegion`,
  /// `_ScatterToSequenceParallelRegion`; models/common/embeddings/language_model_embedding.py (`embeddings.clone()`).
  func scattered(_ tape: inout Tape, consuming x: Tensor, _ name: String, _ account: Account) -> Tensor {
    let result = tape.apply(
      name, to: [x], shape: shape(streamLength, spec.hiddenSize), format: x.format, account: account,
      rule: Rules.fresh)
    tape.drop(x)
    return result
  }
}

extension MegatronBuffers {
  /// Gradients of what every GPU has whole but sees a part of the tokens through, in one fp32 tensor while they are summed
  /// (megatron/core/distributed/finalize_model_grads.py, `_allreduce_non_tensor_model_parallel_grads`).
  static func sumSharedGradients(_ tape: inout Tape, _ whole: ModelSpec, _ policy: TorchPolicy) {
    guard policy.choices.modelCode == .megatron, policy.usesSequenceParallel else { return }
    let count = whole.megatronParameters.reduce(0) { sum, parameter in
      switch parameter.role {
      case .norm, .normBias, .linearBias(.output), .linearBias(.down): sum + parameter.count
      default: sum
      }
    }
    tape.drop(tape.openNamed("megatron.shared_gradients", [count], .fp32, .gradients))
  }
}
