import Bookkeeping
import Modeling

// Shape letters here: b sequences, s tokens of one, D rotated width of a head.

/// Cosines and sines of a batch's positions, shared by every layer.
struct RotaryTables {
  let cosine: Tensor
  let sine: Tensor
}

extension TorchModel {
  /// Tables of shape [1, s, D] in the stream's format (models/llama/modeling_llama.py, `LlamaRotaryEmbedding.forward`).
  func rotaryTables(_ tape: inout Tape, streamFormat: ScalarFormat) -> RotaryTables? {
    guard let width = rotatedWidth else { return nil }
    let whole: Shape = [1, sequence, width]
    func open(_ name: String, _ shape: Shape, _ format: ScalarFormat, _ tape: inout Tape) -> Tensor {
      tape.openNamed(name, shape, format, .batch)
    }
    let positions = open("rotary.positions.fp32", [1, sequence, 1], .fp32, &tape)
    let half = open("rotary.frequencies", [1, sequence, width / 2], .fp32, &tape)
    tape.drop(positions)
    let angles = open("rotary.angles", whole, .fp32, &tape)
    var scaled: [Tensor] = []
    for name in [TensorName.cosineTable, TensorName.sineTable] {
      let plain = open(name + ".fp32", whole, .fp32, &tape)
      scaled.append(open(name + ".scaled", whole, .fp32, &tape))
      tape.drop(plain)
    }
    var tables = scaled
    if streamFormat != .fp32 {
      tables = [
        open(TensorName.cosineTable, whole, streamFormat, &tape),
        open(TensorName.sineTable, whole, streamFormat, &tape),
      ]
      for tensor in scaled { tape.drop(tensor) }
    }
    tape.drop(half)
    tape.drop(angles)
    return RotaryTables(cosine: tables[0], sine: tables[1])
  }

  /// Elements of a head that are rotated; `nil` where positions are learned.
  var rotatedWidth: Int? {
    guard case .rotary(let rotary) = spec.positions else { return nil }
    return max(2, Int(Double(spec.attention.headDimension) * rotary.rotatedShare) / 2 * 2)
  }

  /// Whether one kernel rotates queries and keys where they are.
  var rotatesInPlace: Bool { policy.choices.rotary != .composed && hasFusedKernels }

  /// Whether Liger and Unsloth have kernels for the family; the others run without them
  /// (liger_kernel/transformers/monkey_patch.py, `MODEL_TYPE_TO_APPLY_LIGER_FN`).
  var hasFusedKernels: Bool { ![.gpt2, .gptNeoX, .phi].contains(spec.architecture) }

  /// Whether queries and keys come out of a concatenation, laid out head by head and not token by token any more.
  var rotationConcatenates: Bool {
    guard let rotatedWidth, !rotatesInPlace else { return false }
    return rotatedWidth < spec.attention.headDimension || spec.architecture == .phi3
  }

  /// `x * cos + rotate_half(x) * sin`, the unrotated rest of a head put back behind it.
  ///
  /// Nothing of `x` is kept; the tables are. Source: models/llama/modeling_llama.py, `apply_rotary_pos_emb`;
  /// models/phi/modeling_phi.py and models/gpt_neox/modeling_gpt_neox.py for heads rotated in part.
  func rotate(_ tape: inout Tape, _ x: Tensor, heads: Int, _ tables: RotaryTables, _ name: String) -> Tensor {
    let dimension = spec.attention.headDimension
    let rotated = rotatedWidth ?? dimension
    guard rotationConcatenates else { return rotateWhole(&tape, x, width: rotated, heads: heads, tables, name) }
    let front = tape.slice(x, [microBatch, heads, sequence, rotated])
    let rest = rotated == dimension ? Tensor.void : tape.slice(x, [microBatch, heads, sequence, dimension - rotated])
    let turned = rotateWhole(&tape, front, width: rotated, heads: heads, tables, name + ".front")
    let result = tape.concatenate(
      name, rest.isVoid ? [turned] : [turned, rest], [microBatch, heads, sequence, dimension])
    tape.drop(turned)
    tape.drop(front)
    tape.drop(rest)
    return result
  }

  private func rotateWhole(
    _ tape: inout Tape, _ x: Tensor, width: Int, heads: Int, _ tables: RotaryTables, _ name: String
  ) -> Tensor {
    let whole: Shape = [microBatch, heads, sequence, width]
    let half: Shape = [microBatch, heads, sequence, width / 2]
    let straight = tape.multiply(name + ".cosine_part", x.viewed(as: whole), tables.cosine)
    let first = tape.slice(x, half)
    let second = tape.slice(x, half)
    let negated = tape.scale(name + ".negated", second)
    let crossed = tape.concatenate(name + ".crossed", [negated, first], whole)
    tape.drop(negated)
    tape.drop(second)
    tape.drop(first)
    let turned = tape.multiply(name + ".sine_part", crossed, tables.sine)
    tape.drop(crossed)
    let result = tape.add(name, straight, turned)
    tape.drop(turned)
    tape.drop(straight)
    return result
  }
}
