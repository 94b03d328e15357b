import Bookkeeping
import Modeling

// Shape letters here: T tokens of a micro-batch, H hidden, V vocabulary, L layers, t GPUs that divide products.

/// What GPUs that divide every product send each other in a micro-batch: sums of [T, H] streams.
///
/// - Forward sums up what attention and the feed-forward network give, 2 a layer, and the lookup; recomputed layers do
///   so again, but for what comes last where a recomputation stops as soon as it has all that was saved.
/// - Backward sums up the gradients of what divided products read: once for each product, of which Megatron has 2 a layer
///   and Transformers, whose queries, keys, values, gate and up are layers of their own, 5; and once for the head.
/// - Sequence parallelism gathers where those are read and scatters where they are made, which sends as much as the sum;
///   backward gathers what was kept divided once more for each of its products.
/// - Transformers' head gathers the logits.
///
/// The next product waits for all of it, but for sums in Megatron's backward, which pass while the weight's gradient is
/// computed (megatron/core/tensor_parallel/layers.py, `LinearWithGradAccumulationAndAsyncCommunication.backward`). Sums
/// over [T] of a divided loss, and of norms' gradients, are too small to count. Source of the volumes: Korthikanti et al.
/// 2022, "Reducing Activation Recomputation in Large Transformer Models", section 4.2.
struct TensorParallelSums {
  /// Bytes that each GPU sends and that the next product waits for.
  let waited: Double
  /// Bytes that each GPU sends beside the computing.
  let hidden: Double

  init(_ spec: ModelSpec, _ recipe: Recipe, _ ring: Ring) {
    let isMegatron = recipe.choices.modelCode == .megatron
    let format: ScalarFormat = recipe.precision == .autocast ? recipe.castFormat ?? .bf16 : recipe.weightFormat
    let tokens = Double(recipe.batch.tokens)
    let stream = tokens * Double(spec.hiddenSize) * format.bytesPerElement
    let layers = Double(spec.layerCount)
    let stopsEarly = !isMegatron && !recipe.choices.reentersCheckpoints
    let again = recipe.usesGradientCheckpointing ? (stopsEarly ? 1.0 : 2.0) * layers : 0
    let forward = 2 * layers + 1 + again
    let projections = isMegatron || spec.attention.fusesProjections ? 1.0 : 3
    let inner = isMegatron || spec.feedForward.fusesGateAndUp || !spec.feedForward.isGated ? 1.0 : 2
    let backward = (projections + inner) * layers + 1
    var (waited, hidden) = (ring.allReduced(forward * stream), 0.0)
    if isMegatron { hidden = ring.allReduced(backward * stream) } else { waited += ring.allReduced(backward * stream) }
    if recipe.parallelism.settings.usesSequenceParallel { hidden += ring.divided((2 * layers + 1) * stream) }
    if !isMegatron { waited += ring.divided(tokens * Double(spec.vocabularySize) * format.bytesPerElement) }
    (self.waited, self.hidden) = (waited, hidden)
  }
}
