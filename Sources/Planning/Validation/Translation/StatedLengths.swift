import Modeling

/// Lengths of samples as a source sums them up: `token lengths 91..19548, mean 3234`.
struct StatedLengths: Hashable {
  let shortest: Int
  let longest: Int
  let mean: Int?

  init(shortest: Int, longest: Int, mean: Int?) {
    self.shortest = shortest
    self.longest = longest
    self.mean = mean
  }

  /// Reads the words of a source; `nil` where they state no range.
  init?(reading text: String?) {
    let words = FreeText(text).words
    func number(after word: String, _ offset: Int) -> Int? {
      guard let place = words.firstIndex(of: word), words.indices.contains(place + offset) else { return nil }
      return Int(words[place + offset])
    }
    guard let shortest = number(after: "lengths", 1), let longest = number(after: "lengths", 2), shortest > 0,
      shortest < longest, longest <= 1 << 20
    else { return nil }
    self.init(shortest: shortest, longest: longest, mean: number(after: "mean", 1))
  }

  /// Samples up to `cap` tokens, of the distribution that says least beyond range and mean: evenly spread where no mean
  /// is stated, else with each length less likely than the one before by the same share (Jaynes 1957, "Information
  /// theory and statistical mechanics").
  ///
  /// - Returns: `nil` where no sample is as short as the cap.
  func distribution(upTo cap: Int) -> LengthDistribution? {
    let end = min(longest, cap)
    guard shortest < end else { return nil }
    guard let ratio else { return try? LengthDistribution(uniform: shortest...end) }
    // Lengths in the middle of equal shares of all samples that are no longer than the cap.
    let count = 512
    let whole = StatedLengths.sums(ratio, end - shortest + 1).weight
    var samples: [Int] = []
    var (below, weight, length) = (0.0, 1.0, shortest)
    for place in 0..<count - 1 {
      let share = (Double(place) + 0.5) / Double(count) * whole
      while below + weight < share, length < end {
        below += weight
        weight *= ratio
        length += 1
      }
      samples.append(length)
    }
    return try? LengthDistribution(samples: samples + [end])
  }

  /// How much less likely each length is than the one before, for the mean to be what is stated; `nil` where it is not
  /// below the middle of the range.
  private var ratio: Double? {
    guard let mean, mean > shortest, 2 * mean < shortest + longest else { return nil }
    let count = longest - shortest + 1
    var (low, high) = (0.0, 1.0)
    for _ in 0..<40 {
      let middle = (low + high) / 2
      let sums = StatedLengths.sums(middle, count)
      if Double(shortest) + sums.moment / sums.weight < Double(mean) { low = middle } else { high = middle }
    }
    return low
  }

  /// Sums over the first `count` powers of a ratio, and of each times its exponent.
  private static func sums(_ ratio: Double, _ count: Int) -> (weight: Double, moment: Double) {
    var (weight, moment, power) = (0.0, 0.0, 1.0)
    for exponent in 0..<count {
      weight += power
      moment += power * Double(exponent)
      power *= ratio
    }
    return (weight, moment)
  }
}
