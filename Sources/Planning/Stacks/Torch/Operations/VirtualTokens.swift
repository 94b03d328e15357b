import Bookkeeping
import Modeling

// Shape letters here: b sequences, s tokens of one, n virtual tokens, H hidden, L layers, k key/value width.

extension TorchModel {
  /// Puts the virtual tokens' embeddings, [b, n, H], before those of the sequence; takes over the reference to `x`.
  ///
  /// They are made in fp32 and cast to the stream's format. Source: peft/peft_model.py,
  /// `PeftModelForCausalLM.forward`, `get_prompt`.
  func prepend(_ tape: inout Tape, _ tokens: VirtualTokens, consuming x: Tensor) -> Tensor {
    let shape: Shape = [microBatch, tokens.count, spec.hiddenSize]
    guard let table = weights.prompts.first else { return x }
    // Locals of the outer forward, alive until the model's returns: mask and labels with the virtual tokens' before.
    tape.cached.append(tape.openNamed("prompt.attention_mask", [microBatch, sequence], .fp32, .batch))
    tape.cached.append(tape.openNamed("prompt.labels", [microBatch, sequence], .int64, .batch))
    var prompts = tape.apply("prompt.embedding", to: [table], shape: shape, format: .fp32, rule: Rules.fresh)
    let layers = weights.prompts.dropFirst()
    for index in 0..<(layers.count / 2) {
      let (weight, bias) = (weights.prompts[1 + 2 * index], weights.prompts[2 + 2 * index])
      let next = product(
        &tape, "prompt.encoder.\(index)", prompts, weight, bias: bias, width: weight.shape.extents.first ?? 0)
      tape.drop(prompts)
      prompts = next
      guard 2 * index + 2 < layers.count else { continue }
      let active = tape.resultKeeping("prompt.encoder.\(index).relu", prompts, format: prompts.format)
      tape.drop(prompts)
      prompts = active
    }
    let cast = tape.cast("prompt.cast", prompts, to: x.format)
    tape.drop(prompts)
    let joined = tape.concatenate(
      streamName(after: -1), [cast, x], hiddenShape, account: streamAccount(after: -1))
    tape.cached.append(cast)
    tape.retain(joined)
    tape.cached.append(joined)
    // A leaf that was asked for its gradient is held by the graph (torch `AccumulateGrad`).
    if x.needsGradient { tape.hold(x, with: joined) }
    tape.drop(x)
    return joined
  }

  /// Keys and values of the virtual tokens, two tensors [b, KV, n, D] a layer in the model's format, copied out of one
  /// table into the cache (transformers cache_utils.py, `DynamicLayer.lazy_initialization`); empty without a prefix.
  func prefixKeys(_ tape: inout Tape) -> [Tensor] {
    guard prefixLength > 0, let table = weights.prompts.first else { return [] }
    let attention = spec.attention
    let shape: Shape = [microBatch, prefixLength, 2 * spec.layerCount * attention.keyValueWidth]
    let part: Shape = [microBatch, attention.keyValueHeads, prefixLength, attention.headDimension]
    let whole = tape.apply("prefix.embedding", to: [table], shape: shape, format: .fp32, rule: Rules.fresh)
    let cast = tape.cast("prefix", whole, to: policy.weightFormat)
    tape.drop(whole)
    let copies = (0..<(2 * spec.layerCount)).map { index in
      let slice = tape.slice(cast, part)
      let copy = tape.copy("prefix.\(index)", slice, part)
      tape.drop(slice)
      return copy
    }
    tape.drop(cast)
    return copies
  }

  /// A layer's keys or values with the prefix before them, which the cache then holds to the end of the forward pass
  /// (transformers cache_utils.py, `DynamicLayer.update`).
  ///
  /// Takes over both references.
  func prefixed(_ tape: inout Tape, _ prefix: Tensor?, consuming x: Tensor, _ name: String) -> Tensor {
    guard let prefix else { return x }
    let joined = tape.concatenate(
      name, [prefix, x],
      [microBatch, spec.attention.keyValueHeads, keyLength, spec.attention.headDimension])
    tape.drop(prefix)
    tape.drop(x)
    tape.retain(joined)
    tape.cached.append(joined)
    return joined
  }
}
