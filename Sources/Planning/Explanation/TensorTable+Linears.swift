extension TensorTable {
  private static let product = "torch derivatives.yaml, mm and addmm"
  private static let peft = "peft tuners/lora/layer.py, Linear.forward"
  private static let peftQuantized = "peft tuners/lora/bnb.py, Linear4bit.forward"
  private static let autocast = "torch aten/src/ATen/autocast_mode.cpp, cached_cast"
  private static let compute = "bitsandbytes nn/modules.py, Linear4bit.forward"
  private static let eightBit = "bitsandbytes autograd/_functions.py, MatMul8bitLt.forward"

  /// What linear layers and their adapters make.
  static let linears: [String: TensorRule] = {
    var table: [String: TensorRule] = [
      "{linear}": TensorRule(
        .output, "a projection's result: kept by the operation that reads it, or on its way there", product),
      "{linear}.base": TensorRule(.output, "the frozen base's product, before the adapter's is added", peft),
      "{linear}.sum": TensorRule(.output, "base and adapter added, before the cast back", peft),
      "{linear}.clone": TensorRule(.output, "the base's result cloned, against writes to a view", peftQuantized),
      "{linear}.lora_input": TensorRule(
        .input, "a module's own copy of its input in the adapters' format: kept for the gradient of A", peft),
      "{linear}.lora_output": TensorRule(.output, "the adapter's product in the base's format", peftQuantized),
      "{linear}.lora_A.output": TensorRule(.tokens(.r), "A·x: kept for the gradient of B", peft),
      "{linear}.lora_B.output": TensorRule(.output, "B·A·x, before it is scaled", peft),
      "{linear}.lora_scaled": TensorRule(.output, "B·A·x times alpha/rank, before it is added", peft),
      "{linear}.lora_dropout.output": TensorRule(
        .input, "the dropped-out input: kept for the gradient of A, each module has its own", peft),
      "{linear}.lora_dropout.mask": TensorRule(
        .input, "which inputs were dropped, a byte each: kept for dropout's backward",
        "torch aten/src/ATen/native/cuda/Dropout.cu, native_dropout"),
      "{linear}.lora_A.output.input.autocast": TensorRule(
        .input, "A's input in autocast's format: kept for the gradient of A", autocast),
      "{linear}.lora_B.output.input.autocast": TensorRule(
        .tokens(.r), "B's input in autocast's format: kept for the gradient of B", autocast),
    ]
    for stem in ["{linear}", "{linear}.base"] {
      table["\(stem).input.autocast"] = TensorRule(
        .input, "the input in autocast's format: kept where the weight trains", autocast)
      table["\(stem).input.compute"] = TensorRule(.input, "the input in the format that codes are computed in", compute)
      table["\(stem).output.cast"] = TensorRule(.output, "the result in its input's format", compute)
      table["\(stem).input.fp16"] = TensorRule(.input, "the input in fp16, before it is quantized", eightBit)
      table["\(stem).input.int8"] = TensorRule(.input, "the input in 8-bit codes, for one product", eightBit)
      table["\(stem).input.row_scales"] = TensorRule(.T, because: "the scale of every row of the input", eightBit)
      table["\(stem).input.magnitudes"] = TensorRule(.input, "magnitudes of the input, to find outliers", eightBit)
      table["\(stem).input.outliers"] = TensorRule(.input, "which inputs are outliers", eightBit)
      table["\(stem).sums.int32"] = TensorRule(.output, "the product of codes, before it is scaled", eightBit)
      table["\(stem).fp16"] = TensorRule(.output, "the scaled product in fp16", eightBit)
    }
    return table
  }()

  /// What norms make.
  static let norms: [String: TensorRule] = {
    let rms = "transformers models/llama/modeling_llama.py, LlamaRMSNorm.forward"
    let gemma = "transformers models/gemma2/modeling_gemma2.py, Gemma2RMSNorm.forward"
    let layer = "torch aten/src/ATen/native/layer_norm.cpp; autocast_mode.h, list of fp32 operations"
    let dropout = "transformers models/gpt2/modeling_gpt2.py, GPT2Block.forward"
    return [
      "{norm}": TensorRule(
        .own, "a norm's result: kept where the layer that reads it trains, and shared by all that read it", rms),
      "{norm}.fp32": TensorRule(
        .own, "the norm's input in fp32: kept for the square and for the product with the reciprocal", rms),
      "{norm}.squares": TensorRule(.own, "squares on their way to their mean", rms),
      "{norm}.variance": TensorRule(.rows, "the mean square of each row, a local of the norm", rms),
      "{norm}.shifted": TensorRule(.rows, "mean square and epsilon", rms),
      "{norm}.reciprocal_rms": TensorRule(
        .rows, "the reciprocal root of each row's mean square: kept for backward", rms),
      "{norm}.normed.fp32": TensorRule(.own, "the normalized rows in fp32, before the cast back", rms),
      "{norm}.unweighted": TensorRule(.own, "the normalized rows: kept where the norm's weight trains", rms),
      "{norm}.weight.fp32": TensorRule(.width, "the norm's weight in fp32", gemma),
      "{norm}.weight.shifted": TensorRule(.width, "one and the norm's weight: kept for the rows' gradient", gemma),
      "{norm}.bias.fp32": TensorRule(.width, "the norm's bias in fp32", layer),
      "{norm}.weighted": TensorRule(.own, "the weighted rows in fp32, before the cast back", gemma),
      "{norm}.mean": TensorRule(.rows, "the mean of each row: kept for backward", layer),
      "{norm}.reciprocal_deviation": TensorRule(.rows, "each row's reciprocal deviation: kept for backward", layer),
      "{norm}.dropout": TensorRule(.own, "what is left after dropout, before the residual sum", dropout),
      "{norm}.dropout.mask": TensorRule(.own, "which elements were dropped, a byte each", dropout),
    ]
  }()
}
