import Bookkeeping
public import Modeling

/// How many parameters a method leaves, and how many of them train.
public struct ParameterCounts: Hashable, Sendable {
  /// Parameters of the base model and of the adapters; a tied head is counted once.
  public let total: Int
  public let trainable: Int

  /// Trainable parameters of all, 0 to 1.
  public var share: Double { total == 0 ? 0 : Double(trainable) / Double(total) }

  public init(total: Int, trainable: Int) {
    self.total = total
    self.trainable = trainable
  }

  /// Counts what `method` trains in `spec`.
  ///
  /// An adapter of rank r on an in-to-out layer has r·(in + out) parameters (Hu et al. 2021, section 4.1,
  /// <https://arxiv.org/abs/2106.09685>); fixed matrices that PEFT keeps as buffers are not counted.
  ///
  /// - Parameter hasStackedExperts: whether a mixture's experts are tensors of rank 3, as in Transformers 5, and not
  ///   modules of their own.
  public init(of spec: ModelSpec, method: Method, hasStackedExperts: Bool = true) {
    let base = spec.parameterCount
    if method == .full {
      self.init(total: base, trainable: base)
      return
    }
    // Of the base, itself or as copies.
    func count(_ list: [Parameter], _ isMeant: (Parameter) -> Bool) -> Int {
      list.reduce(0) { isMeant($1) ? $0 + $1.count : $0 }
    }
    let layers =
      method.namesLayers ? (0..<spec.layerCount).map { ($0, 1) } : [(0, spec.layerCount)]
    var (trained, copied, added) = (0, 0, 0)
    let outer = spec.outerParameters
    trained += count(outer) { method.trains($0, of: spec) }
    copied += count(outer) { method.copies($0, of: spec) }
    if spec.tiesEmbeddings {
      let head = Parameter(
        name: spec.headModule + ".weight", shape: [spec.vocabularySize, spec.hiddenSize], role: .head)
      copied += count([head]) { method.copies($0, of: spec) }
    }
    for (layer, times) in layers {
      if !method.addsParameters {
        trained += times * count(spec.layerParameters(layer)) { method.trains($0, of: spec) }
      } else {
        copied += times * count(spec.layerParameters(layer)) { method.copies($0, of: spec) }
      }
      guard let wrapping = method.wrapping else { continue }
      if hasStackedExperts { added += times * (ExpertAdapters(of: spec, method: method)?.parameterCount ?? 0) }
      for module in spec.linearModules(layer) where wrapping.targets.match(module) {
        added += times * wrapping.added(to: module, of: spec).reduce(0) { $1.trains ? $0 + $1.shape.count : $0 }
      }
      if !hasStackedExperts {
        for module in spec.expertModules(layer) where wrapping.targets.match(module) {
          added += times * wrapping.added(to: module, of: spec).reduce(0) { $1.trains ? $0 + $1.shape.count : $0 }
        }
      }
    }
    added += method.virtualTokens?.added(to: spec).reduce(0) { $0 + $1.shape.count } ?? 0
    self.init(total: base + copied + added, trainable: trained + copied + added)
  }
}
