import Bookkeeping
import Kernels
import Modeling

/// One layer of a Llama-type decoder, its activations stored in `X`.
final class DecoderLayer<X: StoredNumber> {
  let index: Int
  let weights: LayerWeights
  let needs: GradientNeeds
  let context: LayerContext

  init(index: Int, weights: LayerWeights, trainsBelow: Bool, context: LayerContext) {
    self.index = index
    self.weights = weights
    self.context = context
    needs = GradientNeeds(weights, trainsBelow: trainsBelow)
  }

  func open<Element: TensorElement>(
    _ tensor: LayerTensor, _ shape: Shape, _ account: Account = .activations
  ) throws(ArenaError) -> Tensor<Element> {
    try context.arena.open(TensorName.layer(index, tensor), account, shape)
  }

  func openFlow(_ tensor: LayerTensor, _ shape: Shape) throws(ArenaError) -> Tensor<X> {
    try context.arena.open(TensorName.flow(TensorName.layer(index, tensor)), .activations, shape)
  }

  func enter(_ operation: LayerOperation, _ pass: LayerPass) {
    context.arena.advance(to: .step(pass.phase, .layer(index, operation), microBatch: pass.microBatch))
  }

  /// Rotates `x` `[T, heads·D]` in place, back again if `inverse`.
  func rotate(_ x: inout Tensor<X>, heads: Int, inverse: Bool) {
    RotaryEmbedding.apply(
      cosine: context.rotary.cosine.span, sine: context.rotary.sine.span, batch: context.batch.microBatch,
      sequence: context.batch.sequence, heads: heads, headDimension: context.spec.attention.headDimension,
      inverse: inverse, to: x.mutableSpan)
  }

  /// What scores are multiplied with before softmax.
  var attentionScale: Float { Float(1 / Double(context.spec.attention.headDimension).squareRoot()) }
}
