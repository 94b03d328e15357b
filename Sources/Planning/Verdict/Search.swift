/// Looks for the largest whole number that still passes.
package enum Search {
  /// The largest number in `range` whose size is within `budget`, sizes growing with numbers; `nil` if none is.
  ///
  /// Sizes of steps are nearly straight lines, so a guess on the line between the best that fits and the least that
  /// doesn't is mostly one off. Guess, its neighbor and the middle take turns, so it is never much slower than halving.
  ///
  /// - Parameters:
  ///   - known: a number of the range with its size, where one is at hand: it saves a look at the near end.
  ///   - size: what a number costs; `nil` for a number that can't be.
  package static func largest(
    in range: ClosedRange<Int>, within budget: Int, known: (number: Int, size: Int)? = nil, size: (Int) -> Int?
  ) -> Int? {
    var fits: (number: Int, size: Int)
    var misfits: (number: Int, size: Int?)
    if let known, known.size <= budget {
      guard known.number < range.upperBound else { return known.number }
      fits = known
      misfits = (range.upperBound, size(range.upperBound))
      if let most = misfits.size, most <= budget { return range.upperBound }
    } else {
      let top = known?.number ?? range.upperBound
      guard known?.number != range.lowerBound, let least = size(range.lowerBound), least <= budget else { return nil }
      fits = (range.lowerBound, least)
      misfits = (top, known?.size ?? size(top))
      if let most = misfits.size, most <= budget { return top }
    }
    var turn = 0
    while misfits.number - fits.number > 1 {
      let middle = fits.number + (misfits.number - fits.number) / 2
      let next: Int
      switch turn % 3 {
      case 0:
        guard let above = misfits.size, above > fits.size else {
          next = middle
          break
        }
        let share = Double(budget - fits.size) / Double(above - fits.size)
        next = fits.number + Int(share * Double(misfits.number - fits.number))
      case 1: next = misfits.number - fits.number > 2 && turn > 0 ? fits.number + 1 : middle
      default: next = middle
      }
      turn += 1
      let probe = min(max(next, fits.number + 1), misfits.number - 1)
      let cost = size(probe)
      if let cost, cost <= budget {
        fits = (probe, cost)
      } else {
        misfits = (probe, cost)
      }
    }
    return fits.number
  }
}
