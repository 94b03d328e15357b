/// A regular expression as tokenizers write them, matched leftmost with alternatives in order of preference.
///
/// The part of Oniguruma's syntax that pre-tokenizers use: literals, classes, `\p{…}`, `\s`, `\S`, groups, `(?i:…)`,
/// alternation, greedy and possessive repetition, and a look at one scalar ahead. Anything else is refused when the
/// pattern is read, so a match means what Oniguruma means by it.
package struct Pattern: Sendable {
  /// A step of the compiled pattern; sets are named by their place in a list, since copying one costs more than a test.
  enum Step: Sendable {
    /// Accepts one scalar of the set.
    case one(Int)
    /// Accepts from `least` to `most` scalars of the set, as many as there are; gives back unless `isPossessive`.
    case run(Int, least: Int, most: Int, isPossessive: Bool)
    /// Accepts nothing; the next scalar must be in the set, or must not.
    case ahead(Int, isWanted: Bool)
    /// Goes on at the first step, and at the second where that fails.
    case split(Int, Int)
    case jump(Int)
    case matched
  }

  /// The pattern as written.
  package let text: String
  private let steps: [Step]
  private let sets: [ScalarSet]

  package init(_ text: String) throws(TokenizerError) {
    self.text = text
    (steps, sets) = try PatternCompiler.compile(text)
  }

  /// A place to go back to: a step, a position, and for a run how far back it may still give.
  private struct Retreat {
    let step: Int
    let position: Int
    let lowest: Int
  }

  /// The matches in `scalars`, in order, none overlapping another; an empty match is passed over.
  package func matches(in scalars: ArraySlice<Unicode.Scalar>) -> [Range<Int>] {
    let traits = scalars.map { ScalarTraits(of: $0) }
    var found: [Range<Int>] = []
    var retreats: [Retreat] = []
    var start = scalars.startIndex
    while start < scalars.endIndex {
      let end = match(at: start, in: scalars, traits, &retreats)
      if let end, end > start {
        found.append(start..<end)
        start = end
      } else {
        start += 1
      }
    }
    return found
  }

  /// Where the match that begins at `start` ends; nil where none begins.
  private func match(
    at start: Int, in scalars: ArraySlice<Unicode.Scalar>, _ traits: [ScalarTraits], _ retreats: inout [Retreat]
  ) -> Int? {
    retreats.removeAll(keepingCapacity: true)
    let end = scalars.endIndex
    let base = scalars.startIndex
    var position = start
    var step = 0
    while true {
      var isFailed = false
      switch steps[step] {
      case .one(let set):
        if position < end, sets[set].contains(scalars[position], traits[position - base]) {
          position += 1
          step += 1
        } else {
          isFailed = true
        }
      case .run(let set, let least, let most, let isPossessive):
        let limit = most < end - position ? position + most : end
        var reached = position
        while reached < limit, sets[set].contains(scalars[reached], traits[reached - base]) { reached += 1 }
        if reached - position < least {
          isFailed = true
        } else {
          if !isPossessive, reached > position + least {
            retreats.append(Retreat(step: step + 1, position: reached - 1, lowest: position + least))
          }
          position = reached
          step += 1
        }
      case .ahead(let set, let isWanted):
        let isThere = position < end && sets[set].contains(scalars[position], traits[position - base])
        if isThere == isWanted { step += 1 } else { isFailed = true }
      case .split(let first, let second):
        retreats.append(Retreat(step: second, position: position, lowest: position))
        step = first
      case .jump(let target): step = target
      case .matched: return position
      }
      if isFailed {
        guard let retreat = retreats.popLast() else { return nil }
        if retreat.position > retreat.lowest {
          retreats.append(Retreat(step: retreat.step, position: retreat.position - 1, lowest: retreat.lowest))
        }
        step = retreat.step
        position = retreat.position
      }
    }
  }
}
