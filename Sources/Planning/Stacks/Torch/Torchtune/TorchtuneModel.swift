import Bookkeeping
import Modeling

// Shape letters here: b sequences, s tokens of one, V vocabulary.

extension TorchModel {
  /// The forward pass of torchtune's `TransformerDecoder`, and the loss of its recipes.
  ///
  /// Sources: torchtune modules/transformer.py, `TransformerDecoder.forward`, `unembed`;
  /// recipes/full_finetune_single_device.py, `_loss_step`.
  func torchtuneForward(_ tape: inout Tape) -> HeadResult {
    tape.prefix = ""
    tape.enter(.embedding)
    tape.enter(unit: tape.sharding.root, .void)
    let previous = openPreviousOutputs(&tape, .fp32)
    var hidden = lookUp(&tape, streamName(after: -1), weights.embedding, streamAccount(after: -1))
    for layer in 0..<spec.layerCount {
      hidden = runLayer(&tape, layer, consuming: hidden) { tape, input in
        self.torchtuneLayer(&tape, layer, input)
      }
    }
    tape.enter(.finalNorm)
    guard let finalNorm = weights.finalNorm else { return HeadResult(loss: .void, outputs: []) }
    let normed = torchtuneNorm(&tape, finalNorm, hidden, "final_norm")
    switch policy.loss {
    case .chunked: return torchtuneChunkedLoss(&tape, normed, consuming: hidden, dropping: previous)
    case .full, .fused: return torchtuneFullLoss(&tape, normed, consuming: hidden, dropping: previous)
    }
  }

  /// One layer, under gradient checkpointing if the recipe says so; takes over the reference to its input.
  func runLayer(
    _ tape: inout Tape, _ layer: Int, consuming input: Tensor,
    _ forward: @escaping (_ tape: inout Tape, _ input: Tensor) -> Tensor
  ) -> Tensor {
    let run: (inout Tape, Tensor) -> Tensor = { tape, input in
      tape.prefix = "layers.\(layer)."
      return forward(&tape, input)
    }
    let output = inUnit(&tape, layer, input) { tape, input in
      policy.usesGradientCheckpointing
        ? tape.checkpoint(layer: layer, input, context: [], run) : run(&tape, input)
    }
    tape.prefix = ""
    tape.drop(input)
    return output
  }

  /// The logits of the micro-batch before, which a loop's variable holds until the new ones take its place.
  func openPreviousOutputs(_ tape: inout Tape, _ format: ScalarFormat) -> Tensor {
    guard policy.choices.keepsPreviousOutputs else { return .void }
    // Logits that are shifted and copied lose a row of each sequence.
    let rows = policy.choices.copiesShiftedLogits ? max(1, sequence - 1) : sequence
    return tape.openNamed(
      TensorName.logits + ".previous", [microBatch, rows, spec.vocabularySize], format, .logits)
  }

  /// Head and loss on one eighth of each sequence after the other; the logits' list is let go before backward.
  ///
  /// Sources: modules/transformer.py, `chunked_output`; modules/loss/ce_chunked_output_loss.py,
  /// `CEWithChunkedOutputLoss`.
  private func torchtuneChunkedLoss(
    _ tape: inout Tape, _ normed: Tensor, consuming hidden: Tensor, dropping previous: Tensor
  ) -> HeadResult {
    tape.enter(.head)
    let lengths = chunkLengths(of: (sequence + 7) / 8)
    let chunks = tape.split(normed, lengths.map { [microBatch, $0, spec.hiddenSize] })
    var logits: [Tensor] = []
    for (index, chunk) in chunks.enumerated() {
      let rows = folded(&tape, consuming: chunk, "chunks.\(index).final_norm")
      logits.append(headProduct(&tape, "chunks.\(index).logits", rows))
      tape.drop(rows)
    }
    tape.drop(normed)
    tape.drop(hidden)
    tape.leave(unit: tape.sharding.root, logits.last ?? .void)
    tape.drop(previous)
    tape.enter(.loss)
    let labels = tape.open(TensorName.labels + ".shifted", [microBatch, sequence], .int64, .batch)
    var total = Tensor.void
    for (index, chunk) in logits.enumerated() {
      let prefix = "chunks.\(index)."
      let whole = tape.cast(prefix + "logits.fp32", chunk, to: .fp32, account: .logits)
      let targets =
        microBatch == 1
        ? labels : tape.open(prefix + "labels", [microBatch * lengths[index]], .int64, .batch)
      let loss = crossEntropyRows(&tape, whole, labels: targets, rows: 1, prefix: prefix)
      if microBatch > 1 { tape.drop(targets) }
      tape.drop(whole)
      guard !total.isVoid else {
        total = loss
        continue
      }
      let sum = tape.add(prefix + "sum", total, loss)
      tape.drop(loss)
      tape.drop(total)
      total = sum
    }
    tape.drop(labels)
    for chunk in logits { tape.drop(chunk) }
    return HeadResult(loss: total, outputs: [])
  }

  /// All logits in fp32; in 2024 copied without each sequence's last row, and transposed for the loss, which torch lays
  /// out anew (aten/native/cuda/SoftMax.cu, `host_softmax`: `input_.contiguous()`).
  private func torchtuneFullLoss(
    _ tape: inout Tape, _ normed: Tensor, consuming hidden: Tensor, dropping previous: Tensor
  ) -> HeadResult {
    tape.enter(.head)
    let plain = headProduct(&tape, TensorName.logits, normed)
    var logits = tape.cast(TensorName.logits + ".fp32", plain, to: .fp32, account: .logits)
    tape.drop(plain)
    tape.drop(normed)
    tape.drop(hidden)
    tape.leave(unit: tape.sharding.root, logits)
    tape.drop(previous)
    tape.enter(.loss)
    guard policy.choices.copiesShiftedLogits else {
      let labels = tape.open(TensorName.labels + ".shifted", [microBatch, sequence], .int64, .batch)
      let loss = crossEntropyRows(&tape, logits, labels: labels, rows: 1, prefix: "")
      tape.drop(labels)
      tape.drop(logits)
      return HeadResult(loss: loss, outputs: [])
    }
    let rows: Shape = [microBatch, max(1, sequence - 1), spec.vocabularySize]
    let view = tape.slice(logits, rows)
    if microBatch > 1 {
      let copy = tape.apply(
        TensorName.logits + ".shifted", to: [view], shape: rows, format: .fp32, account: .logits, rule: Rules.passing)
      tape.drop(view)
      tape.drop(logits)
      logits = copy
    } else {
      tape.drop(logits)
      logits = view
    }
    let labels = tape.open(TensorName.labels + ".shifted", [microBatch, max(1, sequence - 1)], .int64, .batch)
    let columns = tape.copy(TensorName.logits + ".transposed", logits, rows)
    let loss = crossEntropyRows(&tape, columns, labels: labels, rows: 1, prefix: "")
    tape.drop(columns)
    tape.drop(labels)
    return HeadResult(loss: loss, outputs: [logits])
  }

  /// The head, quantized or not, without a change of names.
  func headProduct(_ tape: inout Tape, _ name: String, _ x: Tensor) -> Tensor {
    guard let head = weights.quantizedHead else {
      return product(
        &tape, name, x, weights.head, bias: weights.headBias, width: spec.vocabularySize, account: .logits)
    }
    return baseProduct(&tape, head, x, name)
  }
}
