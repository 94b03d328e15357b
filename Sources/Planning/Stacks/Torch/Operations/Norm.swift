import Bookkeeping
import Modeling

extension TorchModel {
  /// A norm by its place; `name` is what the result is called.
  func norm(_ tape: inout Tape, _ norm: TorchWeights.Norm, _ x: Tensor, _ name: String) -> Tensor {
    switch spec.normalization.kind {
    case .layer: layerNorm(&tape, norm, x, name)
    case .rms where policy.choices.norm != .composed && hasFusedKernels:
      fusedNorm(&tape, norm.weight, x, name)
    case .rms:
      spec.normalization.weightIsOffset
        ? offsetRootMeanSquareNorm(&tape, norm.weight, x, name) : rootMeanSquareNorm(&tape, norm.weight, x, name)
    }
  }

  /// RMS norm in Python: `weight * (x32 * rsqrt(mean(x32²) + ε)).to(x.dtype)`.
  ///
  /// An fp32 copy of a bf16 input is kept for backward; an fp32 input is its own copy. The normalized tensor is kept
  /// only for a trained weight. Source: transformers models/llama/modeling_llama.py, `LlamaRMSNorm.forward`.
  private func rootMeanSquareNorm(_ tape: inout Tape, _ weight: Tensor, _ x: Tensor, _ name: String) -> Tensor {
    let (normed, variance) = normalize(&tape, x, name)
    let cast = tape.cast(name + ".unweighted", normed, to: x.format)
    let result = tape.multiply(name, weight, cast)
    tape.drop(cast)
    tape.drop(normed)
    tape.drop(variance)
    return result
  }

  /// Gemma's: the weight is an offset from one, and everything up to the result is fp32
  /// (models/gemma2/modeling_gemma2.py, `Gemma2RMSNorm.forward`).
  private func offsetRootMeanSquareNorm(_ tape: inout Tape, _ weight: Tensor, _ x: Tensor, _ name: String) -> Tensor {
    let (normed, variance) = normalize(&tape, x, name)
    tape.drop(variance)
    // Booked with the weight, so that the gradient which may become its `.grad` is booked with gradients.
    let whole = tape.cast(name + ".weight.fp32", weight, to: .fp32, account: weight.account)
    let shifted = tape.shift(name + ".weight.shifted", whole, account: weight.account)
    tape.drop(whole)
    let weighted = tape.multiply(name + ".weighted", normed, shifted)
    tape.drop(shifted)
    tape.drop(normed)
    let result = tape.cast(name, weighted, to: x.format)
    tape.drop(weighted)
    return result
  }

  /// `x32 * rsqrt(mean(x32²) + ε)` in fp32, and the variance, which a local variable holds on to.
  private func normalize(_ tape: inout Tape, _ x: Tensor, _ name: String) -> (normed: Tensor, variance: Tensor) {
    let perRow = Shape(Array(x.shape.extents.dropLast()) + [1])
    let whole = tape.cast(name + ".fp32", x, to: .fp32)
    let squares = tape.power(name + ".squares", whole)
    let variance = tape.mean(name + ".variance", squares, perRow)
    tape.drop(squares)
    let shifted = tape.shift(name + ".shifted", variance)
    let reciprocal = tape.reciprocalRoot(name + ".reciprocal_rms", shifted)
    tape.drop(shifted)
    let normed = tape.multiply(name + ".normed.fp32", whole, reciprocal)
    tape.drop(reciprocal)
    tape.drop(whole)
    return (normed, variance)
  }

  /// `nn.LayerNorm`: one kernel that keeps its input, mean and reciprocal deviation.
  ///
  /// CUDA's autocast runs it in fp32: operands are cast up first and the result is fp32. Source: torch
  /// aten/src/ATen/native/layer_norm.cpp; aten/src/ATen/autocast_mode.h, list of fp32 operations.
  private func layerNorm(_ tape: inout Tape, _ norm: TorchWeights.Norm, _ x: Tensor, _ name: String) -> Tensor {
    let format = policy.autocast == nil ? x.format : .fp32
    let perRow = Shape(Array(x.shape.extents.dropLast()) + [1])
    let input = tape.cast(name + ".fp32", x, to: format)
    let weight = tape.cast(name + ".weight.fp32", norm.weight, to: format)
    let bias = norm.bias.map { tape.cast(name + ".bias.fp32", $0, to: format) }
    let mean = tape.open(name + ".mean", perRow, .fp32)
    let deviation = tape.open(name + ".reciprocal_deviation", perRow, .fp32)
    let inputs = [input, weight] + (bias.map { [$0] } ?? [])
    let result = tape.apply(
      name, to: inputs, shape: x.shape, format: format, saving: [input, weight, mean, deviation], rule: Rules.fresh)
    tape.drop(deviation)
    tape.drop(mean)
    if let bias { tape.drop(bias) }
    tape.drop(weight)
    tape.drop(input)
    return result
  }
}
