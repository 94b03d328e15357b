/// Looks for the largest whole number that still passes.
package enum Search {
  /// A number, and what it costs; `nil` for a number that can't be.
  private typealias Point = (number: Int, size: Int?)

  /// The largest number in `range` whose size is within `budget`, sizes growing with numbers; `nil` if none is.
  ///
  /// Sizes of steps are nearly straight lines, so the next look is where the line through two points that were looked
  /// at meets the budget: mostly that is the answer, and its neighbor the proof. Where lines mislead, halving takes over.
  ///
  /// - Parameters:
  ///   - known: a number of the range with its size, where one is at hand, to start from.
  ///   - size: what a number costs; `nil` for a number that can't be.
  package static func largest(
    in range: ClosedRange<Int>, within budget: Int, known: (number: Int, size: Int)? = nil, size: (Int) -> Int?
  ) -> Int? {
    var fits: (number: Int, size: Int)
    var misfits: Point = (range.upperBound + 1, nil)
    if let known, known.size <= budget {
      fits = known
    } else {
      guard known?.number != range.lowerBound, let least = size(range.lowerBound), least <= budget else { return nil }
      fits = (range.lowerBound, least)
      if let known { misfits = known }
    }
    // Nothing but its own size tells how a number grows: look at the end if it is near, or at twice the number.
    var guess = known == nil || misfits.number - 1 <= 4 * fits.number ? misfits.number - 1 : 2 * fits.number
    if misfits.size != nil { guess = meeting(budget, fits, misfits) ?? guess }
    var stalls = 0
    while misfits.number - fits.number > 1 {
      let width = misfits.number - fits.number
      let probe = min(max(guess, fits.number + 1), misfits.number - 1)
      let earlier = fits
      let cost = size(probe)
      if let cost, cost <= budget {
        fits = (probe, cost)
      } else {
        misfits = (probe, cost)
      }
      let middle = fits.number + (misfits.number - fits.number) / 2
      stalls = 2 * (misfits.number - fits.number) > width ? stalls + 1 : 0
      let other: Point = misfits.size == nil && earlier.number < fits.number ? (earlier.number, earlier.size) : misfits
      guess = stalls > 1 ? middle : meeting(budget, fits, other) ?? middle
      if stalls > 1 { stalls = 0 }
    }
    return fits.number
  }

  /// Where the line through two points meets the budget; `nil` if it doesn't rise.
  private static func meeting(_ budget: Int, _ fits: (number: Int, size: Int), _ other: Point) -> Int? {
    guard let size = other.size, other.number != fits.number else { return nil }
    let rise = Double(size - fits.size) / Double(other.number - fits.number)
    guard rise > 0 else { return nil }
    return fits.number + Int(min(Double(budget - fits.size) / rise, Double(1 << 40)))
  }
}
