import Modeling

/// Which tensors of one decoder layer need a gradient.
///
/// A tensor needs one if anything it was made from does: a parameter that trains, or a tensor below that needs one.
/// That is the whole of autograd's rule; what it costs is up to each operation.
struct LayerGradients: Hashable, Sendable {
  /// What trains in it.
  let training: LayerTraining
  /// Whether the stream that enters the layer needs one: something below the layer trains.
  let input: Bool
  let attentionNormed: Bool
  let query: Bool
  let key: Bool
  let value: Bool
  let context: Bool
  /// The stream between attention and feed-forward network.
  let middle: Bool
  let mlpNormed: Bool
  let gate: Bool
  let up: Bool
  /// What goes into the projection back to the hidden size.
  let product: Bool
  /// The stream that leaves the layer.
  let output: Bool

  /// Whether backward comes to this layer at all.
  var takesPart: Bool { output }

  /// The linear layers whose weight trains or that have an adapter.
  var trained: Set<Parameter.Linear> { training.trained }
  /// Whether the layer's norms train.
  var trainsNorms: Bool { training.norms }

  /// Walks one layer of `spec`.
  ///
  /// - Parameters:
  ///   - input: whether the stream that enters needs a gradient.
  ///   - training: what trains in the layer.
  init(of spec: ModelSpec, input: Bool, training: LayerTraining) {
    self.training = training
    self.input = input
    let trained = training.trained
    attentionNormed = input || training.norms
    let normsQuery = training.headNorms && spec.attention.normalizesQueryAndKey
    let fused = trained.contains(.queryKeyValue)
    query = attentionNormed || trained.contains(.query) || fused || normsQuery
    key = attentionNormed || trained.contains(.key) || fused || normsQuery || training.prefix
    value = attentionNormed || trained.contains(.value) || fused || training.prefix
    context = query || key || value
    let attentionOutput = context || trained.contains(.output)
    middle = input || attentionOutput || (training.norms && spec.normalization.normalizesOutputs)
    // Side by side, the feed-forward network reads what attention reads and not what it writes.
    mlpNormed = (spec.normalization.isParallel ? input : middle) || training.norms
    gate =
      mlpNormed || trained.contains(.gate) || trained.contains(.gateUp) || training.experts
      || training.expertAdapters
    up =
      mlpNormed || trained.contains(.up) || trained.contains(.gateUp) || training.experts
      || training.expertAdapters
    product = gate || up
    output = middle || product || trained.contains(.down) || training.norms
  }

  /// A layer that runs without a record: nothing of it needs a gradient.
  static let unrecorded = LayerGradients()

  private init() {
    training = LayerTraining()
    (input, attentionNormed, query, key, value) = (false, false, false, false, false)
    (context, middle, mlpNormed, gate, up, product, output) = (false, false, false, false, false, false, false)
  }
}
