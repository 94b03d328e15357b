import Bookkeeping
import Modeling

// Shape letters here: b sequences, s tokens of one, A heads, KV key/value heads, D width of a head, I intermediate.

extension TorchModel {
  /// One layer; the caller keeps its reference to `input`
  /// (megatron/core/transformer/transformer_layer.py, `TransformerLayer.forward`).
  func megatronLayer(_ tape: inout Tape, _ layer: Int, _ input: Tensor) -> Tensor {
    let norms = weights.layers[layer].norms
    guard let attentionNorm = norms[.attention], let mlpNorm = norms[.mlp] else { return .void }
    tape.enter(.layer(layer, .attentionNorm))
    let normed = megatronNorm(&tape, attentionNorm, input, LayerTensor.attentionNormed.rawValue)
    let attended = megatronAttention(&tape, layer, normed)
    let middle = megatronSum(
      &tape, layer, .output, attended, onto: input, "attention_output_norm",
      tape.prefix + LayerTensor.middle.rawValue, account: .activations)
    // `attention_output_with_bias` and the norm's result are locals of `_forward_attention`.
    tape.drop(attended)
    tape.drop(normed)
    tape.enter(.layer(layer, .mlpNorm))
    let mlpNormed = megatronNorm(&tape, mlpNorm, middle, LayerTensor.mlpNormed.rawValue)
    let network = megatronNetwork(&tape, layer, mlpNormed)
    let output = megatronSum(
      &tape, layer, .down, network, onto: middle, "mlp_output_norm", streamName(after: layer),
      account: streamAccount(after: layer))
    for tensor in [network, mlpNormed, middle] { tape.drop(tensor) }
    return output
  }

  /// Bias, dropout and residual sum in one compiled operation, which keeps the mask; takes over no reference.
  ///
  /// Source: megatron/core/fusions/fused_bias_dropout.py, `_bias_dropout_add_func`. Without dropout or a bias the
  /// gradient passes through.
  private func megatronSum(
    _ tape: inout Tape, _ layer: Int, _ role: Parameter.Linear, _ x: Tensor, onto stream: Tensor, _ maskName: String,
    _ name: String, account: Account
  ) -> Tensor {
    guard let linear = weights.layers[layer].linears[role] else { return .void }
    let bias = linear.bias
    let mask = dropsOut ? tape.open(maskName + ".dropout.mask", x.shape, .bool) : Tensor.void
    let prefix = tape.prefix
    tape.prefix = ""
    let dropsOut = self.dropsOut
    let result = tape.apply(
      name, to: [stream, x] + (bias.map { [$0] } ?? []), shape: x.shape, format: x.format, account: account,
      saving: dropsOut ? [mask] : []
    ) { tape, arriving, edges in
      guard let gradient = arriving[0] else { return edges.map { _ in nil } }
      tape.retain(gradient)
      guard dropsOut else {
        tape.retain(gradient)
        return [gradient, gradient] + edges.dropFirst(2).map { tape.open($0) }
      }
      return [gradient] + edges.dropFirst().map { tape.open($0) }
    }
    tape.prefix = prefix
    tape.drop(mask)
    return result
  }

  // MARK: Feed-forward network

  /// `MLP`: SwiGLU in one operation that keeps gate and up, or GELU that keeps its input and bias.
  ///
  /// Sources: megatron/core/transformer/mlp.py, `MLP.forward`; fusions/fused_bias_swiglu.py, `SwiGLUFunction`;
  /// fusions/fused_bias_gelu.py, `GeLUFunction`.
  private func megatronNetwork(_ tape: inout Tape, _ layer: Int, _ x: Tensor) -> Tensor {
    let isGated = spec.feedForward.isGated
    tape.enter(.layer(layer, .gateUp))
    let first = megatronLinear(&tape, layer, isGated ? .gateUp : .up, x, isGated ? "gate_up" : "up")
    tape.enter(.layer(layer, .activation))
    let shape: Shape = [microBatch, sequence, spec.feedForward.intermediateSize]
    let bias = isGated ? nil : weights.layers[layer].linears[.up]?.bias
    let inputs = [first] + (bias.map { [$0] } ?? [])
    let active = tape.apply(
      isGated ? "product" : "activation", to: inputs, shape: shape, format: x.format, saving: inputs,
      rule: Rules.fresh)
    tape.drop(first)
    tape.enter(.layer(layer, .down))
    let result = megatronLinear(&tape, layer, .down, active, "down")
    tape.drop(active)
    return result
  }

  // MARK: Attention

  /// One projection, split; rotation; attention; output projection.
  ///
  /// Source: megatron/core/transformer/attention.py, `Attention.forward` and
  /// `SelfAttention.get_query_key_value_tensors`.
  private func megatronAttention(_ tape: inout Tape, _ layer: Int, _ x: Tensor) -> Tensor {
    let attention = spec.attention
    func heads(_ count: Int) -> Shape { [microBatch, count, sequence, attention.headDimension] }
    tape.enter(.layer(layer, .projections))
    let all = megatronLinear(&tape, layer, .queryKeyValue, x, "qkv", addsBias: true)
    guard !all.isVoid else { return .void }
    let counts = [attention.heads, attention.keyValueHeads, attention.keyValueHeads]
    let parts = tape.split(all, counts.map(heads))
    var (q, k) = (parts[0], parts[1])
    let v = parts[2]
    if attention.heads != attention.keyValueHeads, attention.keyValueHeads > 1 {
      // Queries of a group lie side by side, beside its keys: `reshape` to heads copies them.
      let copy = tape.copy("q.reshaped", q, q.shape)
      tape.drop(q)
      q = copy
    }
    tape.enter(.layer(layer, .rotary))
    if let tables = weights.rotaryTables {
      q = megatronRotate(&tape, consuming: q, tables, "q.rotated")
      k = megatronRotate(&tape, consuming: k, tables, "k.rotated")
    }
    tape.enter(.layer(layer, .attention))
    let context =
      policy.attention == .eager ? megatronScores(&tape, q, k, v) : megatronKernel(&tape, q, k, v)
    tape.enter(.layer(layer, .output))
    let output = megatronLinear(&tape, layer, .output, context, "attention_output")
    for tensor in [context, v, k, q, all] { tape.drop(tensor) }
    return output
  }

  /// Transformer Engine's kernel: the angles are kept, of the input nothing
  /// (transformer_engine/pytorch/attention/rope.py, `FusedRoPEFunc`).
  private func megatronRotate(
    _ tape: inout Tape, consuming x: Tensor, _ tables: RotaryTables, _ name: String
  ) -> Tensor {
    let result = tape.apply(
      name, to: [x], shape: x.shape, format: x.format, saving: [tables.cosine], rule: Rules.fresh)
    tape.drop(x)
    return result
  }

  /// Transformer Engine's `DotProductAttention`, which makes operands contiguous that lie in memory neither as parts of
  /// one projection nor each by itself; flash-attn asks for [b, s, A, D], which several sequences are copied for.
  ///
  /// Sources: transformer_engine/pytorch/attention/dot_product_attention/utils.py, `get_qkv_layout`; backends.py,
  /// `FlashAttention.forward`.
  private func megatronKernel(_ tape: inout Tape, _ q: Tensor, _ k: Tensor, _ v: Tensor) -> Tensor {
    let transposes = policy.attention == .flash && microBatch > 1
    func arrange(_ tape: inout Tape, _ x: Tensor, _ name: String, copies: Bool) -> Tensor {
      guard copies else {
        tape.retain(x)
        return x
      }
      return tape.copy(name, x, x.shape)
    }
    // Rotated queries and keys are contiguous already, values are not. A copy for flash-attn takes the place of both.
    let isRotated = weights.rotaryTables != nil
    let query = arrange(&tape, q, "q.laid_out", copies: transposes)
    let key = arrange(&tape, k, "k.laid_out", copies: transposes)
    let value = arrange(&tape, v, "v.laid_out", copies: transposes || isRotated)
    let kernel = fused(&tape, query, key, value, bias: nil)
    for tensor in [value, key, query] { tape.drop(tensor) }
    guard transposes else { return kernel }
    let copy = tape.copy("context.rearranged", kernel, kernel.shape)
    tape.drop(kernel)
    return copy
  }

  /// megatron-core's own attention: scores, a softmax that keeps its result and writes the gradient over the one that
  /// arrives, dropout, product.
  ///
  /// Raw scores are a product into a new tensor; the buffer beside it is only named as what is not added. Sources:
  /// megatron/core/transformer/dot_product_attention.py, `DotProductAttention.forward`; fusions/fused_softmax.py,
  /// `ScaledUpperTriangMaskedSoftmax`; apex csrc/megatron/scaled_upper_triang_masked_softmax_cuda.cu, `bwd_cuda`.
  private func megatronScores(_ tape: inout Tape, _ q: Tensor, _ k: Tensor, _ v: Tensor) -> Tensor {
    let attention = spec.attention
    let scores: Shape = [microBatch, attention.heads, sequence, sequence]
    let whole: Shape = [microBatch, attention.heads, sequence, attention.headDimension]
    let isShared = attention.heads != attention.keyValueHeads
    func expand(_ tape: inout Tape, _ x: Tensor, _ name: String) -> Tensor {
      guard isShared else {
        tape.retain(x)
        return x
      }
      // The gradient of `repeat_interleave` is summed over each group.
      return tape.apply(name, to: [x], shape: whole, format: x.format, rule: Rules.fresh)
    }
    let keys = expand(&tape, k, "attention.k.repeated")
    let values = expand(&tape, v, "attention.v.repeated")
    let raw = tape.apply(
      "attention.scores.raw", to: [q, keys], shape: scores, format: q.format, saving: [q, keys], rule: Rules.fresh)
    let softmax = tape.apply(
      "attention.softmax", to: [raw], shape: scores, format: q.format, savesOutput: true, rule: Rules.passing)
    tape.drop(raw)
    var probabilities = softmax
    if dropsOut {
      probabilities = tape.dropout("attention.dropped", maskName: "attention.dropout.mask", softmax)
      tape.drop(softmax)
    }
    let product = tape.apply(
      "attention.product", to: [probabilities, values], shape: whole, format: q.format,
      saving: [probabilities, values], rule: Rules.fresh)
    let context = tape.copy("context", product, [microBatch, sequence, attention.queryWidth])
    for tensor in [product, probabilities, values, keys] { tape.drop(tensor) }
    return context
  }
}
