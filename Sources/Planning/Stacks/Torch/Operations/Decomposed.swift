import Bookkeeping
import Modeling

// Shape letters here: T tokens, K input width, N output width, r rank.

extension TorchModel {
  /// DoRA's part: `(m/‖W + sBA‖ − 1) * base + m/‖W + sBA‖ * lora_B(lora_A(x)) * s`, m the magnitude.
  ///
  /// B·A is made whole by sending an identity [K, K] through both factors, and stays with that identity until the
  /// function returns, though the norm is detached and no gradient comes by that way. Source: peft/tuners/lora/dora.py,
  /// `DoraLinearLayer.forward`, `get_lora_weight`, `get_weight_norm`.
  ///
  /// - Parameter base: the base's result; `nil` under dropout, when it is made again from `x`.
  func decomposed(
    _ tape: inout Tape, _ linear: TorchWeights.Linear, _ x: Tensor, base: Tensor?, _ name: String
  ) -> Tensor {
    guard let lora = policy.lora else { return .void }
    let module = linear.module
    let (loraA, loraB, magnitude) = (linear.added(0), linear.added(1), linear.added(2))
    let norm = weightNorm(&tape, linear, lora, x.format, name)
    let scale = tape.apply(
      name + ".dora_scale", to: [magnitude], shape: [module.output],
      format: magnitude.format.promoted(with: norm.vector.format), saving: [norm.vector], rule: Rules.fresh)
    let down = product(&tape, name + ".lora_A.output", x, loraA, width: lora.rank)
    let up = product(&tape, name + ".lora_B.output", down, loraB, width: module.output)
    tape.drop(down)
    let baseResult = unbiased(&tape, linear, x, base, norm.weight, name)
    let shifted = tape.shift(name + ".dora_scale.shifted", scale, account: .activations)
    let first = tape.multiply(name + ".dora_base", shifted, baseResult)
    tape.drop(shifted)
    let second = tape.multiply(name + ".dora_product", scale, up)
    let scaled = tape.scale(name + ".dora_scaled", second)
    tape.drop(second)
    let result = tape.add(name + ".dora", first, scaled)
    tape.drop(scaled)
    tape.drop(first)
    for tensor in [baseResult, up, scale, norm.vector, norm.weight] { tape.drop(tensor) }
    for tensor in norm.held { tape.drop(tensor) }
    return result
  }

  /// The base's result without its bias, with a reference of its own.
  private func unbiased(
    _ tape: inout Tape, _ linear: TorchWeights.Linear, _ x: Tensor, _ base: Tensor?, _ weight: Tensor, _ name: String
  ) -> Tensor {
    guard let base else { return product(&tape, name + ".base.again", x, weight, width: linear.module.output) }
    guard linear.bias != nil else {
      tape.retain(base)
      return base
    }
    return tape.shift(name + ".base.unbiased", base)
  }

  /// The norms of the adapted weight's rows, and what lives until the caller returns.
  private struct WeightNorm {
    let vector: Tensor
    /// The weight that was read, whole and in the input's format.
    let weight: Tensor
    let held: [Tensor]
  }

  private func weightNorm(
    _ tape: inout Tape, _ linear: TorchWeights.Linear, _ lora: LoRA, _ format: ScalarFormat, _ name: String
  ) -> WeightNorm {
    let module = linear.module
    let compute = policy.autocast ?? policy.adapterFormat
    let whole: Shape = [module.output, module.input]
    func borrow(_ suffix: String, _ shape: Shape, _ format: ScalarFormat, _ tape: inout Tape) -> Tensor {
      tape.open(name + "." + suffix, shape, format, .workspace)
    }
    var held: [Tensor] = []
    // The graph of the two products hangs on their result. A checkpointed forward replaces what it would keep; the
    // recomputation builds it anew (torch utils/checkpoint.py, `_recomputation_hook`, whose `pack_hook` returns x).
    let isRecorded = if case .checkpointing = tape.mode { false } else { true }
    let identity = borrow("identity", [module.input, module.input], policy.adapterFormat, &tape)
    var read = identity
    if compute != policy.adapterFormat {
      read = borrow("identity.autocast", [module.input, module.input], compute, &tape)
    }
    let down = borrow("lora_A.identity", [module.input, lora.rank], compute, &tape)
    if read.storage != identity.storage {
      if isRecorded { held.append(read) } else { tape.drop(read) }
    }
    var change = borrow("lora_weight", [module.input, module.output], compute, &tape)
    if isRecorded { held.append(down) } else { tape.drop(down) }
    if isRecorded, read.storage == identity.storage { held.append(identity) } else { tape.drop(identity) }
    if format != compute {
      let converted = borrow("lora_weight.cast", [module.input, module.output], format, &tape)
      tape.drop(change)
      change = converted
    }
    held.append(change)
    let weight = wholeWeight(&tape, linear, format, name)
    let scaled = borrow("lora_weight.scaled", whole, format, &tape)
    let sum = borrow("adapted_weight", whole, format, &tape)
    tape.drop(scaled)
    let vector = borrow("weight_norm", [module.output], format, &tape)
    tape.drop(sum)
    return WeightNorm(vector: vector, weight: weight, held: held)
  }

  /// The base's weight, dequantized and cast as needed, with a reference of its own (peft/utils/integrations.py,
  /// `dequantize_module_weight`).
  private func wholeWeight(
    _ tape: inout Tape, _ linear: TorchWeights.Linear, _ format: ScalarFormat, _ name: String
  ) -> Tensor {
    let shape: Shape = [linear.module.output, linear.module.input]
    var weight: Tensor
    if case .plain(let plain) = linear.base {
      tape.retain(plain)
      weight = plain
    } else {
      weight = tape.open(name + ".weight.dequantized", shape, policy.weightFormat, .workspace)
    }
    guard weight.format != format, !weight.isVoid else { return weight }
    let converted = tape.open(name + ".weight.cast", shape, format, .workspace)
    tape.drop(weight)
    weight = converted
    return weight
  }
}
