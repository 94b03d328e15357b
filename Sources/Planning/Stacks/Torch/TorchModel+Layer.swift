import Bookkeeping
import Modeling

// Shape letters here: b sequences, s tokens of one, A heads, KV key/value heads, D width of a head.

extension TorchModel {
  /// One decoder layer; the caller keeps its reference to `input`.
  func layer(
    _ tape: inout Tape, _ layer: Int, _ input: Tensor, _ tables: RotaryTables?, _ mask: Tensor?, _ prefix: [Tensor]
  ) -> Tensor {
    let norms = weights.layers[layer].norms
    guard let attentionNorm = norms[.attention] else { return .void }
    tape.enter(.layer(layer, .attentionNorm))
    let normed = norm(&tape, attentionNorm, input, LayerTensor.attentionNormed.rawValue)
    let (attended, probabilities) = attention(&tape, layer, normed, tables, mask, prefix)
    if spec.normalization.isParallel {
      return parallel(&tape, layer, input, normed: normed, attended: attended, probabilities)
    }
    tape.drop(normed)
    let middle = residual(
      &tape, layer, norms[.attentionOutput], consuming: attended, onto: input, "attention_output_norm",
      name: tape.prefix + LayerTensor.middle.rawValue, account: .activations)
    guard let mlpNorm = norms[.mlp] else { return .void }
    tape.enter(.layer(layer, .mlpNorm))
    let mlpNormed = norm(&tape, mlpNorm, middle, LayerTensor.mlpNormed.rawValue)
    let network =
      spec.feedForward.experts == nil
      ? feedForward(&tape, layer, mlpNormed) : mixture(&tape, layer, mlpNormed)
    tape.drop(mlpNormed)
    let output = residual(
      &tape, layer, norms[.mlpOutput], consuming: network, onto: middle, "mlp_output_norm",
      name: streamName(after: layer), account: streamAccount(after: layer))
    tape.drop(middle)
    tape.drop(probabilities)
    return output
  }

  /// `residual + norm(x)`, the norm and a dropout where a family has them; takes over the reference to `x`.
  private func residual(
    _ tape: inout Tape, _ layer: Int, _ outputNorm: TorchWeights.Norm?, consuming x: Tensor, onto stream: Tensor,
    _ normName: String, name: String, account: Account
  ) -> Tensor {
    var addend = x
    if let outputNorm {
      addend = norm(&tape, outputNorm, x, normName)
      tape.drop(x)
    }
    if dropsOut {
      let dropped = tape.dropout(normName + ".dropout", maskName: normName + ".dropout.mask", addend)
      tape.drop(addend)
      addend = dropped
    }
    let prefix = tape.prefix
    tape.prefix = ""
    let sum = tape.add(name, stream, addend, account: account)
    tape.prefix = prefix
    tape.drop(addend)
    return sum
  }

  /// Attention and feed-forward side by side on one input (models/gpt_neox/modeling_gpt_neox.py, `GPTNeoXLayer.forward`;
  /// models/phi/modeling_phi.py, `PhiDecoderLayer.forward`, whose branches share a norm).
  private func parallel(
    _ tape: inout Tape, _ layer: Int, _ input: Tensor, normed: Tensor, attended: Tensor, _ probabilities: Tensor
  ) -> Tensor {
    var branchInput = normed
    if let mlpNorm = weights.layers[layer].norms[.mlp] {
      tape.drop(normed)
      tape.enter(.layer(layer, .mlpNorm))
      branchInput = norm(&tape, mlpNorm, input, LayerTensor.mlpNormed.rawValue)
    }
    let network = feedForward(&tape, layer, branchInput)
    tape.drop(branchInput)
    let branches = tape.add("branches", network, attended)
    let prefix = tape.prefix
    tape.prefix = ""
    let output = tape.add(streamName(after: layer), branches, input, account: streamAccount(after: layer))
    tape.prefix = prefix
    tape.drop(branches)
    tape.drop(network)
    tape.drop(attended)
    tape.drop(probabilities)
    return output
  }

  // MARK: Attention

  /// Projections, rotary embedding, attention, output projection (models/llama/modeling_llama.py,
  /// `LlamaAttention.forward`).
  private func attention(
    _ tape: inout Tape, _ layer: Int, _ x: Tensor, _ tables: RotaryTables?, _ mask: Tensor?, _ prefix: [Tensor]
  ) -> (Tensor, Tensor) {
    tape.enter(.layer(layer, .projections))
    var (q, k, v) = projections(&tape, layer, x)
    tape.enter(.layer(layer, .rotary))
    if let tables, rotatesInPlace {
      (q, k) = rotateInPlace(&tape, consuming: q, k, tables)
    } else if let tables {
      // `apply_rotary_pos_emb` returns both; the old names are bound anew only then.
      let rotatedQ = rotate(&tape, q, heads: spec.attention.heads, tables, "q.rotated")
      let rotatedK = rotate(&tape, k, heads: spec.attention.keyValueHeads, tables, "k.rotated")
      tape.drop(q)
      tape.drop(k)
      (q, k) = (rotatedQ, rotatedK)
    }
    if policy.keepsKeysAndValues {
      for tensor in [k, v] {
        tape.retain(tensor)
        tape.cachedKeysAndValues.append(tensor)
      }
    }
    tape.enter(.layer(layer, .attention))
    if prefix.count > 2 * layer + 1 {
      k = prefixed(&tape, prefix[2 * layer], consuming: k, "k.prefixed")
      v = prefixed(&tape, prefix[2 * layer + 1], consuming: v, "v.prefixed")
    }
    let (context, probabilities) = attend(&tape, q, k, v, mask)
    tape.enter(.layer(layer, .output))
    let output =
      fusesAdapters(layer, [.output], context)
      ? fusedOutput(&tape, layer, context, "attention_output")
      : linear(&tape, layer, .output, context, "attention_output")
    for tensor in [context, q, k, v] { tape.drop(tensor) }
    return (output, probabilities)
  }

  private func projections(_ tape: inout Tape, _ layer: Int, _ x: Tensor) -> (Tensor, Tensor, Tensor) {
    let attention = spec.attention
    func heads(_ count: Int) -> Shape { [microBatch, count, sequence, attention.headDimension] }
    if attention.fusesProjections {
      let all = linear(&tape, layer, .queryKeyValue, x, "qkv")
      guard !all.isVoid else { return (.void, .void, .void) }
      let parts = tape.split(
        all, [heads(attention.heads), heads(attention.keyValueHeads), heads(attention.keyValueHeads)])
      tape.drop(all)
      return (parts[0], parts[1], parts[2])
    }
    let norms = weights.layers[layer].norms
    let fused =
      fusesAdapters(layer, [.query, .key, .value], x)
      ? fusedProjections(&tape, layer, [.query, .key, .value], x, ["q", "k", "v"]) : []
    func project(_ tape: inout Tape, _ role: Parameter.Linear, _ name: String, _ count: Int, _ place: Parameter.Norm?)
      -> Tensor
    {
      let order: [Parameter.Linear] = [.query, .key, .value]
      let flat =
        fused.isEmpty
        ? linear(&tape, layer, role, x, name) : order.firstIndex(of: role).map { fused[$0] } ?? .void
      // Behind a rotary embedding or eager attention the gradient comes back laid out head by head: `view` copies it.
      // Kernels that rotate in place give it back as they got it.
      let isRearranged =
        policy.attention == .eager || (role != .value && rotatedWidth != nil && !rotatesInPlace)
      let plain = isRearranged ? tape.slice(flat, heads(count)) : tape.reshape(flat, heads(count))
      tape.drop(flat)
      guard let place, let headNorm = norms[place] else { return plain }
      let normed = norm(&tape, headNorm, plain, place == .query ? "query_norm.normed" : "key_norm.normed")
      tape.drop(plain)
      return normed
    }
    let q = project(&tape, .query, "q", attention.heads, .query)
    let k = project(&tape, .key, "k", attention.keyValueHeads, .key)
    let v = project(&tape, .value, "v", attention.keyValueHeads, nil)
    return (q, k, v)
  }
}
