import Bookkeeping
import Modeling

// Shape letters here: b sequences, s tokens of one, T = b·s, N tokens with a label, H hidden, V vocabulary.

/// What a head leaves behind: the loss, and what lives as long as the model's output does.
struct HeadResult {
  let loss: Tensor
  let outputs: [Tensor]
}

extension TorchModel {
  /// Head and loss; takes over the reference to `hidden`, the output of the final norm.
  func headAndLoss(_ tape: inout Tape, _ hidden: Tensor) -> HeadResult {
    switch policy.loss {
    case .full: fullLoss(&tape, hidden)
    case .chunked: chunkedLoss(&tape, hidden)
    case .fused: fusedLoss(&tape, hidden)
    }
  }

  /// All logits, an fp32 copy, log-softmax of it.
  ///
  /// Sources: transformers loss/loss_utils.py, `ForCausalLMLoss`; torch `cross_entropy_loss` (log_softmax keeps its
  /// result, nll_loss its input, which is the same storage); accelerate utils/operations.py, `ConvertOutputsToFp32`,
  /// which makes the output's logits fp32 under mixed precision.
  private func fullLoss(_ tape: inout Tape, _ hidden: Tensor) -> HeadResult {
    tape.enter(.head)
    var logits =
      policy.tensorParallelSize > 1
      ? gatheredLogits(&tape, hidden)
      : product(
        &tape, TensorName.logits, hidden, weights.head, bias: weights.headBias, width: spec.vocabularySize,
        account: .logits)
    if spec.finalLogitSoftcap != nil {
      for step in ["divided", "tanh", "capped"] {
        let name = TensorName.logits + "." + step
        let next = logitsStep(&tape, name, logits, keepsResult: step == "tanh")
        tape.drop(logits)
        logits = next
      }
    }
    if policy.choices.returnsCastLogits, castsLogits {
      let whole = tape.cast(TensorName.logits + ".fp32", logits, to: .fp32, account: .logits)
      tape.drop(logits)
      logits = whole
    }
    tape.enter(.loss)
    let loss = crossEntropy(&tape, logits, tokens: tokens, prefix: "")
    tape.drop(hidden)
    guard policy.autocast != nil, policy.choices.convertsOutputs, logits.format != .fp32 else {
      return HeadResult(loss: loss, outputs: [logits])
    }
    let converted = tape.openNamed(TensorName.logits + ".output.fp32", logits.shape, .fp32, .logits)
    tape.drop(logits)
    return HeadResult(loss: loss, outputs: [converted])
  }

  /// Whether logits become fp32 before the loss: Qwen's first generation leaves them as they are (modeling_qwen.py of
  /// its checkpoints, `QWenLMHeadModel.forward`).
  private var castsLogits: Bool { policy.choices.castsLogits && spec.architecture != .qwen }

  private func logitsStep(_ tape: inout Tape, _ name: String, _ x: Tensor, keepsResult: Bool) -> Tensor {
    tape.apply(
      name, to: [x], shape: x.shape, format: x.format, account: .logits, savesOutput: keepsResult, rule: Rules.fresh)
  }

  /// `F.cross_entropy(logits.float(), labels)`, or the kernel that stands in for it.
  private func crossEntropy(_ tape: inout Tape, _ logits: Tensor, tokens: Int, prefix: String) -> Tensor {
    let upcast = tape.cast(
      prefix + TensorName.logits + ".fp32", logits, to: castsLogits ? .fp32 : logits.format, account: .logits)
    // `logits` stays bound until the loss is made, beside what is shifted.
    defer { tape.drop(upcast) }
    let whole: Tensor
    if tokens == self.tokens, policy.choices.copiesShiftedLogits {
      whole = shiftedLogits(&tape, upcast)
    } else {
      tape.retain(upcast)
      whole = upcast
    }
    guard policy.choices.crossEntropy == .composed else { return fusedCrossEntropy(&tape, consuming: whole, prefix) }
    let labels = shiftedLabels(&tape, tokens: tokens, prefix)
    // What the model leaves in a half format, autocast runs log-softmax on in fp32.
    let format: ScalarFormat = policy.autocast == nil ? whole.format : .fp32
    let input = tape.cast(prefix + TensorName.logits + ".fp32", whole, to: format, account: .logits)
    let weight = tape.open(prefix + "loss.weight", [1], format)
    let logProbabilities = tape.apply(
      prefix + "log_probabilities", to: [input], shape: whole.shape, format: format, account: .logits,
      savesOutput: true, rule: Rules.fresh)
    tape.drop(input)
    let loss = tape.apply(
      prefix + "loss", to: [logProbabilities], shape: [1], format: format, saving: [logProbabilities, labels, weight],
      rule: Rules.fresh)
    tape.drop(weight)
    tape.drop(logProbabilities)
    tape.drop(labels)
    tape.drop(whole)
    return loss
  }

  /// Labels as the loss reads them: padded by one and shifted, or, beside shifted logits, without each sequence's first.
  ///
  /// Of one sequence either is a view: of the padded labels, or of the batch's own.
  private func shiftedLabels(_ tape: inout Tape, tokens: Int, _ prefix: String) -> Tensor {
    let name = prefix + TensorName.labels + ".shifted"
    guard tokens == self.tokens, policy.choices.copiesShiftedLogits else {
      return tape.open(name, microBatch == 1 ? [1, tokens + 1] : [tokens], .int64, .batch)
    }
    guard microBatch > 1 else { return .void }
    return tape.open(name, [microBatch * max(1, sequence - 1)], .int64, .batch)
  }

  /// `logits[..., :-1, :].contiguous()`: a view where there is one sequence, a copy of several; backward fills a tensor
  /// of all rows.
  private func shiftedLogits(_ tape: inout Tape, _ logits: Tensor) -> Tensor {
    let shape: Shape = [microBatch, max(1, sequence - 1), logits.shape.extents.last ?? 1]
    let view = tape.slice(logits, shape)
    guard microBatch > 1 else { return view }
    let copy = tape.apply(
      TensorName.logits + ".shifted", to: [view], shape: shape, format: logits.format, account: .logits,
      rule: Rules.passing)
    tape.drop(view)
    return copy
  }

  /// All logits in the compute format, cross-entropy of one eighth of the tokens after the other.
  ///
  /// Source: torchtune modules/loss/ce_chunked_output_loss.py, `CEWithChunkedOutputLoss`, eight chunks: what a user of
  /// either stack passes in as a loss of their own.
  private func chunkedLoss(_ tape: inout Tape, _ hidden: Tensor) -> HeadResult {
    tape.enter(.head)
    let logits = product(
      &tape, TensorName.logits, hidden, weights.head, bias: weights.headBias, width: spec.vocabularySize,
      account: .logits)
    tape.drop(hidden)
    tape.enter(.loss)
    let chunkCount = min(8, tokens)
    let sizes = (0..<chunkCount).map { (tokens + $0) / chunkCount }
    let parts = tape.split(logits, sizes.map { [$0, spec.vocabularySize] })
    var total = Tensor.void
    for (index, (part, size)) in zip(parts, sizes).enumerated() {
      let loss = crossEntropy(&tape, part, tokens: size, prefix: "chunks.\(index).")
      if total.isVoid {
        total = loss
      } else {
        let sum = tape.add("chunks.\(index).sum", total, loss)
        tape.drop(total)
        tape.drop(loss)
        total = sum
      }
    }
    for part in parts { tape.drop(part) }
    return HeadResult(loss: total, outputs: [logits])
  }
}
