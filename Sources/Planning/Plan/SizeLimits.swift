import Bookkeeping
import Modeling

/// Refuses steps whose books would overflow or never end, before anything is multiplied in integers.
enum SizeLimits {
  /// A journal of more moments than this would take many seconds and gigabytes to write.
  static let moments = 1_000_000.0

  static func check(_ spec: ModelSpec, _ recipe: Recipe) throws(PlanError) {
    // Nine operations a layer and phase, at most three phases: see StepClock.
    let microBatches = recipe.stack == .plimsoll ? recipe.batch.accumulation : min(2, recipe.batch.accumulation)
    let moments = Double(microBatches) * (27 * Double(spec.layerCount) + 8)
    guard moments <= SizeLimits.moments else {
      throw .tooLarge(
        what: "\(recipe.batch.accumulation) micro-batches through \(spec.layerCount) layers are too many moments",
        advice: "lower --grad-accum: every micro-batch from the second on needs the same memory")
    }
    guard let adapter = recipe.method.adapter else { return }
    // The recipe's own check counts the base model; adapters of an absurd rank can be far larger than their model.
    let perLayer = spec.linearModules(0).reduce(0.0) { $0 + Double(adapter.rank) * Double($1.input + $1.output) }
    let operations = 64 * perLayer * Double(spec.layerCount) * Double(recipe.batch.tokensPerStep)
    guard operations < Double(1 << 62) else {
      throw .tooLarge(
        what:
          "adapters of rank \(adapter.rank) on \(recipe.batch.tokensPerStep) tokens are too many operations to count",
        advice: "lower --rank, --batch or --seq")
    }
  }
}
