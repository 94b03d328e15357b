extension TensorTable {
  private static let sdpa = "torch derivatives.yaml, _scaled_dot_product_flash_attention"
  private static let eager = "transformers models/llama/modeling_llama.py, eager_attention_forward"
  private static let matmul = "torch aten/src/ATen/native/LinearAlgebra.cpp, _matmul_impl"
  private static let unfused =
    "torch aten/src/ATen/native/transformers/attention.cpp, _scaled_dot_product_attention_math"
  private static let autocast = "torch aten/src/ATen/autocast_mode.cpp, cached_cast"

  /// Attention between its projections.
  static let attention: [String: TensorRule] = {
    let scores = TensorRule.Form.fixed([[.b, .A, .s, .s]])
    var table: [String: TensorRule] = [
      "attention.q.input.autocast": TensorRule(.heads(.D), "queries in autocast's format: kept by attention", autocast),
      "attention.k.input.autocast": TensorRule(.heads(.D), "keys in autocast's format: kept by attention", autocast),
      "attention.v.input.autocast": TensorRule(.heads(.D), "values in autocast's format: kept by attention", autocast),
      "attention.k.repeated": TensorRule(
        .heads(.D), "keys repeated for every query head: kept by attention under a mask",
        "transformers integrations/sdpa_attention.py, use_gqa_in_sdpa; repeat_kv"),
      "attention.v.repeated": TensorRule(
        .heads(.D), "values repeated for every query head: kept by attention under a mask",
        "transformers integrations/sdpa_attention.py, use_gqa_in_sdpa; repeat_kv"),
      "attention.mask.ones": TensorRule(.s, .s, because: "the causal mask, not yet a triangle", unfused),
      "attention.mask.triangle": TensorRule(.s, .s, because: "the causal mask as truth values", unfused),
      "attention.mask": TensorRule(
        .fixed([[.b, .one, .s, .s], [.s, .s]]), "the mask in numbers, made at each call: kept by attention",
        "torch aten/src/ATen/native/transformers/attention.cpp, convert_boolean_attn_mask"),
      "context": TensorRule(
        .tokens(.q), "attention's result: kept by attention and by a trained projection after it", sdpa),
      "context.rearranged": TensorRule(
        .tokens(.q), "attention's result laid out token by token", "transformers integrations/sdpa_attention.py"),
      "logsumexp": TensorRule(
        .fixed([[.b, .A, .s], [.T], [.part(.T, of: 8)], [.blocks(.T, of: 8)]]),
        "each row's log of summed exponentials: kept so that backward can make scores again", sdpa),
      "attention.probabilities": TensorRule(
        scores, "probabilities in the queries' format: kept for the values' gradient", eager),
      "attention.product": TensorRule(.heads(.D), "probabilities times values, head by head", eager),
      "attention.softmax.input.fp32": TensorRule(scores, "scores in fp32, before softmax", eager),
      "attention.softmax": TensorRule(
        scores, "probabilities in fp32: kept for softmax's backward",
        "torch aten/src/ATen/native/cuda/SoftMax.cu, softmax_backward_cuda_out"),
      "attention.softmax.plain": TensorRule(
        scores, "probabilities before rows that see nothing are set to zero", unfused + ", _safe_softmax"),
      "attention.softmax.masked": TensorRule(
        scores, "which scores are minus infinity", unfused + ", _safe_softmax"),
      "attention.product.cast": TensorRule(.heads(.D), "attention's result in its operands' format", unfused),
      "attention.scores.raw": TensorRule(scores, "queries times keys", eager),
      "attention.scores": TensorRule(scores, "scaled scores", eager),
      "attention.scores.masked": TensorRule(scores, "scores with the mask added", eager),
    ]
    for step in ["divided", "tanh", "capped"] {
      table["attention.scores." + step] = TensorRule(
        scores, "scores on their way through the cap; its tanh is kept",
        "transformers models/gemma2/modeling_gemma2.py, eager_attention_forward")
    }
    for operand in ["q", "k", "v"] {
      table["attention.\(operand).fp32"] = TensorRule(.heads(.D), "an operand of products in fp32", unfused)
      table["attention.\(operand).scaled"] = TensorRule(
        .heads(.D), "an operand times the root of the scale: kept for the other's gradient", unfused)
    }
    for (operand, form) in [
      ("attention.scores.raw.left", TensorRule.Form.heads(.D)), ("attention.scores.raw.right", .heads(.D)),
      ("attention.product.left", scores), ("attention.product.right", .heads(.D)),
    ] {
      table[operand + ".copy"] = TensorRule(
        form, "an operand copied so that its leading dimensions can be folded", matmul)
      table[operand + ".input.autocast"] = TensorRule(
        form, "an operand in autocast's format: kept for the other's gradient", autocast)
    }
    return table
  }()

  /// Rotary tables and what rotating makes.
  static let rotary: [String: TensorRule] = {
    let tables = "transformers models/llama/modeling_llama.py, LlamaRotaryEmbedding.forward"
    let apply = "transformers models/llama/modeling_llama.py, apply_rotary_pos_emb"
    let table: TensorRule.Form = .fixed([
      [.one, .s, .d], [.s, .part(.d, of: 2)], [.s, .d], [.one, .s, .part(.d, of: 2)],
    ])
    var rules: [String: TensorRule] = [
      "rotary.cosine": TensorRule(table, "cosines of all positions: kept for every layer's backward", tables),
      "rotary.sine": TensorRule(table, "sines of all positions: kept for every layer's backward", tables),
      "rotary.positions.fp32": TensorRule(.one, .s, .one, because: "positions in fp32", tables),
      "rotary.frequencies": TensorRule(table, "frequencies of all positions", tables),
      "rotary.angles": TensorRule(table, "angles of all positions, twice side by side", tables),
    ]
    for name in ["rotary.cosine", "rotary.sine"] {
      rules[name + ".fp32"] = TensorRule(table, "a table in fp32, before it is scaled", tables)
      rules[name + ".scaled"] = TensorRule(table, "a scaled table, before the cast", tables)
    }
    let whole: TensorRule.Form = .fixed([
      [.b, .A, .s, .D], [.b, .K, .s, .D], [.b, .A, .s, .d], [.b, .K, .s, .d], [.b, .A, .s, .part(.d, of: 2)],
      [.b, .K, .s, .part(.d, of: 2)],
    ])
    for stem in ["{linear}.rotated", "{linear}.rotated.front"] {
      rules[stem] = TensorRule(whole, "rotated queries or keys: kept by attention", apply)
      rules[stem + ".cosine_part"] = TensorRule(whole, "x times cosine", apply)
      rules[stem + ".negated"] = TensorRule(whole, "the half that turns negative", apply)
      rules[stem + ".crossed"] = TensorRule(whole, "halves put crosswise", apply)
      rules[stem + ".sine_part"] = TensorRule(whole, "halves put crosswise, times sine", apply)
    }
    return rules
  }()
}
