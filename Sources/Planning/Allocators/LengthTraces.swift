/// What steps of many lengths ask of an allocator, from three that were walked.
///
/// The same operations run at every length, and each asks for a number of bytes that is a polynomial of the length, of
/// tokens or of pairs of tokens: three lengths tell all others. Only kernels that round lengths up, as attention's
/// backward does to 128 tokens, ask for a little more.
struct LengthTraces {
  private let points: [(length: Int, trace: AllocationTrace)]

  /// - Parameter points: three steps, the shortest first.
  /// - Returns: `nil` if they don't run the same operations, or are not three.
  init?(_ points: [(length: Int, trace: AllocationTrace)]) {
    guard points.count == 3, points[0].length < points[1].length, points[1].length < points[2].length,
      points[0].trace.runsLike(points[1].trace), points[1].trace.runsLike(points[2].trace)
    else { return nil }
    self.points = points
  }

  /// Lengths to walk for steps from the shortest to the longest, in multiples of 128 where there is room.
  static func lengths(from shortest: Int, to longest: Int) -> [Int] {
    let grain = 128
    let low = min((shortest + grain - 1) / grain * grain, longest)
    let middle = (low + longest) / (2 * grain) * grain
    return [low, middle, longest]
  }

  /// The step at another length (Lagrange's formula).
  func trace(at length: Int) -> AllocationTrace {
    let shares = points.indices.map { place in
      points.indices.filter { $0 != place }.reduce(1.0) { product, other in
        let distance = Double(points[place].length - points[other].length)
        return product * Double(length - points[other].length) / distance
      }
    }
    return .mix((points[0].trace, points[1].trace, points[2].trace), shares: shares)
  }
}

extension AllocationTrace {
  /// Whether it makes the same requests in the same order, whatever their sizes.
  func runsLike(_ other: AllocationTrace) -> Bool {
    operations == other.operations && backwardStarts == other.backwardStarts && loadCount == other.loadCount
      && optimizerStart == other.optimizerStart && sizes.count == other.sizes.count
      && residents.count == other.residents.count
  }
}
