import Bookkeeping
import Modeling

// Shape letters here: b sequences, s tokens of one, A heads, KV key/value heads, D width of a head.

extension TorchModel {
  /// One layer; the caller keeps its reference to `input`.
  ///
  /// What attention and feed-forward network return stays bound to a name until the layer returns. Source: torchtune
  /// modules/transformer.py, `TransformerSelfAttentionLayer.forward`.
  func torchtuneLayer(_ tape: inout Tape, _ layer: Int, _ input: Tensor) -> Tensor {
    let norms = weights.layers[layer].norms
    guard let attentionNorm = norms[.attention], let mlpNorm = norms[.mlp] else { return .void }
    tape.enter(.layer(layer, .attentionNorm))
    let normed = torchtuneNorm(&tape, attentionNorm, input, LayerTensor.attentionNormed.rawValue)
    let attended = torchtuneAttention(&tape, layer, normed)
    let middle = streamSum(
      &tape, tape.prefix + LayerTensor.middle.rawValue, attended, input, account: .activations)
    tape.drop(normed)
    tape.enter(.layer(layer, .mlpNorm))
    let mlpNormed = torchtuneNorm(&tape, mlpNorm, middle, LayerTensor.mlpNormed.rawValue)
    let network = feedForward(&tape, layer, mlpNormed)
    tape.drop(mlpNormed)
    let output = streamSum(&tape, streamName(after: layer), middle, network, account: streamAccount(after: layer))
    for tensor in [network, middle, attended] { tape.drop(tensor) }
    return output
  }

  /// torch's `rms_norm` of an fp32 copy, composed of its parts where the weight has another format; until 0.6 a norm
  /// written out in Python.
  ///
  /// Sources: torchtune modules/rms_norm.py, `RMSNorm.forward`; torch aten/native/layer_norm.cpp,
  /// `rms_norm_composite`.
  func torchtuneNorm(_ tape: inout Tape, _ norm: TorchWeights.Norm, _ x: Tensor, _ name: String) -> Tensor {
    guard policy.choices.modelCode == .torchtune else { return self.norm(&tape, norm, x, name) }
    let perRow = Shape(Array(x.shape.extents.dropLast()) + [1])
    let whole = tape.cast(name + ".fp32", x, to: .fp32)
    let squares = tape.power(name + ".squares", whole)
    let variance = tape.mean(name + ".variance", squares, perRow)
    let reciprocal = tape.reciprocalRoot(name + ".reciprocal_rms", variance)
    tape.drop(variance)
    tape.drop(squares)
    let normed = tape.multiply(name + ".normed.fp32", whole, reciprocal)
    let weighted = tape.multiply(name + ".weighted", normed, norm.weight)
    for tensor in [normed, reciprocal, whole] { tape.drop(tensor) }
    let result = tape.cast(name, weighted, to: x.format)
    tape.drop(weighted)
    return result
  }

  /// Projections, rotation, repetition of shared heads, attention, output projection (modules/attention.py,
  /// `MultiHeadAttention.forward`).
  private func torchtuneAttention(_ tape: inout Tape, _ layer: Int, _ x: Tensor) -> Tensor {
    let attention = spec.attention
    let isShared = attention.heads != attention.keyValueHeads
    func heads(_ count: Int) -> Shape { [microBatch, sequence, count, attention.headDimension] }
    let all: Shape = [microBatch, attention.heads, sequence, attention.headDimension]
    func project(_ tape: inout Tape, _ role: Parameter.Linear, _ name: String, _ count: Int) -> Tensor {
      tape.enter(.layer(layer, .projections))
      let flat = linear(&tape, layer, role, x, name)
      // The gradient of what was repeated comes back laid out head by head, and is copied to be viewed.
      let isCopied = role != .query && isShared
      let viewed = isCopied ? tape.slice(flat, heads(count)) : tape.reshape(flat, heads(count))
      tape.drop(flat)
      return viewed
    }
    func turn(_ tape: inout Tape, consuming x: Tensor, _ name: String) -> Tensor {
      guard let tables = weights.rotaryTables else { return x }
      tape.enter(.layer(layer, .rotary))
      let rotated = torchtuneRotate(&tape, x, tables, name)
      tape.drop(x)
      return rotated
    }
    func expand(_ tape: inout Tape, consuming x: Tensor, _ name: String) -> Tensor {
      guard isShared else { return x }
      let copy = tape.copy(name, x, all)
      tape.drop(x)
      return copy
    }
    let q = turn(&tape, consuming: project(&tape, .query, "q", attention.heads), "q.rotated")
    let flatK = project(&tape, .key, "k", attention.keyValueHeads)
    let flatV = project(&tape, .value, "v", attention.keyValueHeads)
    let turnedK = turn(&tape, consuming: flatK, "k.rotated")
    tape.enter(.layer(layer, .attention))
    let k = expand(&tape, consuming: turnedK, "k.repeated")
    let v = expand(&tape, consuming: flatV, "v.repeated")
    let context = fused(&tape, q, k, v, bias: nil)
    tape.enter(.layer(layer, .output))
    let output = linear(&tape, layer, .output, context, "attention_output")
    for tensor in [context, v, k, q] { tape.drop(tensor) }
    return output
  }

  /// Pairs of neighboring elements turned in fp32: two products and their difference, two and their sum, stacked, cast
  /// back (modules/position_embeddings.py, `RotaryPositionalEmbeddings.forward`).
  private func torchtuneRotate(_ tape: inout Tape, _ x: Tensor, _ tables: RotaryTables, _ name: String) -> Tensor {
    let half = Shape(Array(x.shape.extents.dropLast()) + [spec.attention.headDimension / 2])
    let row: Shape = [1, sequence, 1, spec.attention.headDimension / 2]
    let whole = tape.cast(name + ".fp32", x, to: .fp32)
    func part(_ tape: inout Tape, _ table: Tensor, _ suffix: String) -> Tensor {
      let selected = tape.slice(whole, half)
      let product = tape.multiply(name + suffix, selected, table.viewed(as: row))
      tape.drop(selected)
      return product
    }
    let evenCosine = part(&tape, tables.cosine, ".even.cosine_part")
    let oddSine = part(&tape, tables.sine, ".odd.sine_part")
    let even = tape.subtract(name + ".even", evenCosine, oddSine)
    tape.drop(oddSine)
    tape.drop(evenCosine)
    let oddCosine = part(&tape, tables.cosine, ".odd.cosine_part")
    let evenSine = part(&tape, tables.sine, ".even.sine_part")
    let odd = tape.add(name + ".odd", oddCosine, evenSine)
    tape.drop(evenSine)
    tape.drop(oddCosine)
    let stacked = tape.concatenate(name + ".stacked", [even, odd], x.shape)
    tape.drop(odd)
    tape.drop(even)
    let result = tape.cast(name, stacked, to: x.format)
    tape.drop(stacked)
    tape.drop(whole)
    return result
  }
}
