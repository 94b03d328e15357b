import Bookkeeping
import Kernels
import Modeling

/// One layer of a Llama-type decoder: its weights, and the sizes that its operations share.
final class DecoderLayer {
  /// The layer's weights by their place.
  struct Weights {
    let attentionNorm: Norm
    let query: Linear
    let key: Linear
    let value: Linear
    let queryNorm: Norm?
    let keyNorm: Norm?
    let output: Linear
    let mlpNorm: Norm
    let gate: Linear
    let up: Linear
    let down: Linear

    var linears: [Linear] { [query, key, value, output, gate, up, down] }
  }

  /// What every layer of a run has in common.
  struct Context {
    let spec: ModelSpec
    let batch: BatchShape
    let arena: Arena
    let rotary: RotaryTables
    /// Threads that attention borrows a workspace for.
    let threads: Int

    var rows: Int { batch.tokens }
  }

  let index: Int
  let weights: Weights
  let needs: GradientNeeds
  let context: Context

  init(index: Int, weights: Weights, trainsBelow: Bool, context: Context) {
    self.index = index
    self.weights = weights
    self.context = context
    needs = GradientNeeds(weights, trainsBelow: trainsBelow)
  }

  /// What a pass needs to know of the moment it runs in.
  struct Pass {
    let phase: StepClock.Phase
    let microBatch: Int
    /// Seeds the dropout of this micro-batch; the same for a recomputation, and none where nothing is to be dropped.
    let dropoutSeed: UInt64?
  }

  func open(
    _ tensor: LayerTensor, _ shape: Shape, _ account: Account = .activations
  ) throws(ArenaError) -> Tensor<Float> {
    try context.arena.open(TensorName.layer(index, tensor), account, shape)
  }

  func openFlow(_ tensor: LayerTensor, _ shape: Shape) throws(ArenaError) -> Tensor<Float> {
    try context.arena.open(TensorName.flow(TensorName.layer(index, tensor)), .activations, shape)
  }

  func enter(_ operation: LayerOperation, _ pass: Pass) {
    context.arena.advance(to: .step(pass.phase, .layer(index, operation), microBatch: pass.microBatch))
  }

  /// Rotates `x` `[T, heads·D]` in place, back again if `inverse`.
  func rotate(_ x: inout Tensor<Float>, heads: Int, inverse: Bool) {
    RotaryEmbedding.apply(
      cosine: context.rotary.cosine.span, sine: context.rotary.sine.span, batch: context.batch.microBatch,
      sequence: context.batch.sequence, heads: heads, headDimension: context.spec.attention.headDimension,
      inverse: inverse, to: x.mutableSpan)
  }

  /// What scores are multiplied with before softmax.
  var attentionScale: Float { Float(1 / Double(context.spec.attention.headDimension).squareRoot()) }
}
