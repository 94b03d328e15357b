import Bookkeeping
import Kernels
import Modeling

// Shape letters here: T tokens, H hidden, q and k query and key/value widths, I intermediate.

extension DecoderLayer {
  /// Turns the gradient of the layer's output into that of its input, and adds up the gradients of what trains here.
  ///
  /// `stream` `[T, H]` is changed in place. The residual path is why that is enough: both branches add to what is there.
  func backward(_ pass: LayerPass, tape: LayerTape<X>, stream: inout Tensor<X>) throws(ArenaError) {
    try backwardFeedForward(pass, tape, &stream)
    try backwardAttention(pass, tape, &stream)
    enter(.attentionNorm, pass)
    tape.attentionReciprocalRMS.close()
    tape.input.close()
    if !needs.stream { stream.close() }
  }

  private func backwardFeedForward(
    _ pass: LayerPass, _ tape: LayerTape<X>, _ stream: inout Tensor<X>
  ) throws(ArenaError) {
    let rows = context.rows
    let inner = context.spec.feedForward.intermediateSize
    enter(.down, pass)
    var productFlow = Tensor<X>()
    if needs.product {
      productFlow = try openFlow(.product, [rows, inner])
      try weights.down.backward(
        dy: stream.span, x: tape.product, rows: rows, tape: tape.downAdapter, into: &productFlow)
    } else {
      try weights.down.backward(dy: stream.span, x: tape.product, rows: rows, tape: tape.downAdapter)
    }
    tape.product.close()

    enter(.activation, pass)
    if needs.product {
      SwiGLU.backward(dProduct: productFlow.span, gate: tape.gate.mutableSpan, up: tape.up.mutableSpan)
      productFlow.close()
    }

    enter(.gateUp, pass)
    var normedFlow = Tensor<X>()
    if needs.mlpNormed { normedFlow = try openFlow(.mlpNormed, [rows, context.spec.hiddenSize]) }
    if needs.gate {
      try backwardProjection(
        weights.gate, dy: tape.gate.span, x: tape.mlpNormed, accumulate: false, tape.gateAdapter, into: &normedFlow)
    }
    tape.gate.close()
    if needs.up {
      try backwardProjection(
        weights.up, dy: tape.up.span, x: tape.mlpNormed, accumulate: needs.gate, tape.upAdapter, into: &normedFlow)
    }
    tape.up.close()
    tape.mlpNormed.close()

    enter(.mlpNorm, pass)
    if needs.mlpNormed {
      try weights.mlpNorm.weightGradient(
        dNormed: normedFlow.span, x: tape.middle.span, reciprocalRMS: tape.mlpReciprocalRMS.span, rows: rows)
      if needs.middle {
        weights.mlpNorm.backward(
          dNormed: normedFlow.span, x: tape.middle.span, reciprocalRMS: tape.mlpReciprocalRMS.span, rows: rows,
          accumulate: true, into: &stream)
      }
      normedFlow.close()
      tape.mlpReciprocalRMS.close()
      tape.middle.close()
    }
  }

  /// Backward of a projection that shares its input with others; `dx` closed means that nobody wants that gradient.
  private func backwardProjection(
    _ linear: Linear, dy: Span<X>, x: borrowing Tensor<X>, accumulate: Bool, _ adapter: LoRATape<X>,
    into dx: inout Tensor<X>
  ) throws(ArenaError) {
    if dx.isOpen {
      try linear.backward(dy: dy, x: x, rows: context.rows, accumulate: accumulate, tape: adapter, into: &dx)
    } else {
      try linear.backward(dy: dy, x: x, rows: context.rows, tape: adapter)
    }
  }

  private func backwardAttention(
    _ pass: LayerPass, _ tape: LayerTape<X>, _ stream: inout Tensor<X>
  ) throws(ArenaError) {
    let rows = context.rows
    let sizes = context.spec.attention
    enter(.output, pass)
    guard needs.context else {
      try weights.output.backward(dy: stream.span, x: tape.context, rows: rows, tape: tape.outputAdapter)
      tape.context.close()
      return
    }
    var contextFlow = try openFlow(.context, [rows, sizes.queryWidth])
    try weights.output.backward(
      dy: stream.span, x: tape.context, rows: rows, tape: tape.outputAdapter, into: &contextFlow)

    enter(.attention, pass)
    let isNormed = weights.queryNorm != nil
    var queryFlow = try openFlow(isNormed ? .queryNormed : .query, [rows, sizes.queryWidth])
    var keyFlow = try openFlow(isNormed ? .keyNormed : .key, [rows, sizes.keyValueWidth])
    var valueFlow = try openFlow(.value, [rows, sizes.keyValueWidth])
    try runAttentionBackward(tape, contextFlow.span, &queryFlow, &keyFlow, &valueFlow)
    contextFlow.close()
    closeAttentionAndContext(tape)

    enter(.rotary, pass)
    rotate(&queryFlow, heads: sizes.heads, inverse: true)
    rotate(&keyFlow, heads: sizes.keyValueHeads, inverse: true)

    enter(.projections, pass)
    if let norm = weights.queryNorm {
      queryFlow = try backwardHeadNorm(
        norm, .query, needs.query, rows * sizes.heads, sizes.queryWidth, &queryFlow, &tape.query,
        &tape.queryReciprocalRMS)
    }
    if let norm = weights.keyNorm {
      keyFlow = try backwardHeadNorm(
        norm, .key, needs.key, rows * sizes.keyValueHeads, sizes.keyValueWidth, &keyFlow, &tape.key,
        &tape.keyReciprocalRMS)
    }
    var normedFlow = Tensor<X>()
    if needs.attentionNormed { normedFlow = try openFlow(.attentionNormed, [rows, context.spec.hiddenSize]) }
    if needs.query {
      try backwardProjection(
        weights.query, dy: queryFlow.span, x: tape.attentionNormed, accumulate: false, tape.queryAdapter,
        into: &normedFlow)
    }
    queryFlow.close()
    if needs.key {
      try backwardProjection(
        weights.key, dy: keyFlow.span, x: tape.attentionNormed, accumulate: true, tape.keyAdapter, into: &normedFlow)
    }
    keyFlow.close()
    if needs.value {
      try backwardProjection(
        weights.value, dy: valueFlow.span, x: tape.attentionNormed, accumulate: true, tape.valueAdapter,
        into: &normedFlow)
    }
    valueFlow.close()
    tape.attentionNormed.close()

    enter(.attentionNorm, pass)
    guard needs.attentionNormed else { return }
    try weights.attentionNorm.weightGradient(
      dNormed: normedFlow.span, x: tape.input.span, reciprocalRMS: tape.attentionReciprocalRMS.span, rows: rows)
    if needs.stream {
      weights.attentionNorm.backward(
        dNormed: normedFlow.span, x: tape.input.span, reciprocalRMS: tape.attentionReciprocalRMS.span, rows: rows,
        accumulate: true, into: &stream)
    }
    normedFlow.close()
  }

  private func runAttentionBackward(
    _ tape: LayerTape<X>, _ contextFlow: Span<X>, _ queryFlow: inout Tensor<X>,
    _ keyFlow: inout Tensor<X>, _ valueFlow: inout Tensor<X>
  ) throws(ArenaError) {
    let sizes = context.spec.attention
    let batch = context.batch
    let isNormed = weights.queryNorm != nil
    let count = Attention.backwardWorkspaceCount(
      sequence: batch.sequence, headDimension: sizes.headDimension, threads: context.threads, format: X.format)
    var workspace: Tensor<Float> = try context.arena.open(
      TensorName.workspace("layers.\(index).attention.backward"), .workspace, [count])
    Attention.backward(
      dOut: contextFlow, out: tape.context.span, q: isNormed ? tape.queryNormed.span : tape.query.span,
      k: isNormed ? tape.keyNormed.span : tape.key.span, v: tape.value.span, logsumexp: tape.logsumexp.span,
      batch: batch.microBatch, sequence: batch.sequence, heads: sizes.heads, keyValueHeads: sizes.keyValueHeads,
      headDimension: sizes.headDimension, scale: attentionScale, intoDQ: queryFlow.mutableSpan,
      dK: keyFlow.mutableSpan, dV: valueFlow.mutableSpan, workspace: workspace.mutableSpan)
    workspace.close()
  }

  private func closeAttentionAndContext(_ tape: LayerTape<X>) {
    if weights.queryNorm == nil {
      tape.query.close()
      tape.key.close()
    } else {
      tape.queryNormed.close()
      tape.keyNormed.close()
    }
    tape.value.close()
    tape.context.close()
    tape.logsumexp.close()
  }

  /// Gradient of queries or keys before their norm, from the one after it, which is closed; closed too if nobody wants it.
  private func backwardHeadNorm(
    _ norm: Norm, _ tensor: LayerTensor, _ isWanted: Bool, _ rows: Int, _ width: Int, _ normedFlow: inout Tensor<X>,
    _ x: inout Tensor<X>, _ reciprocalRMS: inout Tensor<Float>
  ) throws(ArenaError) -> Tensor<X> {
    guard isWanted else {
      normedFlow.close()
      return Tensor()
    }
    var flow = try openFlow(tensor, [context.rows, width])
    norm.backward(
      dNormed: normedFlow.span, x: x.span, reciprocalRMS: reciprocalRMS.span, rows: rows, accumulate: false,
      into: &flow)
    try norm.weightGradient(dNormed: normedFlow.span, x: x.span, reciprocalRMS: reciprocalRMS.span, rows: rows)
    normedFlow.close()
    x.close()
    reciprocalRMS.close()
    return flow
  }
}
