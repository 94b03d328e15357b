import Bookkeeping
package import Modeling

extension Planner {
  /// How fast a step runs on a device, for the many recipes of a search; `nil` for the engine, and for what can't be
  /// planned.
  ///
  /// Every layer adds the same to each part of the time, so that two shallow models tell a deep one's.
  package static func speed(_ spec: ModelSpec, _ recipe: Recipe, on device: Device) -> Roofline? {
    guard recipe.stack.isTorch else { return nil }
    let short = recipe.withAccumulation(atMost: 2)
    let (depth, next) = (LayerPattern.depth, LayerPattern.depth + 1)
    let isAlike = TorchWalk.isCopied(spec, short, options: TorchFootprint.options(short, on: device))
    if isAlike, spec.layerCount > next, let one = spec.withLayers(depth), let other = spec.withLayers(next) {
      guard let first = time(one, recipe, on: device), let second = time(other, recipe, on: device) else { return nil }
      return Roofline(first.extended(by: spec.layerCount - depth, layersLike: second), of: recipe, on: device)
    }
    return time(spec, recipe, on: device).map { Roofline($0, of: recipe, on: device) }
  }

  /// The parts of a step's time, without what its allocator does.
  private static func time(_ spec: ModelSpec, _ recipe: Recipe, on device: Device) -> StepTime? {
    let short = recipe.withAccumulation(atMost: 2)
    guard let walk = try? TorchWalk.journal(spec, short, options: TorchFootprint.options(short, on: device)) else {
      return nil
    }
    let nothing = Interval(exactly: .zero)
    let plan = Plan(
      spec: spec, recipe: recipe, assumptions: [], journal: walk.journal, ledger: Ledger(posting: walk.journal),
      work: StepWork.sheet(spec, recipe),
      parameters: ParameterCounts(
        of: spec, method: recipe.method, hasStackedExperts: recipe.choices.experts == .grouped),
      allocated: nothing, reserved: nothing, device: nothing, target: device)
    return StepTime(of: plan, peak: Roofline.rate(of: recipe, on: device).0 * 1e12, on: device)
  }
}

extension StepTime {
  /// The time of a model with so many layers more, where `next` is that of one with one layer more.
  fileprivate func extended(by layers: Int, layersLike next: StepTime) -> StepTime {
    func part(_ path: KeyPath<StepTime, Double>) -> Double {
      self[keyPath: path] + Double(layers) * (next[keyPath: path] - self[keyPath: path])
    }
    return StepTime(
      products: part(\.products), fusedAttention: part(\.fusedAttention), traffic: part(\.traffic), host: part(\.host))
  }
}
