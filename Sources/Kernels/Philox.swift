import CKernels

/// The generator under dropout and random initial values: Philox4x32-10.
package enum Philox {
  /// The four words of one counter, for the test against the published vectors.
  package static func words(counter: [UInt32], key: [UInt32]) -> [UInt32] {
    precondition(counter.count == 4 && key.count == 2, "a counter has 4 words, not \(counter.count); a key 2")
    var words: [UInt32] = [0, 0, 0, 0]
    plk_philox(&words, counter, key)
    return words
  }
}
