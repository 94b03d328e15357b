import Bookkeeping
import Modeling

// Shape letters here: b sequences, s tokens of one, H hidden, V vocabulary.

extension TorchModel {
  /// The forward pass of LitGPT's `GPT`, and the loss of its fine-tuning scripts.
  ///
  /// The loop names the logits until those of the next micro-batch take their place. Sources: litgpt/model.py,
  /// `GPT.forward`; litgpt/finetune/lora.py, `fit`.
  func litGPTForward(_ tape: inout Tape) -> HeadResult {
    tape.prefix = ""
    tape.enter(.embedding)
    tape.enter(unit: tape.sharding.root, .void)
    let previous = [openPreviousOutputs(&tape, .fp32)] + openEarlierInputs(&tape)
    let name = streamName(after: -1)
    var hidden = lookUp(&tape, scalesEmbedding ? "embedding" : name, weights.embedding, streamAccount(after: -1))
    if scalesEmbedding {
      let scaled = tape.scale(name, hidden)
      tape.drop(hidden)
      hidden = scaled
    }
    for layer in 0..<spec.layerCount {
      hidden = runLayer(&tape, layer, consuming: hidden) { tape, input in
        self.litGPTBlock(&tape, layer, input)
      }
    }
    tape.enter(.finalNorm)
    guard let finalNorm = weights.finalNorm else { return HeadResult(loss: .void, outputs: []) }
    let normed = litGPTNorm(&tape, finalNorm, hidden, "final_norm")
    tape.drop(hidden)
    return litGPTChunkedLoss(&tape, consuming: normed, dropping: previous)
  }

  /// One block; the caller keeps its reference to `input`.
  ///
  /// What attention returns stays bound until the block returns. Source: litgpt/model.py, `Block.forward`.
  private func litGPTBlock(_ tape: inout Tape, _ layer: Int, _ input: Tensor) -> Tensor {
    let norms = weights.layers[layer].norms
    guard let attentionNorm = norms[.attention] else { return .void }
    tape.enter(.layer(layer, .attentionNorm))
    var normed = litGPTNorm(&tape, attentionNorm, input, LayerTensor.attentionNormed.rawValue)
    let attended = litGPTAttention(&tape, layer, normed)
    let middleName = tape.prefix + LayerTensor.middle.rawValue
    func sum(_ tape: inout Tape) -> Tensor {
      streamSum(&tape, middleName, attended, input, account: .activations)
    }
    func normForNetwork(_ tape: inout Tape, _ x: Tensor) {
      guard let mlpNorm = norms[.mlp] else { return }
      tape.enter(.layer(layer, .mlpNorm))
      let next = litGPTNorm(&tape, mlpNorm, x, LayerTensor.mlpNormed.rawValue)
      tape.drop(normed)
      normed = next
    }
    let name = streamName(after: layer)
    let output: Tensor
    if spec.normalization.isParallel, policy.choices.modelCode == .litgpt2023 {
      // lit_gpt/model.py: `self.mlp(n_2) + h + x`, and nothing let go before the end.
      let first = normed
      tape.retain(first)
      normForNetwork(&tape, input)
      let network = litGPTNetwork(&tape, layer, normed)
      let branches = tape.add("branches", network, attended)
      tape.drop(network)
      output = streamSum(&tape, name, branches, input, account: streamAccount(after: layer))
      tape.drop(branches)
      tape.drop(first)
    } else {
      if spec.normalization.isParallel { normForNetwork(&tape, input) }
      let middle = sum(&tape)
      if !spec.normalization.isParallel { normForNetwork(&tape, middle) }
      let network = litGPTNetwork(&tape, layer, normed)
      output = streamSum(&tape, name, network, middle, account: streamAccount(after: layer))
      tape.drop(network)
      tape.drop(middle)
    }
    tape.drop(attended)
    tape.drop(normed)
    return output
  }

  /// `LLaMAMLP`, whose two projections stay bound until it returns, or `GptNeoxMLP`.
  private func litGPTNetwork(_ tape: inout Tape, _ layer: Int, _ x: Tensor) -> Tensor {
    guard spec.feedForward.isGated else { return feedForward(&tape, layer, x) }
    tape.enter(.layer(layer, .gateUp))
    let gate = linear(&tape, layer, .gate, x, "gate")
    let up = linear(&tape, layer, .up, x, "up")
    tape.enter(.layer(layer, .activation))
    let active = tape.activation("activation", gate)
    let product = tape.multiply("product", active, up)
    tape.drop(active)
    tape.enter(.layer(layer, .down))
    let result = linear(&tape, layer, .down, product, "down")
    for tensor in [product, up, gate] { tape.drop(tensor) }
    return result
  }

  /// RMS norm in fp32, weight included; layer norm is torch's.
  ///
  /// Sources: litgpt/model.py, `RMSNorm.forward`; lit_gpt/rmsnorm.py as of late 2023.
  private func litGPTNorm(_ tape: inout Tape, _ norm: TorchWeights.Norm, _ x: Tensor, _ name: String) -> Tensor {
    guard spec.normalization.kind == .rms else { return self.norm(&tape, norm, x, name) }
    let perRow = Shape(Array(x.shape.extents.dropLast()) + [1])
    let whole = tape.cast(name + ".fp32", x, to: .fp32)
    let squares = tape.multiply(name + ".squares", whole, whole)
    let mean = tape.mean(name + ".mean", squares, perRow)
    tape.drop(squares)
    let shifted = tape.shift(name + ".shifted", mean)
    let reciprocal = tape.reciprocalRoot(name + ".reciprocal_rms", shifted)
    tape.drop(shifted)
    let normed = tape.multiply(name + ".normed.unweighted", whole, reciprocal)
    tape.drop(reciprocal)
    let weight = tape.cast(name + ".weight.fp32", norm.weight, to: .fp32, account: norm.weight.account)
    let weighted = tape.multiply(name + ".weighted", normed, weight)
    tape.drop(weight)
    let result = tape.cast(name, weighted, to: x.format)
    for tensor in [weighted, normed, mean, whole] { tape.drop(tensor) }
    return result
  }

  // MARK: Head

  /// Rows that LitGPT's head and loss take at once (litgpt/finetune/lora.py, `lm_head_chunk_size=128`).
  private static var headRows: Int { 128 }

  /// Head and loss on 128 tokens of each sequence after the other (litgpt/utils.py, `chunked_cross_entropy`).
  private func litGPTChunkedLoss(
    _ tape: inout Tape, consuming normed: Tensor, dropping previous: [Tensor]
  ) -> HeadResult {
    tape.enter(.head)
    let lengths = chunkLengths(of: policy.loss == .chunked ? TorchModel.headRows : sequence)
    let chunks = tape.split(normed, lengths.map { [microBatch, $0, spec.hiddenSize] })
    var logits: [Tensor] = []
    for (index, chunk) in chunks.enumerated() {
      let rows = folded(&tape, consuming: chunk, "chunks.\(index).final_norm")
      logits.append(headProduct(&tape, "chunks.\(index).logits", rows))
      tape.drop(rows)
    }
    tape.drop(normed)
    // lightning/fabric/plugins/precision/half.py, bitsandbytes.py and amp.py, `convert_output`: to torch's default
    // format, fp32, while the model's own list is still there (fabric/wrappers.py, `_FabricModule.forward`).
    let converted = logits.enumerated().map { index, chunk in
      tape.cast("chunks.\(index).logits.fp32", chunk, to: .fp32, account: .logits)
    }
    for chunk in logits { tape.drop(chunk) }
    logits = converted
    // The loss is the script's own, outside of the model and so of the root unit.
    tape.leave(unit: tape.sharding.root, logits.last ?? .void)
    for tensor in previous { tape.drop(tensor) }
    tape.enter(.loss)
    guard let last = logits.popLast(), let lastLength = lengths.last else {
      return HeadResult(loss: .void, outputs: [])
    }
    // The last token predicts nothing.
    let shifted = tape.slice(last, [microBatch, max(1, lastLength - 1), spec.vocabularySize])
    tape.drop(last)
    logits.append(shifted)
    let losses = logits.enumerated().map { index, chunk in
      chunkLoss(&tape, index, chunk, isLast: index + 1 == logits.count)
    }
    let joined = tape.concatenate("loss.joined", losses, [losses.reduce(0) { $0 + $1.count }])
    // The gradient of a sum is a view of one number.
    let sum = tape.apply("loss.sum", to: [joined], shape: [1], format: joined.format, rule: Rules.viewing)
    tape.drop(joined)
    let loss = tape.scale("loss", sum)
    tape.drop(sum)
    for loss in losses { tape.drop(loss) }
    return HeadResult(loss: loss, outputs: logits)
  }

  private func chunkLoss(_ tape: inout Tape, _ index: Int, _ logits: Tensor, isLast: Bool) -> Tensor {
    let prefix = "chunks.\(index)."
    let rows = logits.count / spec.vocabularySize
    var flat = logits
    tape.retain(flat)
    if isLast, microBatch > 1 {
      flat = tape.copy(prefix + "logits.flat", logits, [rows, spec.vocabularySize])
      tape.drop(logits)
    }
    let labels = tape.open(prefix + "labels", [microBatch > 1 ? rows : 0], .int64, .batch)
    let loss = crossEntropyRows(&tape, flat, labels: labels, rows: rows, prefix: prefix)
    tape.drop(labels)
    tape.drop(flat)
    return loss
  }
}
