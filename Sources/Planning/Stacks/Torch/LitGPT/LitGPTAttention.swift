import Bookkeeping
import Modeling

// Shape letters here: b sequences, s tokens of one, A heads, KV key/value heads, D width of a head, r rank.

extension TorchModel {
  /// One projection, split; rotation; repetition of shared heads; attention; output projection.
  ///
  /// Sources: litgpt/model.py, `CausalSelfAttention.forward`; lit_gpt/model.py of 2023, whose projection is interleaved
  /// by group, so that shared heads make copies of queries too and are repeated before they are turned.
  func litGPTAttention(_ tape: inout Tape, _ layer: Int, _ x: Tensor) -> Tensor {
    let attention = spec.attention
    let isShared = attention.heads != attention.keyValueHeads
    let repeatsFirst = policy.choices.modelCode == .litgpt2023 && isShared
    func heads(_ count: Int) -> Shape { [microBatch, count, sequence, attention.headDimension] }
    tape.enter(.layer(layer, .projections))
    let all = linear(&tape, layer, .queryKeyValue, x, "qkv")
    guard !all.isVoid else { return .void }
    let counts = [attention.heads, attention.keyValueHeads, attention.keyValueHeads]
    // Gradients come back laid out head by head, and are copied to be viewed: one by one, or, interleaved, all at once.
    let isInterleaved = policy.choices.modelCode == .litgpt2023
    let source = isInterleaved ? tape.slice(all, all.shape) : all
    let parts = tape.split(source, counts.map(heads))
    if isInterleaved { tape.drop(source) }
    var views: [Tensor] = []
    for (part, count) in zip(parts, counts) {
      if repeatsFirst {
        views.append(tape.copy("heads.repeated", part, heads(attention.heads)))
      } else if isInterleaved {
        views.append(tape.reshape(part, heads(count)))
      } else {
        views.append(tape.slice(part, heads(count)))
      }
      tape.drop(part)
    }
    tape.enter(.layer(layer, .rotary))
    let turnedHeads = repeatsFirst ? attention.heads : attention.keyValueHeads
    let turnedQ = litGPTRotate(&tape, views[0], heads: attention.heads, "q.rotated")
    let turnedK = litGPTRotate(&tape, views[1], heads: turnedHeads, "k.rotated")
    let q = litGPTJoin(&tape, consuming: views[0], turnedQ, heads: attention.heads, "q.joined")
    var k = litGPTJoin(&tape, consuming: views[1], turnedK, heads: turnedHeads, "k.joined")
    var v = views[2]
    tape.enter(.layer(layer, .attention))
    if isShared, !repeatsFirst {
      let repeatedK = tape.copy("k.repeated", k, heads(attention.heads))
      tape.drop(k)
      let repeatedV = tape.copy("v.repeated", v, heads(attention.heads))
      tape.drop(v)
      (k, v) = (repeatedK, repeatedV)
    }
    let kernel = fused(&tape, q, k, v, bias: nil)
    let context = tape.copy("context.rearranged", kernel, kernel.shape)
    tape.drop(kernel)
    tape.enter(.layer(layer, .output))
    let output = linear(&tape, layer, .output, context, "attention_output")
    for tensor in [context, turnedK, turnedQ, v, k, q, all] { tape.drop(tensor) }
    return output
  }

  /// The rotated part of a head turned against tables in fp32, cast back (litgpt/model.py, `apply_rope`).
  private func litGPTRotate(_ tape: inout Tape, _ x: Tensor, heads: Int, _ name: String) -> Tensor {
    guard let tables = weights.rotaryTables, let width = rotatedWidth else { return .void }
    let whole: Shape = [microBatch, heads, sequence, width]
    let half: Shape = [microBatch, heads, sequence, width / 2]
    let row: Shape = [1, 1, sequence, width]
    let front = width == spec.attention.headDimension ? x.viewed(as: whole) : tape.slice(x, whole)
    let first = tape.slice(front, half)
    let second = tape.slice(front, half)
    let negated = tape.scale(name + ".negated", second)
    let crossed = tape.concatenate(name + ".crossed", [negated, first], whole)
    tape.drop(negated)
    let straight = tape.multiply(name + ".cosine_part", front, tables.cosine.viewed(as: row))
    let turned = tape.multiply(name + ".sine_part", crossed, tables.sine.viewed(as: row))
    let sum = tape.add(name + ".sum", straight, turned)
    tape.drop(turned)
    tape.drop(straight)
    let result = tape.cast(name, sum, to: x.format)
    for tensor in [sum, crossed, second, first] { tape.drop(tensor) }
    if width != spec.attention.headDimension { tape.drop(front) }
    return result
  }

  /// `torch.cat((roped, x[..., n:]), dim=-1)`: a copy even where nothing is left behind the rotated part.
  private func litGPTJoin(
    _ tape: inout Tape, consuming x: Tensor, _ turned: Tensor, heads: Int, _ name: String
  ) -> Tensor {
    guard !turned.isVoid else { return x }
    let dimension = spec.attention.headDimension
    let rest = tape.slice(x, [microBatch, heads, sequence, dimension - (rotatedWidth ?? dimension)])
    let joined = tape.concatenate(name, [turned, rest], [microBatch, heads, sequence, dimension])
    tape.drop(rest)
    tape.drop(x)
    return joined
  }

  /// An adapter on some of queries, keys and values: one down-projection for all, a convolution of groups up, zeros for
  /// those that have none.
  ///
  /// Grouped heads make parts of several widths, each with a convolution of its own; what a convolution's library
  /// borrows is not counted. Sources: litgpt/lora.py, `LoRAQKVLinear.forward`, `conv1d`, `zero_pad`; torch
  /// derivatives.yaml, `index_copy`.
  func fusedDelta(_ tape: inout Tape, _ linear: TorchWeights.Linear, _ x: Tensor, _ name: String) -> Tensor {
    guard let loraA = linear.loraA, let loraB = linear.loraB, let lora = policy.lora else { return .void }
    let widths = linear.adapterParts
    let width = widths.reduce(0, +)
    var input = x
    if lora.dropout > 0 {
      input = tape.dropout(name + ".lora_dropout.output", maskName: name + ".lora_dropout.mask", x)
    } else {
      tape.retain(x)
    }
    let down = product(&tape, name + ".lora_A.output", input, loraA, width: lora.rank * widths.count)
    tape.drop(input)
    let up: Tensor
    if spec.attention.heads == spec.attention.keyValueHeads {
      up = convolution(&tape, name + ".lora_B.output", down, loraB, width: width)
    } else {
      let inputs = tape.split(down, widths.map { _ in [microBatch, sequence, lora.rank] })
      let kernels = tape.split(loraB, widths.map { [$0, lora.rank] })
      var outputs: [Tensor] = []
      for (index, (part, kernel)) in zip(inputs, kernels).enumerated() {
        outputs.append(convolution(&tape, "\(name).lora_B.\(index).output", part, kernel, width: widths[index]))
      }
      up = tape.concatenate(name + ".lora_B.output", outputs, [microBatch, sequence, width])
      for tensor in outputs + inputs + kernels { tape.drop(tensor) }
    }
    tape.drop(down)
    let padded = zeroPadded(&tape, up, width: linear.module.output, name)
    let scaled = tape.scale(name + ".lora_scaled", padded)
    tape.drop(padded)
    tape.drop(up)
    return scaled
  }

  /// `F.conv1d` with kernels of one element: keeps its input and its weight.
  private func convolution(_ tape: inout Tape, _ name: String, _ x: Tensor, _ kernel: Tensor, width: Int) -> Tensor {
    let weight = castWeight(&tape, kernel)
    let input = castInput(&tape, name, x)
    let result = tape.apply(
      name, to: [input, weight], shape: [microBatch, sequence, width], format: input.format, saving: [input, weight],
      rule: Rules.fresh)
    tape.drop(input)
    tape.drop(weight)
    return result
  }

  /// Zeros of the projection's width with the adapter's columns copied in: what is copied and where it goes are kept.
  private func zeroPadded(_ tape: inout Tape, _ x: Tensor, width: Int, _ name: String) -> Tensor {
    guard x.count != microBatch * sequence * width else {
      tape.retain(x)
      return x
    }
    let shape: Shape = [microBatch, sequence, width]
    let zeros =
      policy.choices.modelCode == .litgpt2023
      ? tape.open(name + ".lora_zeros", shape, x.format) : Tensor.void
    let columns = tape.open(name + ".lora_columns", [x.count / (microBatch * sequence)], .int64)
    let padded = tape.apply(
      name + ".lora_padded", to: [x], shape: shape, format: x.format, saving: [x, columns], rule: Rules.fresh)
    tape.drop(columns)
    tape.drop(zeros)
    return padded
  }
}
