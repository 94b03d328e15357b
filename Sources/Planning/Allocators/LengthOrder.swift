import Modeling

/// Seeded orders in which a process may meet samples of different lengths.
enum LengthOrder {
  /// Steps that are replayed where each has to be walked.
  static let walkedSteps = 8
  /// Steps that are replayed where those between a few can be told from them: holes go on growing for hundreds.
  static let steps = 128
  /// Orders that are replayed; the one in the middle is expected.
  static let seeds: ClosedRange<UInt64> = 0...2

  /// The padded length of every step: that of the longest of a micro-batch's samples, which are drawn independently.
  ///
  /// One step has the longest sample there is: sooner or later it comes, and it decides how much is allocated. The
  /// micro-batches of a step are taken to be of one length.
  static func lengths(_ batch: BatchShape, _ distribution: LengthDistribution, seed: UInt64, steps: Int) -> [Int] {
    var generator = SplitMix(state: seed)
    var lengths = (0..<steps).map { _ in
      let drawn = (0..<min(batch.microBatch, 64)).map { _ in distribution.length(at: generator.nextShare()) }.max()
      return min(batch.sequence, drawn ?? batch.sequence)
    }
    lengths[Int(generator.nextShare() * Double(steps))] = min(batch.sequence, distribution.longest)
    return lengths
  }

  /// Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators", figure 1.
  private struct SplitMix {
    var state: UInt64

    /// A number from 0 up to 1.
    mutating func nextShare() -> Double {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      z ^= z >> 31
      return Double(z >> 11) / Double(1 << 53)
    }
  }
}
