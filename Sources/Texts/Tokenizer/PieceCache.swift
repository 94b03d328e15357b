import Synchronization

/// Pieces that were encoded before, shared by all copies of a tokenizer.
///
/// Whoever finds it in use by another thread encodes without it: waiting would cost more than merging again.
final class PieceCache: Sendable {
  /// A piece as a key; equal to the same scalars only.
  struct Key: Hashable {
    let scalars: ArraySlice<Unicode.Scalar>

    func hash(into hasher: inout Hasher) {
      for scalar in scalars { hasher.combine(scalar.value) }
    }
  }

  typealias Entries = [Key: BytePairModel.Encoded]

  /// Longer pieces rarely come again.
  static let longestPiece = 48
  /// The cache is emptied when it is full.
  static let capacity = 1 << 16

  private let entries = Mutex<Entries>([:])

  /// Runs `body` with the cache, or with nil where another thread has it.
  func use<Result>(_ body: (inout Entries?) -> Result) -> Result {
    let shared = entries.withLockIfAvailable { held -> Result in
      var entries: Entries? = consume held
      held = [:]
      let result = body(&entries)
      held = entries ?? [:]
      return result
    }
    if let shared { return shared }
    var none: Entries?
    return body(&none)
  }
}
