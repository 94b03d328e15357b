import Bookkeeping
package import Modeling

/// The walk of a deep model whose layers are alike: a few layers are walked, and copied as often as there are layers.
struct RepeatedWalk {
  private let spec: ModelSpec
  private let recipe: Recipe
  private let options: TorchWalk.Options
  private let pattern: LayerPattern
  private let unrolling: Unrolling
  /// Of each opening of the shallow walk, whether it is outside torch's allocator.
  private let isOutside: [Bool]

  /// - Returns: `nil` if the model is not deep, or its layers are not alike.
  init?(_ spec: ModelSpec, _ recipe: Recipe, _ options: TorchWalk.Options) {
    guard spec.layerCount > LayerPattern.depth, RepeatedWalk.hasLayersAlike(spec, recipe, options),
      let shallow = spec.withLayers(LayerPattern.depth)
    else { return nil }
    let (tape, outside) = TorchWalk.tape(shallow, of: spec, recipe, options)
    guard
      let pattern = LayerPattern(
        tape.journal, clock: tape.clock, layers: tape.layers, closingLayers: tape.closingLayers),
      let unrolling = Unrolling(pattern)
    else { return nil }
    (self.spec, self.recipe, self.options) = (spec, recipe, options)
    (self.pattern, self.unrolling) = (pattern, unrolling)
    isOutside = tape.journal.entries.indices.map { outside.contains(Journal.ID(index: $0)) }
  }

  /// Whether layers may differ in nothing but their number, as far as a shallow walk can't see it: only names single
  /// out layers for adapters, and only some layers read the mask of a window.
  private static func hasLayersAlike(_ spec: ModelSpec, _ recipe: Recipe, _ options: TorchWalk.Options) -> Bool {
    let hasTwoMasks =
      [.gemma2, .gemma3].contains(spec.architecture)
      && (recipe.attention == .eager || (recipe.attention == .sdpa && options.isPadded))
    // Keys and values of a prefix come out of one table for all layers.
    let hasPrefix = recipe.method.virtualTokens.map { $0.tokensInKeys > 0 } ?? false
    // DeepSpeed's buckets fill up across layers, and it gathers ahead across them.
    let isDeepSpeed = recipe.parallelism.sharding.isDeepSpeed && recipe.choices.modelCode != .megatron
    return !hasTwoMasks && !hasPrefix && !recipe.method.namesLayers && !isDeepSpeed
  }

  /// The whole model's books; `nil` if the names of tensors don't tell their layers.
  var journal: TorchWalk.Books? {
    guard let less = spec.withLayers(LayerPattern.depth - 1) else { return nil }
    let (tape, _) = TorchWalk.tape(less, of: spec, recipe, options)
    guard
      let shallower = LayerPattern(
        tape.journal, clock: tape.clock, layers: tape.layers, closingLayers: tape.closingLayers),
      var journal = UnrolledJournal(
        pattern, shallower: shallower, clock: StepClock(spec: spec, recipe: recipe), depth: spec.layerCount)
    else { return nil }
    unrolling.write(depth: spec.layerCount, to: &journal)
    var outside: Set<Journal.ID> = []
    for (index, template) in journal.templates.enumerated() where isOutside[template] {
      outside.insert(Journal.ID(index: index))
    }
    return TorchWalk.Books(journal: journal.journal, outside: outside)
  }

  /// The whole model's books without names.
  func figures(rules: LoadRules) -> UnrolledFigures {
    var unrolled = UnrolledFigures(
      pattern.journal.entries,
      UnrolledTrace(pattern.journal.entries, isOutside, rules: rules, depth: spec.layerCount))
    unrolling.write(depth: spec.layerCount, to: &unrolled)
    return unrolled
  }

  /// What is asked of torch's allocator where 4-bit products dequantize nothing in forward; `nil` where they don't
  /// anyway.
  func traceWithoutDequantized(rules: LoadRules) -> AllocationTrace? {
    let borrowed = pattern.journal.dequantizedInForward
    guard !borrowed.isEmpty else { return nil }
    let isExcluded = isOutside.enumerated().map { $1 || borrowed.contains(Journal.ID(index: $0)) }
    var unrolled = UnrolledTrace(pattern.journal.entries, isExcluded, rules: rules, depth: spec.layerCount)
    unrolling.write(depth: spec.layerCount, to: &unrolled)
    return unrolled.trace
  }

  /// What the whole model asks of torch's allocator, and the bytes that are outside of it.
  var trace: (trace: AllocationTrace, outside: Bytes) {
    var unrolled = UnrolledTrace(
      pattern.journal.entries, isOutside, rules: LoadRules(TorchPolicy(recipe, options)), depth: spec.layerCount)
    unrolling.write(depth: spec.layerCount, to: &unrolled)
    return (unrolled.trace, unrolled.outside)
  }
}

extension ModelSpec {
  /// The same model with so many layers; `nil` if there is none.
  package func withLayers(_ count: Int) -> ModelSpec? {
    try? ModelSpec(
      name: name, architecture: architecture, layerCount: count, hiddenSize: hiddenSize, attention: attention,
      feedForward: feedForward, vocabularySize: vocabularySize, tiesEmbeddings: tiesEmbeddings,
      headHasBias: headHasBias, normalization: normalization, positions: positions, maximumPositions: maximumPositions,
      finalLogitSoftcap: finalLogitSoftcap, checkpointFormat: checkpointFormat)
  }
}
