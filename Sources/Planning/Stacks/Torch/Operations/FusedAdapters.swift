import Bookkeeping
import Modeling

// Shape letters here: T tokens, K input width, N output width, r rank, H hidden, I intermediate.

/// Projections with adapters that run as one operation.
///
/// Sources: unsloth/kernels/fast_lora.py and utils.py (`matmul_lora`, `fast_dequantize`); axolotl/kernels/lora.py;
/// fms_acceleration_foak/fused_ops/unsloth_lora/bnb/fast_lora.py.
struct FusedAdapters {
  let policy: TorchPolicy

  /// A projection as it is between forward and backward.
  struct Projection {
    let linear: TorchWeights.Linear
    let name: String
    let mask: Tensor?
    /// The input after dropout, where that is kept instead of a mask.
    let dropped: Tensor?
  }

  /// x · Wᵀ + scale · dropout(x) · Aᵀ · Bᵀ, added in place; all but the result and what dropout leaves is let go.
  func forward(_ tape: inout Tape, _ linear: TorchWeights.Linear, _ x: Tensor, _ name: String) -> (Tensor, Projection) {
    let module = linear.module
    let rows = Array(x.shape.extents.dropLast())
    let rank = policy.lora?.rank ?? 1
    var (mask, dropped): (Tensor?, Tensor?) = (nil, nil)
    var input = Tensor.void
    if let lora = policy.lora, lora.dropout > 0 {
      input = tape.open(name + ".lora_dropout.output", x.shape, x.format)
      let drawn = tape.open(name + ".lora_dropout.mask", x.shape, .bool)
      if policy.choices.adapters == .foak {
        tape.drop(drawn)
        tape.retain(input)
        dropped = input
      } else {
        mask = drawn
      }
    }
    let weight = whole(&tape, linear, isForward: true)
    let output = tape.open(name, Shape(rows + [module.output]), x.format)
    tape.drop(weight)
    let (a, b) = (castAdapter(&tape, linear.loraA, x), castAdapter(&tape, linear.loraB, x))
    let down = tape.open(name + ".lora_A.output", Shape(rows + [rank]), x.format)
    let up =
      policy.choices.adapters == .foak
      ? tape.open(name + ".lora_B.output", Shape(rows + [module.output]), x.format) : Tensor.void
    for tensor in [up, down, b, a, input] { tape.drop(tensor) }
    return (output, Projection(linear: linear, name: name, mask: mask, dropped: dropped))
  }

  /// Gradients of a projection's adapters, in the input's format until autograd casts them.
  func adapterGradients(
    _ tape: inout Tape, _ edges: ArraySlice<Edge>, input: Edge, format: ScalarFormat
  ) -> (gradients: [Tensor], product: Tensor) {
    let rank = policy.lora?.rank ?? 1
    let rows = input.shape.count / (input.shape.extents.last ?? 1)
    let gradients = edges.map { edge in
      edge.format == format ? tape.open(edge) : tape.openFlow(edge, edge.shape, format)
    }
    // dY · B is used twice; A · xᵀ once.
    let product = tape.openFlow(input, [rows, rank], format)
    tape.drop(tape.openFlow(input, [rank, rows], format))
    return (gradients, product)
  }

  /// The same gradients in the adapters' own format.
  func cast(_ tape: inout Tape, _ gradients: [Tensor], _ edges: ArraySlice<Edge>) -> [Tensor?] {
    zip(gradients, edges).map { gradient, edge in
      guard gradient.format != edge.format else { return gradient.asView() }
      let final = tape.open(edge)
      tape.drop(gradient)
      return final
    }
  }

  /// A projection's part of the input's gradient, added to what is there.
  func addInputGradient(
    _ tape: inout Tape, _ projection: Projection, input: Edge, format: ScalarFormat, isFirst: Bool
  ) {
    let weight = whole(&tape, projection.linear, isForward: false)
    var borrowed: [Tensor] = []
    func borrow(_ format: ScalarFormat, _ tape: inout Tape) {
      borrowed.append(tape.openFlow(input, input.shape, format))
    }
    if policy.choices.adapters == .foak {
      // `dX += de @ W`, then `dX += (X != 0) * (…)`.
      if !isFirst { borrow(format, &tape) }
      tape.drop(weight)
      for tensor in borrowed { tape.drop(tensor) }
      borrowed = []
      for format in [.bool, format, format] { borrow(format, &tape) }
    } else {
      tape.drop(weight)
      if projection.mask != nil {
        borrow(format, &tape)
        borrow(format, &tape)
      }
    }
    for tensor in borrowed { tape.drop(tensor) }
  }

  /// A quantized weight made whole: into a buffer that stays (Unsloth, forward), or one of its own.
  func whole(_ tape: inout Tape, _ linear: TorchWeights.Linear, isForward: Bool) -> Tensor {
    guard case .fourBit(let quantization) = linear.base else { return .void }
    if isForward, policy.keepsScratch { return .void }
    let name = linear.module.name + ".weight"
    let count = linear.module.output * linear.module.input
    let weight = tape.openNamed(
      TensorName.dequantized(name), [linear.module.output, linear.module.input], policy.weightFormat, .workspace)
    // Unsloth's kernel reads nested scales as they are; ctypes ones make them whole first.
    if quantization.isDouble, policy.choices.adapters != .unsloth {
      let blocks = (count + quantization.blockSize - 1) / quantization.blockSize
      tape.drop(tape.openNamed(name + ".absmax.dequantized", [blocks], .fp32, .workspace))
    }
    return weight
  }

  /// An adapter in the input's format.
  func castAdapter(_ tape: inout Tape, _ adapter: Tensor?, _ x: Tensor) -> Tensor {
    guard let adapter, adapter.format != x.format else { return .void }
    return tape.openNamed(adapter.name + ".cast", adapter.shape, x.format, .workspace)
  }
}
