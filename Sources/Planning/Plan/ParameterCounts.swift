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
  /// <https://arxiv.org/abs/2106.09685>).
  public init(of spec: ModelSpec, method: Method) {
    let base = spec.parameterCount
    guard let adapter = method.adapter else {
      self.init(total: base, trainable: base)
      return
    }
    func added(to layer: Int) -> Int {
      spec.linearModules(layer).filter(adapter.targets.match).reduce(0) {
        $0 + adapter.rank * ($1.input + $1.output)
      }
    }
    // Only names can tell layers apart.
    let added =
      method.namesModules ? (0..<spec.layerCount).reduce(0) { $0 + added(to: $1) } : spec.layerCount * added(to: 0)
    self.init(total: base + added, trainable: added)
  }
}
