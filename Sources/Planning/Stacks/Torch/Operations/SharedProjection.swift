import Bookkeeping
import Modeling

// Shape letters here: T tokens, K input width, N output width, r rank.

extension TorchModel {
  /// VeRA: `result + b * (B · (d * (A · x)))` with fixed A and B that all layers share.
  ///
  /// The vectors' gradients need what they scale, [T, r] and [T, N]; the matrices are kept anyway. Source:
  /// peft/tuners/vera/layer.py, `Linear.forward`.
  func shared(_ tape: inout Tape, _ linear: TorchWeights.Linear, _ x: Tensor, _ name: String) -> Tensor {
    guard case .wrapped(.vera(let vera), _) = policy.method, weights.shared.count == 2 else { return .void }
    let module = linear.module
    var base = baseProduct(&tape, linear, x, name + ".base")
    let format = base.format
    if case .fourBit = linear.base {
      let copy = tape.copy(name + ".clone", base, base.shape)
      tape.drop(base)
      base = copy
    }
    let input = tape.cast(name + ".vera_input", x, to: policy.adapterFormat)
    let down = product(
      &tape, name + ".vera_A.output", input, weights.shared[0].viewed(as: [vera.rank, module.input]),
      width: vera.rank)
    let scaledDown = tape.multiply(name + ".vera_d.output", linear.added(1), down)
    tape.drop(down)
    let up = product(
      &tape, name + ".vera_B.output", scaledDown, weights.shared[1].viewed(as: [module.output, vera.rank]),
      width: module.output)
    tape.drop(scaledDown)
    let scaled = tape.multiply(name + ".vera_b.output", linear.added(0), up)
    tape.drop(up)
    let sum = tape.add(name + ".sum", base, scaled)
    tape.drop(scaled)
    tape.drop(base)
    let result = tape.cast(name, sum, to: format)
    tape.drop(sum)
    tape.drop(input)
    return result
  }

  /// AdaLoRA: `result += (dropout(x) · (A * E)ᵀ · Bᵀ) * s / ranknum`, added in place.
  ///
  /// Source: peft/tuners/adalora/layer.py, `SVDLinear.forward`; adalora/bnb.py for quantized bases, which clones and
  /// adds anew.
  func singular(
    _ tape: inout Tape, _ linear: TorchWeights.Linear, _ adalora: AdaLoRA, _ x: Tensor, _ name: String
  ) -> Tensor {
    let module = linear.module
    var base = baseProduct(&tape, linear, x, name + ".base")
    let isPlain = if case .plain = linear.base { true } else { false }
    if case .fourBit = linear.base {
      let copy = tape.copy(name + ".clone", base, base.shape)
      tape.drop(base)
      base = copy
    }
    let format = isPlain || policy.autocast == nil ? policy.adapterFormat : x.format
    let input = tape.cast(name + ".lora_input", x, to: format)
    var dropped = input
    if adalora.dropout > 0 {
      dropped = tape.dropout(name + ".lora_dropout.output", maskName: name + ".lora_dropout.mask", input)
    } else {
      tape.retain(input)
    }
    let rows = tape.multiply(name + ".lora_AE", linear.added(0), linear.added(2))
    let down = product(&tape, name + ".lora_A.output", dropped, rows, width: adalora.rank)
    tape.drop(rows)
    tape.drop(dropped)
    let up = product(&tape, name + ".lora_B.output", down, linear.added(1), width: module.output)
    tape.drop(down)
    let scaled = tape.scale(name + ".lora_scaled", up)
    tape.drop(up)
    let ranks = tape.shift(name + ".ranknum", linear.added(3), account: .adapters)
    let divided = tape.divide(name + ".lora_divided", scaled, by: ranks)
    tape.drop(scaled)
    tape.drop(ranks)
    let result: Tensor
    if isPlain {
      result = tape.addInPlace(base, divided)
    } else {
      let converted = policy.autocast == nil ? tape.cast(name + ".lora_output", divided, to: base.format) : divided
      result = tape.add(name, base, converted)
      if policy.autocast == nil { tape.drop(converted) }
      tape.drop(base)
    }
    tape.drop(divided)
    tape.drop(input)
    return result
  }

  /// The loss with AdaLoRA's penalty on factors that are not orthogonal, ‖A·Aᵀ − I‖ + ‖Bᵀ·B − I‖ over all of them.
  ///
  /// Its nodes are the newest and run first in backward, so that every factor has a gradient from the start. Source:
  /// peft/tuners/adalora/model.py, `AdaLoraModel.forward`.
  func penalized(_ tape: inout Tape, _ result: HeadResult) -> HeadResult {
    guard case .wrapped(.adalora(let adalora), _) = policy.method else { return result }
    let square: Shape = [adalora.rank, adalora.rank]
    var total = Tensor.void
    for linear in weights.layers.flatMap({ $0.linears.values }).sorted(by: { $0.module.name < $1.module.name })
    where linear.isWrapped {
      for factor in linear.added.prefix(2) {
        let covariance = tape.apply(
          factor.name + ".covariance", to: [factor], shape: square, format: factor.format, saving: [factor]
        ) { tape, _, edges in
          // The factor stands on both sides of the product.
          let first = tape.open(edges[0])
          let second = tape.openFlow(edges[0], edges[0].shape, edges[0].format)
          tape.drop(second)
          return [first]
        }
        let difference = tape.shift(factor.name + ".covariance.difference", covariance)
        tape.drop(covariance)
        let norm = tape.apply(
          factor.name + ".penalty", to: [difference], shape: [1], format: factor.format, saving: [difference],
          savesOutput: true, rule: Rules.fresh)
        tape.drop(difference)
        let sum = total.isVoid ? norm : tape.add("penalty", total, norm)
        if !total.isVoid {
          tape.drop(total)
          tape.drop(norm)
        }
        total = sum
      }
    }
    guard !total.isVoid else { return result }
    let loss = tape.add("loss.penalized", result.loss, total)
    tape.drop(total)
    tape.drop(result.loss)
    return HeadResult(loss: loss, outputs: result.outputs)
  }
}
