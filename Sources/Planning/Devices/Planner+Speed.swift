import Bookkeeping
package import Modeling

extension Planner {
  /// How fast a step runs on a device, for the many recipes of a search; `nil` for the engine, and for what can't be
  /// planned.
  package static func speed(_ spec: ModelSpec, _ recipe: Recipe, on device: Device) -> Roofline? {
    guard recipe.stack.isTorch else { return nil }
    return (try? stepTimeByDepth(spec, recipe, on: device)).map { Roofline(recipe, $0, on: device) }
  }

  /// How long a step takes: every layer adds the same to each part of the time, so that two shallow models tell a deep
  /// one's.
  ///
  /// - Throws: as ``plan(_:_:threads:device:)``.
  static func stepTimeByDepth(_ spec: ModelSpec, _ recipe: Recipe, on device: Device) throws(PlanError) -> StepTime {
    let short = recipe.withAccumulation(atMost: 2)
    let (depth, next) = (LayerPattern.depth, LayerPattern.depth + 1)
    let isAlike = TorchWalk.isCopied(spec, short, options: TorchFootprint.options(short, on: device))
    if isAlike, spec.layerCount > next, let one = spec.withLayers(depth), let other = spec.withLayers(next) {
      try SizeLimits.check(spec, short)
      let first = try stepTime(one, recipe, on: device)
      return first.extended(by: spec.layerCount - depth, layersLike: try stepTime(other, recipe, on: device))
    }
    return try stepTime(spec, recipe, on: device)
  }
}

extension StepTime {
  /// The time of a model with so many layers more, where `next` is that of one with one layer more.
  fileprivate func extended(by layers: Int, layersLike next: StepTime) -> StepTime {
    func sum(_ first: Double, _ second: Double) -> Double { first + Double(layers) * (second - first) }
    func part(_ first: Part, _ second: Part) -> Part {
      Part(
        products: sum(first.products, second.products),
        fusedAttention: sum(first.fusedAttention, second.fusedAttention), traffic: sum(first.traffic, second.traffic),
        host: sum(first.host, second.host), besideComputing: sum(first.besideComputing, second.besideComputing),
        sending: sum(first.sending, second.sending))
    }
    return StepTime(
      microBatch: part(microBatch, next.microBatch), update: part(update, next.update), microBatches: microBatches,
      traffic: StepTraffic(
        tensors: sum(traffic.tensors, next.traffic.tensors),
        dequantization: sum(traffic.dequantization, next.traffic.dequantization),
        optimizer: sum(traffic.optimizer, next.traffic.optimizer)),
      sending: sending.extended(by: layers, layersLike: next.sending))
  }
}
