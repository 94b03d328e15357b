extension DataSet {
  /// How many examples are kept aside for evaluation.
  public enum EvaluationShare: Hashable, Sendable {
    case count(Int)
    /// Of all examples, rounded to the nearest count.
    case fraction(Double)
  }

  /// Parts the examples into those to train on and those to evaluate with; the seed decides which, each keeps its order.
  ///
  /// - Throws: ``DataError/badSetting(_:value:expected:)`` unless both parts have at least one example.
  public func split(
    evaluation share: EvaluationShare, seed: UInt64
  ) throws(DataError) -> (training: [EncodedExample], evaluation: [EncodedExample]) {
    let count: Int
    switch share {
    case .count(let wanted): count = wanted
    case .fraction(let fraction):
      guard fraction > 0, fraction < 1 else {
        throw .badSetting(
          "the evaluation share in percent", value: Int(exactly: (fraction * 100).rounded()) ?? 0,
          expected: "between 0 and 100")
      }
      count = Int((fraction * Double(examples.count)).rounded())
    }
    guard (1..<examples.count).contains(count) else {
      throw .badSetting(
        "the number of evaluation examples", value: count, expected: "at least 1 and less than \(examples.count)")
    }
    let order = SeededGenerator.permutation(of: examples.count, seed: SeededGenerator.seed(seed, stream: 1))
    let chosen = Set(order.prefix(count))
    return (
      examples.indices.filter { !chosen.contains($0) }.map { examples[$0] },
      examples.indices.filter { chosen.contains($0) }.map { examples[$0] }
    )
  }
}
