import Bookkeeping
import Modeling

// Shape letters here: T tokens, K input width, N output width, B blocks, w width of a block (B·w = K).

extension TorchModel {
  /// OFT: the input rotated block by block, then the base's product.
  ///
  /// The rotation is a Cayley transform cut off after five terms: the generator, its square and its cube, [B, w, w]
  /// each, are kept, and so are the rotation and the input. Source: peft/tuners/oft/layer.py,
  /// `OFTRotationModule.forward`, `_cayley_batch`, `_pytorch_skew_symmetric`.
  func rotated(
    _ tape: inout Tape, _ linear: TorchWeights.Linear, _ oft: OFT, _ x: Tensor, _ name: String
  ) -> Tensor {
    let input = tape.cast(name + ".oft_input", x, to: policy.adapterFormat)
    let rotation = cayley(&tape, linear, oft, name)
    // `einsum` becomes a batched product over the blocks, whose result is laid out block by block.
    let turned = tape.apply(
      name + ".oft_turned", to: [input, rotation], shape: x.shape, format: input.format,
      saving: input.needsGradient ? [input, rotation] : [input]
    ) { tape, _, edges in
      let second = edges[1].isNeeded ? tape.open(edges[1]) : nil
      return [edges[0].isNeeded ? tape.open(edges[0]) : nil, second]
    }
    let rearranged = tape.copy(name + ".oft_rearranged", turned, x.shape)
    tape.drop(turned)
    tape.drop(rotation)
    let rotated = tape.cast(name + ".oft_output", rearranged, to: x.format)
    tape.drop(rearranged)
    tape.drop(input)
    let result = baseProduct(&tape, linear, rotated, name)
    tape.drop(rotated)
    return result
  }

  /// I + 2Q + 2Q² + 2Q³ + Q⁴ of the skew-symmetric Q.
  private func cayley(_ tape: inout Tape, _ linear: TorchWeights.Linear, _ oft: OFT, _ name: String) -> Tensor {
    let width = oft.blockSize(of: linear.module)
    let shape: Shape = [oft.blocks(of: linear.module), width, width]
    let triangle = tape.apply(
      name + ".oft_triangle", to: [linear.added(0)], shape: shape, format: linear.added(0).format,
      account: .adapters, rule: Rules.fresh)
    let skew = tape.apply(
      name + ".oft_skew", to: [triangle], shape: shape, format: triangle.format, account: .adapters,
      rule: Rules.fresh)
    tape.drop(triangle)
    let sum = tape.open(name + ".oft_rotation", shape, skew.format, .adapters)
    var powers = [skew]
    for power in 2...4 {
      let last = powers[powers.count - 1]
      let next = tape.apply(
        name + ".oft_power.\(power)", to: [last, skew], shape: shape, format: skew.format, account: .adapters,
        saving: [skew, last], rule: Rules.fresh)
      powers.append(next)
    }
    var rotation = sum
    if !sum.isVoid, !tape.isStopped {
      // The sum's own storage, on the graph through what was added into it.
      rotation.source = tape.record(powers, saved: [], outputs: 1, rule: Rules.passing)
    }
    for power in powers { tape.drop(power) }
    return rotation
  }

  /// BOFT with one factor: `x · R`, R a block-diagonal matrix written out [K, K], then the result times a vector.
  ///
  /// Source: peft/tuners/boft/layer.py, `Linear.forward`, `cayley_batch`.
  func butterfly(
    _ tape: inout Tape, _ linear: TorchWeights.Linear, _ boft: BOFT, _ x: Tensor, _ name: String
  ) -> Tensor {
    let module = linear.module
    let whole: Shape = [module.input, module.input]
    let small: Shape = [boft.blocks(of: module), boft.blockSize, boft.blockSize]
    let (blocks, vector) = (linear.added(0), linear.added(1))
    let identity = tape.open(name + ".boft_identity", whole, x.format)
    let ones = tape.open(name + ".boft_ones", [module.output, 1], x.format)
    func step(_ suffix: String, _ input: Tensor, _ shape: Shape, _ format: ScalarFormat, _ tape: inout Tape) -> Tensor {
      tape.apply(name + suffix, to: [input], shape: shape, format: format, account: .adapters, rule: Rules.fresh)
    }
    let skew = step(".boft_skew", blocks, small, blocks.format, &tape)
    let system = step(".boft_system", skew, small, .fp32, &tape)
    let factors = tape.open(name + ".boft_factors", small, .fp32, .adapters)
    let pivots = tape.open(name + ".boft_pivots", [small.extents[0], small.extents[1]], .int32, .adapters)
    let solved = tape.apply(
      name + ".boft_solved", to: [system], shape: small, format: .fp32, account: .adapters,
      saving: [system, factors, pivots], savesOutput: true, rule: Rules.fresh)
    for tensor in [pivots, factors, system] { tape.drop(tensor) }
    tape.drop(skew)
    let diagonal = step(".boft_diagonal", solved, whole, blocks.format, &tape)
    tape.drop(solved)
    let permutation = tape.cast(name + ".boft_P", linear.added(2), to: x.format)
    let inFormat = tape.cast(name + ".boft_diagonal.cast", diagonal, to: x.format)
    tape.drop(diagonal)
    func multiply(
      _ suffix: String, _ value: Tensor, by matrix: Tensor, _ tape: inout Tape
    ) -> Tensor {
      tape.apply(
        name + suffix, to: [value], shape: whole, format: x.format, account: .adapters, saving: [matrix],
        rule: Rules.fresh)
    }
    let right = multiply(".boft_permuted", inFormat, by: permutation, &tape)
    let both = multiply(".boft_factor", right, by: permutation, &tape)
    tape.drop(right)
    let rotation = multiply(".boft_rotation", both, by: identity, &tape)
    let scale = tape.multiply(name + ".boft_scale", vector, ones)
    let turned = product(&tape, name + ".boft_input", x, rotation, width: module.input)
    let base = baseProduct(&tape, linear, turned, name + ".base")
    let flat = tape.reshape(scale, [module.output])
    let scaled = tape.multiply(name + ".boft_scaled", base, flat)
    tape.drop(base)
    let result = tape.cast(name, scaled, to: x.format)
    tape.drop(scaled)
    for tensor in [flat, scale, turned, rotation, both, inFormat, permutation, ones, identity] {
      tape.drop(tensor)
    }
    return result
  }
}
