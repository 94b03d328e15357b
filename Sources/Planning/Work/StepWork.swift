package import Bookkeeping
package import Modeling

// Shape letters here: T tokens, H hidden, V vocabulary.

/// The floating-point operations of one step, from shapes.
///
/// A product with a weight costs 2·T·in·out forward; in backward the same for the input's gradient, where the input
/// needs one, and again for the weight's, where the weight trains. So a trained layer costs three times its forward
/// and a frozen one twice, or once below everything that trains. Checkpointing adds the forward of every layer that
/// backward comes to.
package struct StepWork {
  let spec: ModelSpec
  let recipe: Recipe
  let needs: RequiresGrad
  var book = WorkBook()

  /// Tokens of a sequence that run through the layers, virtual ones included.
  var sequence: Int { recipe.batch.sequence + (recipe.method.virtualTokens?.tokensInStream ?? 0) }
  /// Virtual tokens that queries look back on and that run through no layer.
  var prefixLength: Int { recipe.method.virtualTokens?.tokensInKeys ?? 0 }
  var tokens: Int { recipe.batch.microBatch * sequence }
  var hidden: Int { spec.hiddenSize }
  /// Tokens of a micro-batch between divided products: under sequence parallelism this GPU's.
  var streamTokens: Int {
    let settings = recipe.parallelism.settings
    return settings.usesSequenceParallel ? tokens / settings.tensorParallelSize : tokens
  }

  /// The share of a part of the base model.
  func share(trains: Bool) -> WorkSheet.Share { trains ? .trained : .frozen }

  package static func sheet(_ spec: ModelSpec, _ recipe: Recipe) -> WorkSheet {
    var work = StepWork(spec.share(in: recipe), recipe)
    work.step()
    return work.book.sheet
  }

  private init(_ spec: ModelSpec, _ recipe: Recipe) {
    self.spec = spec
    self.recipe = recipe
    needs = RequiresGrad(
      of: spec, method: recipe.method, hasStackedExperts: recipe.choices.experts == .grouped)
  }

  /// Layers that cost the same.
  private struct Kind: Hashable {
    let needs: LayerGradients
    let window: Int?
  }

  private mutating func step() {
    let microBatches = recipe.batch.accumulation
    var kinds: [Kind: Int] = [:]
    var order: [Kind] = []
    for index in 0..<spec.layerCount {
      let kind = Kind(needs: needs.layers[index], window: AttentionWork.window(of: spec, layer: index))
      if kinds[kind] == nil { order.append(kind) }
      kinds[kind, default: 0] += 1
    }
    book.times = microBatches
    embedding()
    for kind in order {
      book.times = microBatches * (kinds[kind] ?? 0)
      layer(kind.needs, window: kind.window, .forward)
      guard kind.needs.takesPart else { continue }
      if recipe.usesGradientCheckpointing { layer(kind.needs, window: kind.window, .recompute) }
      layer(kind.needs, window: kind.window, .backward)
    }
    book.times = microBatches
    for phase in [WorkSheet.Phase.forward, .backward] {
      norm(
        "final norm", width: hidden, rows: streamTokens, phase, inputNeedsGradient: needs.lastStream,
        trains: needs.finalNorm)
    }
    head()
    book.times = 1
    optimizer()
  }

  private mutating func embedding() {
    if case .learned = spec.positions {
      book.elements(
        "position embedding", .forward, share(trains: needs.embedding), tokens * hidden, cost: ElementCost.residual)
    }
    guard needs.embedding else { return }
    let tables = if case .learned = spec.positions { 2 } else { 1 }
    book.elements(
      "embedding", .backward, .trained, tables * tokens * hidden, cost: ElementCost.embeddingBackward)
  }

  /// One layer in one phase.
  private mutating func layer(_ needs: LayerGradients, window: Int?, _ phase: WorkSheet.Phase) {
    let normalization = spec.normalization
    norm("attention norm", needs.input, needs, phase)
    for role in spec.attentionRoles {
      linear(role, phase, inputNeedsGradient: needs.attentionNormed, needs.training)
    }
    attention(needs, window: window, phase)
    linear(.output, phase, inputNeedsGradient: needs.context, needs.training)
    if normalization.normalizesOutputs { norm("attention output norm", needs.middle, needs, phase) }
    if !(normalization.isParallel && normalization.sharesParallelNorm) {
      norm("mlp norm", normalization.isParallel ? needs.input : needs.middle, needs, phase)
    }
    feedForward(needs, phase)
    if normalization.normalizesOutputs { norm("mlp output norm", needs.output, needs, phase) }
    if phase != .backward || needs.output {
      book.elements("residual", phase, .weightless, 2 * streamTokens * hidden, cost: ElementCost.residual)
    }
  }

  /// A norm of the stream.
  private mutating func norm(
    _ name: String, _ inputNeedsGradient: Bool, _ needs: LayerGradients, _ phase: WorkSheet.Phase
  ) {
    norm(
      name, width: hidden, rows: streamTokens, phase, inputNeedsGradient: inputNeedsGradient, trains: needs.trainsNorms)
  }

  /// A norm over rows of `width`; in backward it costs only what its input and its weight need.
  mutating func norm(
    _ name: String, width: Int, rows: Int, _ phase: WorkSheet.Phase, inputNeedsGradient: Bool,
    trains: Bool
  ) {
    let isLayerNorm = spec.normalization.kind == .layer
    let count = rows * width
    guard phase == .backward else {
      book.elements(
        name, phase, share(trains: trains), count, cost: isLayerNorm ? ElementCost.layerNorm : ElementCost.rmsNorm)
      return
    }
    if inputNeedsGradient {
      let cost = isLayerNorm ? ElementCost.layerNormBackward : ElementCost.rmsNormBackward
      book.elements(name, .backward, share(trains: trains), count, cost: cost)
    }
    if trains {
      let cost = ElementCost.normWeight + (isLayerNorm ? ElementCost.normBias : 0)
      book.elements(name, .backward, .trained, count, cost: cost)
    }
  }

  /// The head, whose product is counted for every token, and the loss over its scores.
  ///
  /// TRL's fused head makes its scores again in backward (trl/kernels/chunked_logprob.py, `ChunkedLogProbFunction`), and
  /// so does our engine's where they don't fit one slice.
  private mutating func head() {
    let vocabulary = spec.vocabularySize
    let baseShare = share(trains: needs.head)
    book.product("head", .forward, baseShare, tokens, vocabulary, hidden)
    let makesScoresAgain =
      recipe.stack == .plimsoll ? vocabulary > EngineWalk.sliceEntries : recipe.choices.fusedHead == .trl
    if recipe.loss == .fused, makesScoresAgain {
      book.product("head", .recompute, baseShare, tokens, vocabulary, hidden)
    }
    if needs.lastStream { book.product("head", .backward, baseShare, tokens, hidden, vocabulary) }
    if needs.head { book.product("head", .backward, .trained, vocabulary, hidden, tokens) }
    if spec.headHasBias {
      book.elements("head", .forward, baseShare, tokens * vocabulary, cost: ElementCost.bias)
      if needs.head { book.elements("head", .backward, .trained, tokens * vocabulary, cost: ElementCost.bias) }
    }
    // Transformers gathers the scores, so that every GPU makes the whole loss.
    let isGathered = recipe.choices.modelCode == .transformers
    let scores = tokens * vocabulary * (isGathered ? recipe.parallelism.settings.tensorParallelSize : 1)
    book.elements("loss", .forward, .weightless, scores, cost: ElementCost.loss)
    book.elements("loss", .backward, .weightless, scores, cost: ElementCost.lossBackward)
  }

  /// The update of every trained parameter, once a step; the Trainer clips by the gradients' norm first
  /// (`max_grad_norm`, 1 unless set).
  private mutating func optimizer() {
    // Where states are divided, so is the update; the first GPU's part counts its padding as work too.
    let parts = [.none, .ddp].contains(recipe.parallelism.sharding) ? 1 : recipe.parallelism.replicas
    let counts = ParameterCounts(
      of: spec, method: recipe.method, hasStackedExperts: recipe.choices.experts == .grouped)
    let trained = (counts.trainable + parts - 1) / parts
    let kind = recipe.optimizer.kind
    book.elements(kind.rawValue, .optimizer, .trained, trained, cost: ElementCost.optimizer(kind))
    if recipe.stack != .plimsoll {
      book.elements("gradient clipping", .optimizer, .trained, trained, cost: ElementCost.gradientClipping)
    }
  }
}
