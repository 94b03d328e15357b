import Bookkeeping
import Modeling

// Shape letters here: b sequences, s tokens of one, A heads, KV key/value heads, D width of a head.

extension TorchPolicy {
  /// Whether torch's attention has no fused CUDA kernel for operands in this format, where heads share keys and values.
  ///
  /// Flash and cuDNN take bf16 and fp16 from compute capability 8.0 on; the memory-efficient kernel, which takes fp32
  /// and runs on older cards, knows no groups. Sources: torch aten/native/transformers/cuda/sdp_utils.cpp,
  /// `can_use_flash_attention` (`check_dtypes_low_precision`, `check_flash_attention_hardware_support`) and
  /// `can_use_mem_efficient_attention` (`check_batch_size_and_num_heads_dense<false>`).
  func lacksFusedAttention(_ spec: ModelSpec, operands format: ScalarFormat) -> Bool {
    guard attention == .sdpa, countsAttentionWorkspace, choices.sharedHeads == .grouped,
      spec.attention.heads != spec.attention.keyValueHeads
    else { return false }
    return !hasFlashKernels || (format == .fp32 && autocast == nil)
  }

  /// The same for the format that queries and keys come in.
  func lacksFusedAttention(_ spec: ModelSpec) -> Bool {
    lacksFusedAttention(spec, operands: isPrepared ? .fp32 : weightFormat)
  }
}

extension TorchModel {
  /// torch's attention product by product, in fp32 whatever its operands are in: each head's own keys and values, all
  /// scores, and their softmax, which is kept.
  ///
  /// The mask is added in place; `_safe_softmax` compares and chooses behind a plain one. Source: torch
  /// aten/native/transformers/attention.cpp, `_scaled_dot_product_attention_math` and `_safe_softmax`.
  func unfusedAttention(_ tape: inout Tape, _ q: Tensor, _ k: Tensor, _ v: Tensor) -> Tensor {
    let name = "attention"
    let heads: Shape = [microBatch, spec.attention.heads, sequence, spec.attention.headDimension]
    let keysShape: Shape = [microBatch, spec.attention.heads, keyLength, spec.attention.headDimension]
    let operands = [(".q", q), (".k", k), (".v", v)].map { suffix, x in
      let cast = castInput(&tape, name + suffix, x)
      let whole = tape.cast(name + suffix + ".fp32", cast, to: .fp32)
      tape.drop(cast)
      return whole
    }
    let query = tape.scale(name + ".q.scaled", operands[0])
    let mask = causalMask(&tape, name)
    let keys = tape.copy(name + ".k.repeated", operands[1], keysShape)
    let values = tape.copy(name + ".v.repeated", operands[2], keysShape)
    let scaledKeys = tape.scale(name + ".k.scaled", keys)
    let scores = batchedProduct(
      &tape, name + ".scores.raw", query, scaledKeys, [microBatch, spec.attention.heads, sequence, keyLength],
      copiesLeft: true, copiesRight: false)
    tape.drop(scaledKeys)
    let probabilities = safeSoftmax(&tape, name + ".softmax", scores)
    tape.drop(scores)
    let product = batchedProduct(
      &tape, name + ".product", probabilities, values, heads, copiesLeft: false, copiesRight: false)
    let result = tape.cast(name + ".product.cast", product, to: policy.autocast ?? q.format)
    tape.drop(product)
    for tensor in [probabilities, values, keys, mask, query] + operands.reversed() { tape.drop(tensor) }
    let context = tape.copy("context", result, [microBatch, sequence, spec.attention.queryWidth])
    tape.drop(result)
    return context
  }

  /// `is_causal` in numbers: a triangle of truth values, and what is added to scores.
  private func causalMask(_ tape: inout Tape, _ name: String) -> Tensor {
    let shape: Shape = [sequence, keyLength]
    let whole = tape.open(name + ".mask.ones", shape, .bool, .batch)
    let triangle = tape.open(name + ".mask.triangle", shape, .bool, .batch)
    tape.drop(whole)
    let mask = tape.open(name + ".mask", shape, .fp32, .batch)
    tape.drop(triangle)
    return mask
  }

  /// `at::_safe_softmax`: a softmax, then zeros for rows of which nothing may be seen; backward is softmax's.
  private func safeSoftmax(_ tape: inout Tape, _ name: String, _ scores: Tensor) -> Tensor {
    let plain = tape.open(name + ".plain", scores.shape, .fp32)
    let masked = tape.open(name + ".masked", scores.shape, .bool)
    let result = tape.apply(
      name, to: [scores], shape: scores.shape, format: .fp32, savesOutput: true, rule: softmaxBackward)
    tape.drop(masked)
    tape.drop(plain)
    return result
  }
}
