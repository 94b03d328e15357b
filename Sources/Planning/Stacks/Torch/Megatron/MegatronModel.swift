import Bookkeeping
import Modeling

// Shape letters here: b sequences, s tokens of one, T = b·s, H hidden, V vocabulary, I intermediate.

extension TorchModel {
  /// The forward pass of megatron-core's `GPTModel`, and the loss of Megatron-LM's scripts.
  ///
  /// Streams are [s, b, H] there, which costs as much. Sources: megatron/core/models/gpt/gpt_model.py,
  /// `GPTModel.forward`, `_postprocess`; transformer/transformer_block.py, `TransformerBlock.forward`.
  func megatronForward(_ tape: inout Tape) -> HeadResult {
    tape.prefix = ""
    tape.enter(.embedding)
    var hidden = megatronEmbedding(&tape)
    for layer in 0..<spec.layerCount {
      let run: (inout Tape, Tensor) -> Tensor = { tape, input in
        tape.prefix = "layers.\(layer)."
        return self.megatronLayer(&tape, layer, input)
      }
      let output =
        policy.usesGradientCheckpointing ? tape.reentrantCheckpoint(hidden, context: [], run) : run(&tape, hidden)
      tape.prefix = ""
      tape.drop(hidden)
      hidden = output
    }
    tape.enter(.finalNorm)
    guard let finalNorm = weights.finalNorm else { return HeadResult(loss: .void, outputs: []) }
    let normed = megatronNorm(&tape, finalNorm, hidden, "final_norm")
    tape.drop(hidden)
    tape.enter(.head)
    let logits = columnProduct(
      &tape, TensorName.logits, normed, weights.head, width: spec.megatronVocabularySize, account: .logits,
      gathersInBuffer: true)
    tape.drop(normed)
    return HeadResult(loss: megatronLoss(&tape, consuming: logits), outputs: [])
  }

  /// Looked up, positions added, laid out sequence first, dropped out
  /// (megatron/core/models/common/embeddings/language_model_embedding.py, `LanguageModelEmbedding.forward`).
  private func megatronEmbedding(_ tape: inout Tape) -> Tensor {
    let (name, account) = (streamName(after: -1), streamAccount(after: -1))
    let transposes = microBatch > 1
    let scatters = policy.usesSequenceParallel
    let isLast = !transposes && !dropsOut && !scatters
    let looksUpLast = isLast && weights.positionEmbedding == nil
    var hidden = vocabularyParallelLookUp(
      &tape, looksUpLast ? name : "embedding", looksUpLast ? account : .activations)
    if let table = weights.positionEmbedding {
      let positions = lookUp(&tape, "position_embedding", table, .activations)
      let sum = tape.add(
        isLast ? name : "embedding.sum", hidden, positions, account: isLast ? account : .activations)
      tape.drop(positions)
      tape.drop(hidden)
      hidden = sum
    }
    if transposes {
      let isStream = !dropsOut && !scatters
      let copy = tape.apply(
        isStream ? name : "embedding.transposed", to: [hidden], shape: hidden.shape, format: hidden.format,
        account: isStream ? account : .activations, rule: Rules.passing)
      tape.drop(hidden)
      hidden = copy
    }
    if scatters {
      hidden = scattered(
        &tape, consuming: hidden, dropsOut ? "embedding.scattered" : name, dropsOut ? .activations : account)
    }
    guard dropsOut else { return hidden }
    let mask = tape.open("embedding.dropout.mask", hidden.shape, .bool)
    let dropped = tape.apply(
      name, to: [hidden], shape: hidden.shape, format: hidden.format, account: account, saving: [mask],
      rule: Rules.fresh)
    tape.drop(mask)
    tape.drop(hidden)
    return dropped
  }

  /// Cross-entropy that makes softmax in place of an fp32 copy of the logits, and keeps it; backward turns it into the
  /// gradient, in place, and that is cast for the bf16 logits.
  ///
  /// Source: megatron/core/tensor_parallel/cross_entropy.py, `VocabParallelCrossEntropy`; the logits are a local of
  /// `GPTModel._postprocess`; labels of several sequences are laid out sequence first (language_module.py,
  /// `compute_language_model_loss`).
  private func megatronLoss(_ tape: inout Tape, consuming logits: Tensor) -> Tensor {
    tape.enter(.loss)
    let labels = tape.open("batch.labels.transposed", [microBatch > 1 ? tokens : 0], .int64, .batch)
    let softmax = tape.open("logits.fp32", logits.shape, .fp32, .logits)
    let mask = tape.open("loss.target_mask", [tokens], .bool, .logits)
    let targets = tape.open("loss.masked_targets", [tokens], .int64, .logits)
    let losses = tape.open("losses", [tokens], .fp32, .logits)
    let results = tape.applyFunction(to: [logits], making: [losses], saving: [softmax, mask, targets]) {
      tape, _, edges in [edges[0].isNeeded ? tape.open(edges[0]) : nil]
    }
    for tensor in [targets, mask, softmax, labels, logits] { tape.drop(tensor) }
    let loss = tape.mean("loss", results[0], [1])
    tape.drop(losses)
    return loss
  }

  // MARK: Operations

  /// RMS norm or layer norm in one kernel: its input and a number or two a row are kept
  /// (transformer_engine/pytorch/ops/basic/rmsnorm.py and layer_norm.py; megatron/core/transformer/torch_norm.py).
  func megatronNorm(_ tape: inout Tape, _ norm: TorchWeights.Norm, _ x: Tensor, _ name: String) -> Tensor {
    guard spec.normalization.kind == .rms else { return self.norm(&tape, norm, x, name) }
    let rows = Shape(Array(x.shape.extents.dropLast()) + [1])
    let reciprocal = tape.open(name + ".reciprocal_rms", rows, .fp32)
    let result = tape.apply(
      name, to: [x, norm.weight], shape: x.shape, format: x.format, saving: [x, norm.weight, reciprocal],
      rule: Rules.fresh)
    tape.drop(reciprocal)
    return result
  }

  /// A linear layer: input and weight are kept, the weight's gradient is added where it adds up, and a buffer that nobody
  /// reads is what autograd gets for it.
  ///
  /// Source: megatron/core/tensor_parallel/layers.py, `LinearWithGradAccumulationAndAsyncCommunication`;
  /// transformer_engine/pytorch/module/linear.py, `fuse_wgrad_accumulation`.
  func megatronProduct(
    _ tape: inout Tape, _ name: String, _ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, width: Int,
    account: Account = .activations
  ) -> Tensor {
    let shape = Shape(Array(x.shape.extents.dropLast()) + [width])
    let input = x.shape.extents.last ?? 1
    let dummy = dummyGradients[[width, input]]
    return tape.apply(
      name, to: [x, weight] + (bias.map { [$0] } ?? []), shape: shape, format: x.format, account: account,
      saving: [x, weight]
    ) { tape, _, edges in
      let gradient = edges[0].isNeeded ? tape.open(edges[0]) : nil
      var weightGradient: Tensor?
      if let dummy, edges[1].isNeeded {
        tape.retain(dummy)
        weightGradient = dummy.viewed(as: edges[1].shape)
      }
      return [gradient, weightGradient] + edges.dropFirst(2).map { tape.open($0) }
    }
  }

  /// A layer's linear module; `addsBias` says whether its bias is added here and not in what comes after it.
  func megatronLinear(
    _ tape: inout Tape, _ layer: Int, _ role: Parameter.Linear, _ x: Tensor, _ name: String, addsBias: Bool = false
  ) -> Tensor {
    guard let linear = weights.layers[layer].linears[role], case .plain(let weight) = linear.base else { return .void }
    switch role {
    case .output, .down: return rowProduct(&tape, name, x, weight, width: linear.module.output)
    case .query, .key, .value, .queryKeyValue, .gate, .up, .gateUp, .sharedGate:
      return columnProduct(
        &tape, name, x, weight, bias: addsBias ? linear.bias : nil, width: linear.module.output)
    }
  }
}
