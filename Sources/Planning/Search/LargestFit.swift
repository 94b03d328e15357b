/// The exact search for the largest number that fits.
///
/// What a step asks for is judged by what its allocator *reserves*, and that does not rise steadily: cached blocks of one
/// size may serve the next one better or worse, so that batch 5 can need more than batches 6 to 9. What is *live* at the
/// peak does rise, and no allocator reserves less than that. So the search is for the largest number that fits, whatever
/// smaller ones do; smaller ones that were seen not to fit are told as ``Found/holes``.
///
/// **Why it is exact.** Let s(n) be the size that is judged and f(n) a floor under it, f(n) ≤ s(n), and let f not fall
/// from a number to the next one of the same *piece*; pieces meet at the numbers where a rule of the software changes
/// (``Axis/breaks(_:_:)``). Of a piece [a, b] no number fits if f(a) exceeds the budget. Else let k be the last number
/// of it with f(k) ≤ budget, found between a and b by halving since f does not fall: for every n > k in the piece
/// s(n) ≥ f(n) > budget, so none fits. From k on downwards every number is judged by s itself, one after the other, and
/// the first that fits is the largest of the piece. Pieces are searched from the last to the first, so the first answer
/// is the largest of all. A number that can't be counts as too large.
///
/// **Why f does not fall.** f is the most bytes that are live in any moment of a steady step, blocks rounded up to 512
/// bytes. Within a piece the walk opens and closes the same tensors in the same order whatever n is, or repeats a chunk
/// of a bounded size more often, and no extent of any tensor falls when the sequence, the batch or the rank rises. So no
/// moment's sum falls, and neither does the largest of them. The tests hold this against random models and recipes.
package enum LargestFit {
  /// A number's floor and its size.
  package struct Probe: Hashable, Sendable {
    /// What it takes at least.
    package let floor: Int
    /// What it takes; `nil` where that is more than the budget, however much.
    package let size: Int?

    package init(floor: Int, size: Int?) {
      self.floor = floor
      self.size = size
    }
  }

  package struct Found: Hashable, Sendable {
    /// The largest number that fits; `nil` if none does.
    package let number: Int?
    /// Smaller numbers that were seen not to fit, ascending.
    package let holes: [Int]
  }

  /// - Parameters:
  ///   - rungs: the numbers to choose from, ascending.
  ///   - breaks: numbers from which on another rule holds, in any order.
  ///   - probe: what a number takes; `nil` for one that can't be, and then no larger one of its piece can.
  package static func find(
    _ rungs: [Int], breaks: [Int] = [], within budget: Int, probe: (Int) -> Probe?
  ) -> Found {
    var known: [Int: Probe?] = [:]
    func look(_ index: Int) -> Probe? {
      if let seen = known[index] { return seen }
      let seen = probe(rungs[index])
      known[index] = seen
      return seen
    }
    for piece in pieces(of: rungs, breaks).reversed() {
      guard let last = lastPossible(in: piece, budget, look) else { continue }
      for index in stride(from: last, through: piece.lowerBound, by: -1) {
        guard let size = look(index)?.size, size <= budget else { continue }
        let holes = known.filter { $0.key < index && ($0.value?.size ?? .max) > budget }.map { rungs[$0.key] }
        return Found(number: rungs[index], holes: holes.sorted())
      }
    }
    return Found(number: nil, holes: [])
  }

  /// Ranges of indices between breaks.
  private static func pieces(of rungs: [Int], _ breaks: [Int]) -> [ClosedRange<Int>] {
    guard !rungs.isEmpty else { return [] }
    let starts = Set(breaks.compactMap { number in rungs.firstIndex { $0 >= number } }).union([0]).sorted()
    let ends = starts.dropFirst().map { $0 - 1 } + [rungs.count - 1]
    return zip(starts, ends).map { $0...$1 }
  }

  /// The last index of a piece whose floor is within the budget; `nil` if its first one's isn't.
  ///
  /// Floors are nearly straight lines, so the next look is where the line through the two ends meets the budget, and the
  /// middle where lines have misled twice.
  private static func lastPossible(
    in piece: ClosedRange<Int>, _ budget: Int, _ look: (Int) -> Probe?
  ) -> Int? {
    guard let least = look(piece.lowerBound)?.floor, least <= budget else { return nil }
    var low = (index: piece.lowerBound, floor: least)
    guard piece.count > 1 else { return low.index }
    let most = look(piece.upperBound)?.floor
    if let most, most <= budget { return piece.upperBound }
    var high = (index: piece.upperBound, floor: most)
    var misled = 0
    while high.index - low.index > 1 {
      let width = high.index - low.index
      var guess = low.index + width / 2
      if misled < 2, let top = high.floor, top > low.floor {
        guess = low.index + Int(Double(width) * Double(budget - low.floor) / Double(top - low.floor))
      }
      guess = min(max(guess, low.index + 1), high.index - 1)
      let floor = look(guess)?.floor
      if let floor, floor <= budget { low = (guess, floor) } else { high = (guess, floor) }
      misled = 2 * (high.index - low.index) > width ? misled + 1 : 0
    }
    return low.index
  }
}
