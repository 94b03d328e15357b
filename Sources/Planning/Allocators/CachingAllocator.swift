import Bookkeeping

/// PyTorch's caching allocator.
enum CachingAllocator {
  /// The most bytes it ever holds while `journal` is replayed.
  static func replay(_ journal: Journal) -> Bytes { RoundedPeak.of(journal, by: .torchBlocks) }
}
