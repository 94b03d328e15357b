package import Bookkeeping
package import Modeling

// Shape letters here: B sequences, S tokens of one, T = B·S, H hidden, V vocabulary.

/// The engine's step, operation by operation, on shapes only.
///
/// Weights, adapters and activations are in the recipe's formats; statistics, scores over the vocabulary, gradients of
/// parameters and optimizer states are fp32, for sums of many small terms are lost in fewer bits. Each operation's rule
/// stands in its own file; this one keeps the book they write in, and the order of the step.
package struct EngineWalk {
  let spec: ModelSpec
  let recipe: Recipe
  let threads: Int
  let clock: StepClock
  let needs: RequiresGrad
  /// The linear layers by layer.
  let modules: [[Parameter.Linear: EngineModule]]
  /// Parameters that train, in the order in which their states are made and their gradients given back.
  let trainables: [Trainable]

  var journal: Journal
  /// What is open of each layer's tensors.
  var tensors: [[LayerTensor: Journal.ID]]
  /// The gradients of activations that are open; only one layer has any at a time.
  var flows: [LayerTensor: Journal.ID] = [:]
  /// What adapters keep: by layer and module.
  var kept: [[Parameter.Linear: AdapterTensors]]
  /// The stream that enters each layer, and the one that leaves the last.
  var streams: [Stream?]
  /// The gradient of the stream, one buffer all the way down.
  var streamFlow: Journal.ID?
  var final = FinalTensors()
  var gradients: [String: Journal.ID] = [:]

  /// The residual stream between two layers.
  struct Stream {
    let id: Journal.ID
    let isCheckpoint: Bool
  }

  struct AdapterTensors {
    let down: Journal.ID
    let mask: Journal.ID?
  }

  struct FinalTensors {
    var normed: Journal.ID?
    var reciprocalRMS: Journal.ID?
    var normedFlow: Journal.ID?
    var logits: Journal.ID?
  }

  struct Trainable {
    let name: String
    let shape: Shape
    /// What the weight is stored in.
    let format: ScalarFormat
  }

  /// Writes the journal of one step.
  ///
  /// - Parameter threads: threads that run attention, each with a workspace of its own.
  /// - Throws: ``PlanError/notModeled(what:stack:advice:)`` for what the engine doesn't run.
  package static func journal(_ spec: ModelSpec, _ recipe: Recipe, threads: Int) throws(PlanError) -> Journal {
    if let what = spec.engineRefusal(for: recipe) {
      throw .notModeled(
        what: what, stack: .plimsoll, advice: "the engine does not run it; plan it for --stack trl or transformers")
    }
    var walk = EngineWalk(spec, recipe, threads: threads)
    walk.step()
    return walk.journal
  }

  private init(_ spec: ModelSpec, _ recipe: Recipe, threads: Int) {
    self.spec = spec
    self.recipe = recipe
    self.threads = threads
    clock = StepClock(spec: spec, recipe: recipe)
    needs = RequiresGrad(of: spec, method: recipe.method)
    modules = (0..<spec.layerCount).map { EngineModule.modules(of: spec, layer: $0, method: recipe.method) }
    trainables = EngineWalk.trainables(of: spec, recipe, modules)
    journal = Journal(clock: clock.clock)
    tensors = Array(repeating: [:], count: spec.layerCount)
    kept = Array(repeating: [:], count: spec.layerCount)
    streams = Array(repeating: nil, count: spec.layerCount + 1)
  }

  private mutating func step() {
    journal.advance(to: clock[.load])
    load()
    for microBatch in 0..<recipe.batch.accumulation {
      forward(microBatch)
      backward(microBatch)
    }
    journal.advance(to: clock[.optimizer])
    if !recipe.choices.stepsInBackward { updateParameters() }
    journal.advance(to: clock[.zeroGrad])
    closeGradients()
  }

  private mutating func forward(_ microBatch: Int) {
    journal.advance(to: clock[.forward, .embedding, microBatch: microBatch])
    embed()
    for index in 0..<spec.layerCount {
      forwardLayer(index, microBatch, as: .forward)
    }
    journal.advance(to: clock[.forward, .finalNorm, microBatch: microBatch])
    forwardFinalNorm()
    journal.advance(to: clock[.forward, .head, microBatch: microBatch])
    forwardHead()
    journal.advance(to: clock[.forward, .loss, microBatch: microBatch])
    forwardLoss()
    consumeGradients()
  }

  private mutating func backward(_ microBatch: Int) {
    journal.advance(to: clock[.backward, .head, microBatch: microBatch])
    backwardHead()
    consumeGradients()
    journal.advance(to: clock[.backward, .finalNorm, microBatch: microBatch])
    backwardFinalNorm()
    consumeGradients()
    for segment in segments.reversed() {
      let layers = segment.filter { needs.layers[$0].takesPart }
      if recipe.usesGradientCheckpointing {
        for index in layers { forwardLayer(index, microBatch, as: .recompute) }
      }
      for index in layers.reversed() { backwardLayer(index, microBatch) }
    }
    journal.advance(to: clock[.backward, .embedding, microBatch: microBatch])
    backwardEmbedding()
    consumeGradients(isLast: true)
  }
}

// MARK: - The book

extension EngineWalk {
  /// What activations, checkpoints and their gradients are stored in: autocast narrows them, whatever the weights are.
  var activations: ScalarFormat { recipe.precision == .autocast ? .bf16 : recipe.weightFormat }
  /// T, the tokens of a micro-batch.
  var tokens: Int { recipe.batch.tokens }
  var hidden: Int { spec.hiddenSize }

  /// `[T, width]`.
  func perToken(_ width: Int) -> Shape { [tokens, width] }

  /// - Parameter format: of a statistic; what else a layer makes is in the activations' format.
  mutating func open(_ tensor: LayerTensor, of layer: Int, _ shape: Shape, _ format: ScalarFormat? = nil) {
    tensors[layer][tensor] = journal.open(
      TensorName.layer(layer, tensor), .activations, shape, format ?? activations)
  }

  mutating func close(_ tensor: LayerTensor, of layer: Int) {
    guard let id = tensors[layer].removeValue(forKey: tensor) else {
      preconditionFailure("\(TensorName.layer(layer, tensor)) is closed, but not open")
    }
    journal.close(id)
  }

  mutating func openFlow(_ tensor: LayerTensor, of layer: Int, _ shape: Shape) {
    flows[tensor] = journal.open(
      TensorName.flow(TensorName.layer(layer, tensor)), .activations, shape, activations)
  }

  mutating func closeFlow(_ tensor: LayerTensor) {
    guard let id = flows.removeValue(forKey: tensor) else {
      preconditionFailure("the gradient of \(tensor.rawValue) is closed, but not open")
    }
    journal.close(id)
  }

  /// Opens a buffer and closes it again within the operation.
  mutating func borrow(_ name: String, _ account: Account, _ shape: Shape, _ format: ScalarFormat = .fp32) {
    journal.close(journal.open(name, account, shape, format))
  }

  /// Opens the gradient of a parameter, unless an earlier micro-batch or the other end of a tied table has.
  mutating func openGradient(_ parameter: String, _ shape: Shape) {
    guard gradients[parameter] == nil else { return }
    gradients[parameter] = journal.open(TensorName.gradient(of: parameter), .gradients, shape, .fp32)
  }

  /// Hands the gradients that the operation made to the optimizer and gives them back, where that is done in backward.
  ///
  /// A table that is embedding and head in one has a second contribution coming, and waits for it.
  mutating func consumeGradients(isLast: Bool = false) {
    guard recipe.choices.stepsInBackward, !gradients.isEmpty else { return }
    let waiting = spec.tiesEmbeddings && !isLast ? spec.embeddingName : nil
    let whole = gradients.filter { $0.key != waiting }.sorted { $0.value.index < $1.value.index }
    for (name, id) in whole {
      gradients[name] = nil
      updateParameter(name, journal.entry(id).shape)
      journal.close(id)
    }
  }

  /// Gives every gradient back, in the order of the trained parameters.
  private mutating func closeGradients() {
    for parameter in trainables {
      if let id = gradients.removeValue(forKey: parameter.name) { journal.close(id) }
    }
  }
}
