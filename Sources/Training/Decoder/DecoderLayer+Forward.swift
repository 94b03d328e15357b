import Bookkeeping
import Kernels
import Modeling

// Shape letters here: T tokens, H hidden, q and k query and key/value widths, I intermediate, B batch, A heads, S sequence.

extension DecoderLayer {
  /// Runs the layer on `tape.input` and moves what leaves it into `output`.
  ///
  /// While recording, the tape keeps what backward will read; otherwise every tensor is closed after its last use here.
  /// The input is closed too, unless it is needed or `keepsInput` (a checkpoint).
  func forward(
    _ pass: LayerPass, tape: LayerTape<X>, isRecording: Bool, keepsInput: Bool, outputAccount: Account,
    into output: inout Tensor<X>
  ) throws(ArenaError) {
    let needs = isRecording ? needs : .none
    try attend(pass, tape, needs, isRecording)
    if !needs.attentionNormed && !keepsInput { tape.input.close() }
    try feedForward(pass, tape, needs, isRecording)
    enter(.down, pass)
    output = try open(.output, [context.rows, context.spec.hiddenSize], outputAccount)
    Elementwise.copy(tape.middle.span, to: output.mutableSpan)
    try weights.down.forward(
      x: tape.product.span, rows: context.rows, accumulate: true, seed: pass.dropoutSeed, isRecording: isRecording,
      tape: tape.downAdapter, into: &output)
    closeAfterDown(tape, needs, isRecording)
  }

  /// Fills the tape again from the checkpoint in `tape.input`; the layer's output is not made, since nobody reads it.
  func recompute(_ pass: LayerPass, tape: LayerTape<X>) throws(ArenaError) {
    try attend(pass, tape, needs, true)
    try feedForward(pass, tape, needs, true)
    enter(.down, pass)
    try weights.down.recomputeAdapter(
      x: tape.product.span, rows: context.rows, seed: pass.dropoutSeed, tape: tape.downAdapter)
    closeAfterDown(tape, needs, true)
  }

  private func closeAfterDown(_ tape: LayerTape<X>, _ needs: GradientNeeds, _ isRecording: Bool) {
    if !(isRecording && weights.down.trains) { tape.product.close() }
    if !needs.mlpNormed { tape.middle.close() }
  }

  /// Norm, projections, rotary embedding, attention and output projection: `tape.input` to `tape.middle`.
  private func attend(
    _ pass: LayerPass, _ tape: LayerTape<X>, _ needs: GradientNeeds, _ isRecording: Bool
  ) throws(ArenaError) {
    let rows = context.rows
    let sizes = context.spec.attention
    enter(.attentionNorm, pass)
    tape.attentionNormed = try open(.attentionNormed, [rows, context.spec.hiddenSize])
    tape.attentionReciprocalRMS = try open(.attentionReciprocalRMS, [rows])
    weights.attentionNorm.forward(
      x: tape.input.span, rows: rows, into: &tape.attentionNormed, reciprocalRMS: &tape.attentionReciprocalRMS)
    if !needs.attentionNormed { tape.attentionReciprocalRMS.close() }

    enter(.projections, pass)
    tape.query = try open(.query, [rows, sizes.queryWidth])
    try project(weights.query, tape.attentionNormed.span, pass, isRecording, tape.queryAdapter, into: &tape.query)
    tape.key = try open(.key, [rows, sizes.keyValueWidth])
    try project(weights.key, tape.attentionNormed.span, pass, isRecording, tape.keyAdapter, into: &tape.key)
    tape.value = try open(.value, [rows, sizes.keyValueWidth])
    try project(weights.value, tape.attentionNormed.span, pass, isRecording, tape.valueAdapter, into: &tape.value)
    let projectionsTrain = weights.query.trains || weights.key.trains || weights.value.trains
    if !(isRecording && projectionsTrain) { tape.attentionNormed.close() }
    try normalizeQueryAndKey(tape, needs)

    enter(.rotary, pass)
    if weights.queryNorm == nil {
      rotate(&tape.query, heads: sizes.heads, inverse: false)
      rotate(&tape.key, heads: sizes.keyValueHeads, inverse: false)
    } else {
      rotate(&tape.queryNormed, heads: sizes.heads, inverse: false)
      rotate(&tape.keyNormed, heads: sizes.keyValueHeads, inverse: false)
    }

    enter(.attention, pass)
    try runAttention(tape, needs)

    enter(.output, pass)
    tape.middle = try open(.middle, [rows, context.spec.hiddenSize])
    Elementwise.copy(tape.input.span, to: tape.middle.mutableSpan)
    try weights.output.forward(
      x: tape.context.span, rows: rows, accumulate: true, seed: pass.dropoutSeed, isRecording: isRecording,
      tape: tape.outputAdapter, into: &tape.middle)
    if !(needs.context || isRecording && weights.output.trains) { tape.context.close() }
  }

  private func project(
    _ linear: Linear, _ x: Span<X>, _ pass: LayerPass, _ isRecording: Bool, _ adapter: LoRATape<X>,
    into y: inout Tensor<X>
  ) throws(ArenaError) {
    try linear.forward(
      x: x, rows: context.rows, seed: pass.dropoutSeed, isRecording: isRecording, tape: adapter, into: &y)
  }

  private func normalizeQueryAndKey(_ tape: LayerTape<X>, _ needs: GradientNeeds) throws(ArenaError) {
    guard let queryNorm = weights.queryNorm, let keyNorm = weights.keyNorm else { return }
    let rows = context.rows
    let sizes = context.spec.attention
    tape.queryNormed = try open(.queryNormed, [rows, sizes.queryWidth])
    tape.queryReciprocalRMS = try open(.queryReciprocalRMS, [rows * sizes.heads])
    queryNorm.forward(
      x: tape.query.span, rows: rows * sizes.heads, into: &tape.queryNormed, reciprocalRMS: &tape.queryReciprocalRMS)
    if !needs.query {
      tape.query.close()
      tape.queryReciprocalRMS.close()
    }
    tape.keyNormed = try open(.keyNormed, [rows, sizes.keyValueWidth])
    tape.keyReciprocalRMS = try open(.keyReciprocalRMS, [rows * sizes.keyValueHeads])
    keyNorm.forward(
      x: tape.key.span, rows: rows * sizes.keyValueHeads, into: &tape.keyNormed,
      reciprocalRMS: &tape.keyReciprocalRMS)
    if !needs.key {
      tape.key.close()
      tape.keyReciprocalRMS.close()
    }
  }

  private func runAttention(_ tape: LayerTape<X>, _ needs: GradientNeeds) throws(ArenaError) {
    let sizes = context.spec.attention
    let batch = context.batch
    let isNormed = weights.queryNorm != nil
    tape.context = try open(.context, [context.rows, sizes.queryWidth])
    tape.logsumexp = try open(.logsumexp, [batch.microBatch, sizes.heads, batch.sequence])
    var workspace: Tensor<Float> = try context.arena.open(
      TensorName.workspace("layers.\(index).attention"), .workspace,
      [
        Attention.workspaceCount(
          sequence: batch.sequence, headDimension: sizes.headDimension, threads: context.threads, format: X.format)
      ])
    Attention.forward(
      q: isNormed ? tape.queryNormed.span : tape.query.span, k: isNormed ? tape.keyNormed.span : tape.key.span,
      v: tape.value.span, batch: batch.microBatch, sequence: batch.sequence, heads: sizes.heads,
      keyValueHeads: sizes.keyValueHeads, headDimension: sizes.headDimension, scale: attentionScale,
      into: tape.context.mutableSpan, logsumexp: tape.logsumexp.mutableSpan, workspace: workspace.mutableSpan)
    workspace.close()
    if !needs.context { closeAttention(tape) }
  }

  /// Closes what attention was computed from, and its logsumexp.
  func closeAttention(_ tape: LayerTape<X>) {
    if weights.queryNorm == nil {
      tape.query.close()
      tape.key.close()
    } else {
      tape.queryNormed.close()
      tape.keyNormed.close()
    }
    tape.value.close()
    tape.logsumexp.close()
  }

  /// Norm, gate and up projections and activation: `tape.middle` to `tape.product`.
  private func feedForward(
    _ pass: LayerPass, _ tape: LayerTape<X>, _ needs: GradientNeeds, _ isRecording: Bool
  ) throws(ArenaError) {
    let rows = context.rows
    let inner = context.spec.feedForward.intermediateSize
    enter(.mlpNorm, pass)
    tape.mlpNormed = try open(.mlpNormed, [rows, context.spec.hiddenSize])
    tape.mlpReciprocalRMS = try open(.mlpReciprocalRMS, [rows])
    weights.mlpNorm.forward(
      x: tape.middle.span, rows: rows, into: &tape.mlpNormed, reciprocalRMS: &tape.mlpReciprocalRMS)
    if !needs.mlpNormed { tape.mlpReciprocalRMS.close() }

    enter(.gateUp, pass)
    tape.gate = try open(.gate, [rows, inner])
    try project(weights.gate, tape.mlpNormed.span, pass, isRecording, tape.gateAdapter, into: &tape.gate)
    tape.up = try open(.up, [rows, inner])
    try project(weights.up, tape.mlpNormed.span, pass, isRecording, tape.upAdapter, into: &tape.up)
    if !(isRecording && (weights.gate.trains || weights.up.trains)) { tape.mlpNormed.close() }

    enter(.activation, pass)
    tape.product = try open(.product, [rows, inner])
    SwiGLU.forward(gate: tape.gate.span, up: tape.up.span, into: tape.product.mutableSpan)
    if !needs.product {
      tape.gate.close()
      tape.up.close()
    }
  }
}
