extension TensorTable {
  /// What torchtune's and LitGPT's own models make beside what they have in common with others.
  static let ownCode: [String: TensorRule] = {
    let turned = "torchtune modules/position_embeddings.py, RotaryPositionalEmbeddings.forward"
    let attention = "litgpt model.py, CausalSelfAttention.forward"
    let adapter = "litgpt lora.py, LoRAQKVLinear.forward"
    let entropy = "litgpt utils.py, chunked_cross_entropy"
    let shapes: TensorRule.Form = .fixed([
      [.b, .s, .A, .D], [.b, .s, .K, .D], [.b, .s, .A, .part(.D, of: 2)], [.b, .s, .K, .part(.D, of: 2)],
      [.b, .A, .s, .D], [.b, .K, .s, .D], [.b, .A, .s, .d], [.b, .K, .s, .d],
    ])
    var rules: [String: TensorRule] = [
      "{linear}.rotated.fp32": TensorRule(shapes, "queries or keys in fp32, before they are turned", turned),
      "{linear}.rotated.stacked": TensorRule(shapes, "turned pairs side by side, before the cast back", turned),
      "{linear}.rotated.sum": TensorRule(
        shapes, "turned queries or keys in fp32, before the cast back", "litgpt model.py, apply_rope"),
      "{linear}.repeated": TensorRule(
        shapes, "keys or values repeated for every query head: kept by attention",
        "torchtune modules/attention.py, MultiHeadAttention.forward; " + attention),
      "{linear}.joined": TensorRule(
        shapes, "the turned part of every head and the rest of it: kept by attention", attention),
      "heads.repeated": TensorRule(
        shapes, "one part of the interleaved projection laid out head by head, shared heads repeated",
        "lit_gpt model.py of 2023, CausalSelfAttention.forward"),
      "{norm}.normed.unweighted": TensorRule(
        .own, "the normalized rows: kept where the norm's weight trains", "litgpt model.py, RMSNorm.forward"),
      "{linear}.lora_zeros": TensorRule(
        .output, "zeros that the adapter's columns are copied into", "lit_gpt lora.py of 2023, zero_pad"),
      "{linear}.lora_columns": TensorRule(.workspace, "where the adapter's columns go: kept", adapter),
      "{linear}.lora_padded": TensorRule(.output, "the adapter's columns among zeros, before they are scaled", adapter),
      "labels": TensorRule(.workspace, "the labels of a chunk of tokens: kept by the loss", entropy),
      "logits.previous": TensorRule(
        .fixed([[.b, .s, .V], [.b, .less(.s, by: 1), .V]]),
        "scores of the micro-batch before, which the loop's variable holds until it is set anew",
        "litgpt finetune/lora.py, fit; torchtune recipes/lora_finetune_single_device.py of 0.0.1, train"),
      "logits.transposed": TensorRule(
        .b, .less(.s, by: 1), .V, because: "scores laid out for a softmax over their second dimension",
        "torch aten/src/ATen/native/cuda/SoftMax.cu, host_softmax"),
      "logits.flat": TensorRule(.workspace, "the last chunk's scores without its last row, copied", entropy),
      "loss.joined": TensorRule(.workspace, "every token's loss", entropy),
      "loss.sum": TensorRule(.one, because: "their sum", entropy),
    ]
    for step in ["even", "odd"] {
      rules["{linear}.rotated.\(step)"] = TensorRule(shapes, "the \(step) elements turned", turned)
      for part in ["cosine_part", "sine_part"] {
        rules["{linear}.rotated.\(step).\(part)"] = TensorRule(
          shapes, "\(step) elements times \(part.dropLast("_part".count))", turned)
      }
    }
    for index in 0..<3 {
      let output = "{linear}.lora_B.\(index).output"
      rules[output] = TensorRule(.workspace, "B·A·x for one of queries, keys and values", adapter)
      rules[output + ".input.autocast"] = TensorRule(.tokens(.r), "A·x in autocast's format: kept", adapter)
    }
    let earlier = "bitsandbytes autograd/_functions.py of 0.42, MatMul4Bit.forward; litgpt finetune/lora.py, fit"
    let reason = "an input of the micro-batch before that its graph holds as long as its logits have a name"
    rules["{norm}.previous"] = TensorRule(.own, reason, earlier)
    rules["context.previous"] = TensorRule(.tokens(.q), reason, earlier)
    rules["product.previous"] = TensorRule(.tokens(.I), reason, earlier)
    return rules.merging(torchao) { first, _ in first }
  }()

  /// The parts of a weight in torchao's NF4, and what making it whole borrows.
  private static let torchao: [String: TensorRule] = {
    let made = "torchao dtypes/nf4tensor.py, NF4Tensor.from_tensor"
    let whole = "torchao dtypes/nf4tensor.py, get_original_weight"
    var rules: [String: TensorRule] = [
      "{parameter}.quantized_scalers": TensorRule(
        .blocks(64), "the scales of 4-bit codes in 8-bit codes, one for every 64 elements", made),
      "{parameter}.quantization_factor": TensorRule(
        .nested(64, 256), "the scales of scales, one for every 256 of them", made),
      "{parameter}.scaler_mean": TensorRule(
        .one, because: "what is taken from scales before they are quantized", made),
      "{parameter}.nf4": TensorRule(.number(16), because: "the values that 4-bit codes stand for", made),
      "{parameter}.dequantize.scalers": TensorRule(.blocks(64), "the scales in the weight's format", whole),
      "{parameter}.dequantize.scalers.divided": TensorRule(
        .blocks(64), "the scales before their mean is added", whole),
    ]
    for half in ["first", "second"] {
      for (name, reason) in [
        ("\(half)_bits", "the \(half) code of every byte"),
        ("\(half)_elements", "the same as int64, to look values up"),
        ("dequantized_\(half)", "the values that they stand for"),
        ("repeated_\(half)", "every element's scale"),
        ("scaled_\(half)", "values times scales"),
      ] {
        rules["{parameter}.dequantize.\(name)"] = TensorRule(.blocks(2), reason, whole)
      }
    }
    return rules
  }()
}
