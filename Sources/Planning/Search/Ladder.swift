/// The numbers that a search may answer with, ascending.
///
/// Nobody asks for 60,016 tokens rather than 60,000: numbers stand a unit apart at first and never more than a sixteenth,
/// so that a search is exact on them and still has an end.
public struct Ladder: Hashable, Sendable {
  public let rungs: [Int]

  /// Multiples of `unit` up to `top`, which is a rung too, and so is every number of `others` up to it.
  ///
  /// Rungs are `unit` apart below 64 units, then four times as far apart below four times as many, and so on.
  public init(upTo top: Int, unit: Int = 1, including others: [Int] = []) {
    var rungs = Set(others.filter { (1...max(1, top)).contains($0) })
    rungs.insert(max(1, top))
    var (rung, step) = (unit, unit)
    while rung <= top {
      rungs.insert(rung)
      while rung >= 64 * step { step *= 4 }
      rung += step
    }
    self.rungs = rungs.sorted()
  }
}
