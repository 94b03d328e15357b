import Bookkeeping
import Modeling

// Shape letters here: b sequences, s tokens of one, A heads, KV key/value heads, D width of a head.

extension TorchModel {
  /// Attention by the recipe's implementation: [b, A, s, D] queries and [b, KV, s, D] keys and values to [b, s, A·D].
  ///
  /// - Returns: the context, and the probabilities that the eager implementation returns beside it.
  func attend(_ tape: inout Tape, _ q: Tensor, _ k: Tensor, _ v: Tensor, _ mask: Tensor?) -> (Tensor, Tensor) {
    switch policy.attention {
    case .sdpa where policy.choices.sharedHeads != .grouped:
      (repeatedHeads(&tape, q, k, v, mask), .void)
    case .sdpa where mask == nil && policy.lacksFusedAttention(spec, operands: q.format):
      (unfusedAttention(&tape, q, k, v), .void)
    case .sdpa, .flash: (rearranged(&tape, masked(&tape, q, k, v, mask)), .void)
    case .eager: eager(&tape, q, k, v, mask)
    }
  }

  /// The context token by token.
  ///
  /// Kernels answer in the layout of their queries, so that those which came out of a
  /// concatenation cost a copy (`attn_output.transpose(1, 2).contiguous()`). Takes over the reference.
  private func rearranged(_ tape: inout Tape, _ context: Tensor) -> Tensor {
    guard rotationConcatenates else { return context }
    let copy = tape.copy("context.rearranged", context, context.shape)
    tape.drop(context)
    return copy
  }

  /// torch's fused attention as Transformers 4 calls it: a copy of keys and values for every query head, and, from 4.48
  /// on, all operands laid out head by head, which costs the result a copy too (integrations/sdpa_attention.py,
  /// `sdpa_attention_forward`; models/llama/modeling_llama.py of 4.45, `LlamaSdpaAttention.forward`).
  private func repeatedHeads(
    _ tape: inout Tape, _ q: Tensor, _ k: Tensor, _ v: Tensor, _ mask: Tensor?
  ) -> Tensor {
    let isShared = spec.attention.heads != spec.attention.keyValueHeads
    let isContiguous = policy.choices.sharedHeads == .contiguous || mask != nil
    func prepare(_ tape: inout Tape, _ x: Tensor, _ name: String, copies: Bool) -> Tensor {
      guard copies else {
        tape.retain(x)
        return x
      }
      let length = x.storage == q.storage ? sequence : keyLength
      return tape.copy(name, x, [microBatch, spec.attention.heads, length, spec.attention.headDimension])
    }
    let query = prepare(&tape, q, "attention.q.contiguous", copies: isContiguous)
    let keys = prepare(&tape, k, "attention.k.repeated", copies: isShared || isContiguous)
    let values = prepare(&tape, v, "attention.v.repeated", copies: isShared || isContiguous)
    let bias = mask.map { tape.open("attention.mask", $0.shape, policy.autocast ?? q.format, .batch) }
    let context = fused(&tape, query, keys, values, bias: bias)
    if let bias { tape.drop(bias) }
    for tensor in [values, keys, query] { tape.drop(tensor) }
    guard isContiguous || rotationConcatenates else { return context }
    let copy = tape.copy("context.rearranged", context, context.shape)
    tape.drop(context)
    return copy
  }

  /// Fused attention under an explicit mask: keys and values are repeated for every query head, and each call makes
  /// numbers of the mask's truth values, which its backward reads (transformers integrations/sdpa_attention.py,
  /// `use_gqa_in_sdpa`; torch aten/native/transformers/attention.cpp, `convert_boolean_attn_mask`).
  private func masked(_ tape: inout Tape, _ q: Tensor, _ k: Tensor, _ v: Tensor, _ mask: Tensor?) -> Tensor {
    guard let mask else { return fused(&tape, q, k, v, bias: nil) }
    let heads: Shape = [microBatch, spec.attention.heads, keyLength, spec.attention.headDimension]
    let isShared = spec.attention.heads != spec.attention.keyValueHeads
    let keys = isShared ? tape.copy("attention.k.repeated", k, heads) : k
    let values = isShared ? tape.copy("attention.v.repeated", v, heads) : v
    let bias = tape.open("attention.mask", mask.shape, policy.autocast ?? q.format, .batch)
    let context = fused(&tape, q, keys, values, bias: bias)
    tape.drop(bias)
    if isShared {
      tape.drop(values)
      tape.drop(keys)
    }
    return context
  }

  /// Flash attention: keeps queries, keys, values, result and logsumexp; grouped keys and values are not repeated.
  ///
  /// Autocast casts fp32 operands first. Backward makes the three gradients, then borrows softmax_d and dq_accum in
  /// fp32, and gradients of keys and values for every query head where heads share them. Sources: torch
  /// derivatives.yaml, `_scaled_dot_product_flash_attention`; aten/native/transformers/cuda/flash_attn/flash_api.cpp,
  /// `mha_fwd` and `mha_bwd`; transformers integrations/sdpa_attention.py, `use_gqa_in_sdpa`.
  func fused(_ tape: inout Tape, _ q: Tensor, _ k: Tensor, _ v: Tensor, bias: Tensor?) -> Tensor {
    let attention = spec.attention
    let name = "attention"
    let query = castInput(&tape, name + ".q", q)
    let key = castInput(&tape, name + ".k", k)
    let value = castInput(&tape, name + ".v", v)
    let (sequences, length, format) = (microBatch, sequence, query.format)
    let rowsRounded = (length + 127) / 128 * 128
    let grain = attention.headDimension <= 128 ? 32 : 64
    let widthRounded = (attention.headDimension + grain - 1) / grain * grain
    let borrows = policy.countsAttentionWorkspace && format != .fp32
    // The result is opened before logsumexp in the kernel; the graph's tensor is made of it afterwards.
    let needsGradient = query.needsGradient || key.needsGradient || value.needsGradient
    var saved: [Node.Saved] = []
    let context = tape.open("context", [sequences, length, attention.queryWidth], format)
    let logsumexp = tape.open("logsumexp", [sequences, attention.heads, length], .fp32)
    var result = context
    if needsGradient, !tape.isStopped {
      for tensor in [query, key, value, context, logsumexp] + (bias.map { [$0] } ?? []) where !tape.isStopped {
        tape.save(tensor, into: &saved)
      }
    }
    if needsGradient, !tape.isStopped {
      result.source = tape.record([query, key, value], saved: saved, outputs: 1) { tape, _, edges in
        let gradients = edges.map { $0.isNeeded ? tape.open($0) : nil }
        guard borrows else { return gradients }
        var buffers = [
          tape.openFlow(edges[0], [sequences, attention.heads, rowsRounded], .fp32),
          tape.openFlow(edges[0], [sequences, rowsRounded, attention.heads, widthRounded], .fp32),
        ]
        if key.count != query.count, bias == nil {
          for edge in edges.dropFirst() {
            buffers.append(tape.openFlow(edge, [sequences, length, attention.queryWidth], format))
          }
        }
        for buffer in buffers { tape.drop(buffer) }
        return gradients
      }
    }
    tape.drop(logsumexp)
    tape.drop(value)
    tape.drop(key)
    tape.drop(query)
    return result
  }

  /// Attention in Python: scores, fp32 softmax, product (models/llama/modeling_llama.py, `eager_attention_forward`).
  private func eager(
    _ tape: inout Tape, _ q: Tensor, _ k: Tensor, _ v: Tensor, _ mask: Tensor?
  ) -> (Tensor, Tensor) {
    let attention = spec.attention
    let name = "attention"
    let scoresShape: Shape = [microBatch, attention.heads, sequence, keyLength]
    let headsShape: Shape = [microBatch, attention.heads, sequence, attention.headDimension]
    let keysShape: Shape = [microBatch, attention.heads, keyLength, attention.headDimension]
    let isShared = attention.heads != attention.keyValueHeads
    func expand(_ tape: inout Tape, _ x: Tensor, _ suffix: String) -> Tensor {
      if isShared { return tape.copy(name + suffix, x, keysShape) }
      tape.retain(x)
      return x
    }
    let keys = expand(&tape, k, ".k.repeated")
    let values = expand(&tape, v, ".v.repeated")
    let raw = batchedProduct(
      &tape, name + ".scores.raw", q, keys, scoresShape, copiesLeft: true, copiesRight: !isShared)
    var scores = tape.scale(name + ".scores", raw)
    tape.drop(raw)
    if attention.logitSoftcap != nil {
      // Division, tanh, multiplication, each a tensor (models/gemma2/modeling_gemma2.py).
      for step in ["divided", "tanh", "capped"] {
        let next =
          step == "tanh"
          ? tape.resultKeeping(name + ".scores.tanh", scores, format: scores.format)
          : tape.scale(name + ".scores." + step, scores)
        tape.drop(scores)
        scores = next
      }
    }
    if let mask {
      let masked = tape.add(name + ".scores.masked", scores, mask)
      tape.drop(scores)
      scores = masked
    }
    let softmax = wholeSoftmax(&tape, name + ".softmax", scores)
    let probabilities = tape.cast(name + ".probabilities", softmax, to: q.format)
    tape.drop(softmax)
    tape.drop(scores)
    let product = batchedProduct(
      &tape, name + ".product", probabilities, values, headsShape, copiesLeft: false, copiesRight: !isShared)
    let context = tape.copy("context", product, [microBatch, sequence, attention.queryWidth])
    tape.drop(product)
    tape.drop(values)
    tape.drop(keys)
    return (context, probabilities)
  }

  /// `F.softmax(scores, dtype=float32)`: fp16 scores are read as they are, bf16 ones are copied first; CUDA's backward
  /// multiplies gradient and result into a buffer (torch aten/native/SoftMax.cpp, `softmax`; cuda/SoftMax.cu,
  /// `softmax_backward_cuda_out`).
  private func wholeSoftmax(_ tape: inout Tape, _ name: String, _ scores: Tensor) -> Tensor {
    let input = scores.format == .fp16 ? scores : tape.cast(name + ".input.fp32", scores, to: .fp32)
    let result = tape.apply(
      name, to: [input], shape: scores.shape, format: .fp32, savesOutput: true, rule: softmaxBackward)
    if scores.format != .fp16 { tape.drop(input) }
    return result
  }

  /// Softmax's backward, which reads its result.
  func softmaxBackward(_ tape: inout Tape, _ arriving: [Tensor?], _ edges: [Edge]) -> [Tensor?] {
    let product = policy.countsAttentionWorkspace ? tape.openFlow(edges[0], edges[0].shape, .fp32) : .void
    let gradient = tape.open(edges[0])
    tape.drop(product)
    return [gradient]
  }

  /// `torch.matmul` of [b, A, …] operands: operands that are transposed views are copied when b > 1 keeps them from
  /// being folded (aten/native/LinearAlgebra.cpp, `_matmul_impl`); both are kept for each other's gradient.
  func batchedProduct(
    _ tape: inout Tape, _ name: String, _ left: Tensor, _ right: Tensor, _ shape: Shape, copiesLeft: Bool,
    copiesRight: Bool
  ) -> Tensor {
    func fold(_ tape: inout Tape, _ x: Tensor, _ copies: Bool, _ suffix: String) -> Tensor {
      let cast = castInput(&tape, name + suffix, x)
      guard copies, microBatch > 1 else { return cast }
      let copy = tape.copy(name + suffix + ".copy", cast, cast.shape)
      tape.drop(cast)
      return copy
    }
    let a = fold(&tape, left, copiesLeft, ".left")
    let b = fold(&tape, right, copiesRight, ".right")
    var saving: [Tensor] = []
    if b.needsGradient { saving.append(a) }
    if a.needsGradient { saving.append(b) }
    let result = tape.apply(name, to: [a, b], shape: shape, format: a.format, saving: saving) { tape, _, edges in
      // The right operand's gradient comes first (`BmmBackward0`).
      let right = edges[1].isNeeded ? tape.open(edges[1]) : nil
      let left = edges[0].isNeeded ? tape.open(edges[0]) : nil
      return [left?.asView(), right?.asView()]
    }
    tape.drop(a)
    tape.drop(b)
    return result
  }
}
