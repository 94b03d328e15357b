public import Bookkeeping

/// The Kronecker product of a small matrix and a larger one, of low rank where that is smaller.
///
/// Source: Yeh et al. 2023, <https://arxiv.org/abs/2309.14859>; peft/tuners/lokr/layer.py.
public struct LoKr: ModuleWrapping, Hashable {
  public let rank: Int
  public let targets: LoRA.Targets

  public init(rank: Int = 8, targets: LoRA.Targets) throws(RecipeError) {
    guard (1...65536).contains(rank) else { throw .outOfRange("rank", "\(rank)", "between 1 and 65536") }
    self.rank = rank
    self.targets = targets
  }

  /// The two factors nearest to each other whose product is `size`, the smaller first (`factorization`).
  static func factors(of size: Int) -> (Int, Int) {
    var smaller = 1
    var candidate = 1
    while candidate * candidate <= size {
      if size.isMultiple(of: candidate) { smaller = candidate }
      candidate += 1
    }
    return (smaller, size / smaller)
  }

  /// Shapes of the two factors of a layer's change of weight.
  public func factorShapes(of module: LinearModule) -> (small: Shape, large: Shape) {
    let (output, input) = (LoKr.factors(of: module.output), LoKr.factors(of: module.input))
    return ([output.0, input.0], [output.1, input.1])
  }

  /// Whether the larger factor is a product of rank ``rank`` itself.
  public func isLargeFactored(of module: LinearModule) -> Bool {
    let large = factorShapes(of: module).large.extents
    return 2 * rank < (large.max() ?? 0)
  }

  public func added(to module: LinearModule, of spec: ModelSpec) -> [AddedParameter] {
    let (small, large) = factorShapes(of: module)
    let first = AddedParameter("lokr_w1", small)
    guard isLargeFactored(of: module) else { return [first, AddedParameter("lokr_w2", large)] }
    return [
      first, AddedParameter("lokr_w2_a", [large.extents[0], rank]),
      AddedParameter("lokr_w2_b", [rank, large.extents[1]]),
    ]
  }
}
