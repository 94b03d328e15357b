import Bookkeeping
import Modeling

// Shape letters here: T tokens, H hidden, V vocabulary.

extension TorchModel {
  /// Liger's fused head: chunks of logits whose gradients replace them at once; all gradients are made in the forward
  /// pass and only handed out in the backward pass.
  ///
  /// A chunk has next_power_of_2(⌈T / ⌈V / H⌉⌉) rows. Where hidden states, head and autocast agree in format one buffer
  /// takes every chunk; otherwise each product casts the head anew. Source: liger_kernel/ops/
  /// fused_linear_cross_entropy.py, `fused_linear_cross_entropy_forward`; transformers/model/loss_utils.py,
  /// `LigerForCausalLMLoss`. Takes over the reference to `hidden`.
  func ligerLoss(_ tape: inout Tape, _ hidden: Tensor) -> HeadResult {
    tape.enter(.head)
    let head = weights.head
    let width = spec.hiddenSize
    let chunks = (spec.vocabularySize + width - 1) / width
    let rows = min(TorchModel.nextPowerOfTwo((tokens + chunks - 1) / chunks), tokens)
    let compute = policy.autocast ?? hidden.format
    let labels = tape.openNamed(TensorName.labels + ".shifted", [microBatch, sequence + 1], .int64, .batch)
    let target = tape.openNamed(TensorName.labels + ".target", [tokens], .int64, .batch)
    tape.drop(labels)
    let states = tape.open("liger_head.hidden.grad", [tokens, width], hidden.format, .logits)
    let weight =
      head.needsGradient ? tape.open("liger_head.weight.grad", head.shape, head.format, .gradients) : Tensor.void
    let losses = tape.open("liger_head.losses", [tokens], .fp32, .logits)
    let mask = tape.open("liger_head.labeled", [tokens], .bool, .logits)
    let isShared = hidden.format == head.format && hidden.format == compute
    let logits: Shape = [rows, spec.vocabularySize]
    let buffer = isShared ? tape.open("liger_head.chunk", logits, hidden.format, .logits) : Tensor.void
    if !isShared { ligerChunk(&tape, logits, hidden.format, compute) }
    tape.drop(buffer)
    var saving = [states]
    if !weight.isVoid { saving.append(weight) }
    tape.enter(.loss)
    let loss = tape.open("loss", [1], .fp32)
    let results = tape.applyFunction(to: [hidden, head], making: [loss], saving: saving) { tape, _, edges in
      edges.indices.map { edges[$0].isNeeded ? tape.overwrite($0, as: edges[$0]) : nil }
    }
    for tensor in [mask, losses, weight, states, target, hidden] { tape.drop(tensor) }
    return HeadResult(loss: results[0], outputs: [])
  }

  /// One chunk outside the shared buffer: operands cast for the product, logits, the same for the states' gradient.
  private func ligerChunk(_ tape: inout Tape, _ logits: Shape, _ format: ScalarFormat, _ compute: ScalarFormat) {
    let head = weights.head
    func castHead(_ tape: inout Tape) -> Tensor {
      head.format == compute ? .void : tape.open("liger_head.weight.cast", head.shape, compute, .workspace)
    }
    let rows: Shape = [logits.extents[0], spec.hiddenSize]
    let forward = castHead(&tape)
    let states = format == compute ? Tensor.void : tape.open("liger_head.hidden.cast", rows, compute, .workspace)
    let chunk = tape.open("liger_head.chunk", logits, compute, .logits)
    tape.drop(states)
    tape.drop(forward)
    let backward = castHead(&tape)
    let gradient = tape.open("liger_head.chunk.flow", rows, compute, .logits)
    tape.drop(backward)
    tape.drop(gradient)
    tape.drop(chunk)
  }

  static func nextPowerOfTwo(_ number: Int) -> Int {
    var power = 1
    while power < number { power *= 2 }
    return power
  }
}
