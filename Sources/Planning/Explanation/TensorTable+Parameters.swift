extension TensorTable {
  private static let adam = "torch optim/adam.py, Adam._init_group"
  private static let bitsandbytes = "bitsandbytes functional.py, quantize_4bit"
  private static let fourBit = "bitsandbytes autograd/_functions.py, MatMul4Bit"
  private static let state8 = "bitsandbytes optim/optimizer.py, Optimizer2State.init_state"
  private static let adafactor = "transformers optimization.py, Adafactor.step"

  /// What belongs to a parameter: itself, its constants, its gradient, its optimizer states, its copies.
  static let parameters: [String: TensorRule] = [
    "{parameter}": TensorRule(
      .stored, "a parameter of the model or of an adapter: there from loading to the end", "the model's configuration"),
    "{parameter}.grad": TensorRule(
      .own, "the gradient of a trained parameter: from its layer's backward pass to zero_grad",
      "torch csrc/autograd/functions/accumulate_grad.h, accumulateGrad"),
    "{parameter}.grad.addend": TensorRule(
      .own, "a gradient on its way to be added to the one that is already there",
      "torch csrc/autograd/functions/accumulate_grad.h, accumulateGrad"),
    "{parameter}.exp_avg": TensorRule(
      .own, "the first moment of a trained parameter: from the optimizer's first step on", adam),
    "{parameter}.exp_avg_sq": TensorRule(
      .own, "the second moment of a trained parameter: from the optimizer's first step on", adam),
    "{parameter}.step": TensorRule(
      .one, because: "the fused optimizer's step counter, kept on the device", adam),
    "{parameter}.exp_avg.absmax": TensorRule(
      .blocks(256), "the scales of a first moment in 8-bit codes, one for every 256 of them", state8),
    "{parameter}.exp_avg_sq.absmax": TensorRule(
      .blocks(256), "the scales of a second moment in 8-bit codes, one for every 256 of them", state8),
    "{parameter}.momentum_buffer": TensorRule(
      .own, "the momentum of a trained parameter: from the optimizer's first step on",
      "torch optim/sgd.py, SGD._init_group"),
    "{parameter}.exp_avg_sq_row": TensorRule(
      .rowMeans, "the means of the squared gradient's rows", adafactor),
    "{parameter}.exp_avg_sq_col": TensorRule(
      .columnMeans, "the means of the squared gradient's columns", adafactor),
    "{parameter}.grad.fp32": TensorRule(.own, "a step in Python: the gradient in fp32", adafactor),
    "{parameter}.fp32": TensorRule(.own, "a step in Python: the parameter in fp32", adafactor),
    "{parameter}.squares": TensorRule(.own, "a step in Python: the squared gradient", adafactor),
    "{parameter}.update": TensorRule(.own, "a step in Python: the update", adafactor),
    "{parameter}.update.scaled": TensorRule(.own, "a step in Python: the clipped update", adafactor),
    "{parameter}.update.negated": TensorRule(.own, "a step in Python: the update to be added", adafactor),
    "{parameter}.autocast": TensorRule(
      .own,
      "a weight in autocast's format: kept for the gradient of the layer's input, and for a trained weight until "
        + "autocast ends", "torch aten/src/ATen/autocast_mode.cpp, cached_cast"),
    "{parameter}.absmax": TensorRule(
      .blocks(64), "the scales of 4-bit codes, one for every 64 of them", bitsandbytes),
    "{parameter}.nested_absmax": TensorRule(
      .nested(64, 256), "the scales of scales, one for every 256 of them", bitsandbytes),
    "{parameter}.nested_offset": TensorRule(
      .one, because: "what is taken from scales before they are quantized", bitsandbytes),
    "{parameter}.quant_map": TensorRule(.number(16), because: "the values that 4-bit codes stand for", bitsandbytes),
    "{parameter}.nested_quant_map": TensorRule(
      .number(256), because: "the values that codes of scales stand for", bitsandbytes),
    "{parameter}.row_scales": TensorRule(
      .rowMeans, "the scale of every row of an 8-bit weight", "bitsandbytes backends/cuda/ops.py, int8_vectorwise_quant"
    ),
    "{parameter}.dequantized": TensorRule(
      .own, "the weight made whole for one product, and given back after it", fourBit),
    "{parameter}.dequantized.cast": TensorRule(
      .own, "the whole weight in the format of what it is multiplied with", fourBit + ".backward"),
    "{parameter}.absmax.dequantized": TensorRule(
      .blocks(64), "scales made whole while the weight is", "bitsandbytes functional.py, dequantize_4bit"),
    "{parameter}.absmax.shifted": TensorRule(
      .blocks(64), "scales with their offset put back", "bitsandbytes functional.py, dequantize_4bit"),
  ]

  /// While weights are loaded.
  static let loading: [String: TensorRule] = [
    "{parameter}.source": TensorRule(
      .stored, "the weight as it arrives, beside what is made of it",
      "transformers integrations/bitsandbytes.py, Bnb4bitQuantize.convert; peft utils/other.py, "
        + "prepare_model_for_kbit_training"),
    "{parameter}.absmax.source": TensorRule(
      .blocks(64), "fp32 scales before they are quantized themselves", bitsandbytes),
    "{parameter}.absmax.source.shifted": TensorRule(
      .blocks(64), "fp32 scales less their mean, before they are quantized", bitsandbytes),
    "{parameter}.quantization.scaled": TensorRule(
      .workspace, "the weight over the scales of its blocks", torchaoNF4),
    "{parameter}.quantization.differences": TensorRule(
      .workspace, "the difference of every element to each of 16 values", torchaoNF4 + ".quantize_tensor_nearest"),
    "{parameter}.quantization.distances": TensorRule(
      .workspace, "the size of those differences", torchaoNF4 + ".quantize_tensor_nearest"),
    "{parameter}.quantization.whole": TensorRule(
      .workspace, "an fp32 copy of the weight", "hqq/core/quantize.py, Quantizer.quantize"),
    "{parameter}.quantization.codes": TensorRule(
      .workspace, "codes in fp32 before they are packed", "hqq/core/quantize.py, Quantizer.quantize"),
  ]

  private static let torchaoNF4 = "torchao/dtypes/nf4tensor.py, NF4Tensor"
}
