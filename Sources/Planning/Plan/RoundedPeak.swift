import Bookkeeping

/// The peak of a journal when every block is rounded up as its allocator rounds it.
enum RoundedPeak {
  enum Rounding {
    /// None: the sum of what was asked for.
    case bytes
    /// Blocks of 512 bytes (c10/cuda/CUDACachingAllocator.cpp, `kMinBlockSize` and `round_size`).
    case torchBlocks
    /// The engine's arena: whole pages from 64 KiB on, cache lines of 64 bytes below.
    case pages

    func callAsFunction(_ bytes: Bytes) -> Bytes {
      switch self {
      case .bytes: bytes
      case .torchBlocks: bytes.rounded(upTo: Bytes(512))
      case .pages: bytes.rounded(upTo: bytes >= 64 * .kibi ? 4 * .kibi : Bytes(64))
      }
    }
  }

  /// The most rounded bytes that are ever live at once.
  static func of(_ journal: Journal, by rounding: Rounding) -> Bytes {
    var live = Bytes.zero
    var peak = Bytes.zero
    for event in journal.events {
      switch event {
      case .advance: continue
      case .open(let id):
        live += rounding(journal.bytes(of: id))
        peak = max(peak, live)
      case .close(let id): live -= rounding(journal.bytes(of: id))
      }
    }
    return peak
  }
}
