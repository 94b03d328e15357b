public import Bookkeeping

/// How PyTorch's caching allocator is set up: what `PYTORCH_CUDA_ALLOC_CONF` says.
///
/// Sources: torch c10/core/AllocatorConfig.h and AllocatorConfig.cpp, c10/cuda/CUDAAllocatorConfig.h.
public struct AllocatorSettings: Hashable, Sendable {
  /// The string that was parsed; empty for torch's own defaults.
  public internal(set) var text = ""
  /// `expandable_segments`: one segment a pool that grows by pages, instead of one for each large request.
  public var usesExpandableSegments = false
  /// `max_split_size_mb`: blocks from this size on are neither split nor handed to smaller requests.
  public var maximumSplit: Bytes?
  /// `max_non_split_rounding_mb`: by how much such a block may exceed the request that takes it.
  ///
  /// As large as ``largeSegment`` where it is not set.
  public var maximumRounding: Bytes?
  /// `roundup_power2_divisions`: into how many steps each doubling of the size is cut, from 1 MiB to 64 GiB on.
  ///
  /// 0 and 1 stand for plain blocks of 512 bytes.
  public var divisions = [Int](repeating: 0, count: AllocatorSettings.doublings)
  /// `garbage_collection_threshold`: the share of the device from which on old cached segments are freed.
  public var collectionThreshold: Double?
  /// `large_segment_size_mb`: what is taken from the driver for requests between 1 and 10 MiB.
  public var largeSegment = 20 * Bytes.mebi
  /// `per_process_memory_fraction`: the share of the device that the process may take.
  public var memoryFraction: Double?

  /// Torch's defaults.
  public static let standard = AllocatorSettings()

  /// Torch's defaults, with `change` made to them.
  public init(_ change: (inout AllocatorSettings) -> Void = { _ in }) { change(&self) }

  /// Doublings that ``divisions`` tells apart: 1 MiB to 64 GiB.
  static let doublings = 16

  /// Steps into which the doubling that `size` is in is cut (`AcceleratorAllocatorConfig::roundup_power2_divisions`).
  package func divisions(for size: Int) -> Int {
    let power = Int.bitWidth - 1 - max(1, size).leadingZeroBitCount
    return divisions[min(max(0, power - 20), AllocatorSettings.doublings - 1)]
  }

  package var rounding: Bytes { maximumRounding ?? largeSegment }
}

/// Why a string cannot be `PYTORCH_CUDA_ALLOC_CONF`: torch would stop at it too.
public enum AllocatorSettingsError: Error, Hashable, CustomStringConvertible {
  case unknownKey(String, known: [String])
  case badValue(key: String, value: String, allowed: String)
  /// Something is missing after what was read so far.
  case malformed(after: String, expected: String)
  /// Torch knows it; its memory has no model here.
  case notModeled(key: String, value: String)

  public var description: String {
    switch self {
    case .unknownKey(let key, let known):
      "--alloc-conf has \(key), which torch's allocator does not know: it knows \(known.joined(separator: ", "))"
    case .badValue(let key, let value, let allowed): "--alloc-conf has \(key):\(value): it must be \(allowed)"
    case .malformed(let after, let expected):
      "--alloc-conf breaks off after '\(after)': \(expected) must follow, as in expandable_segments:True"
    case .notModeled(let key, let value):
      "--alloc-conf has \(key):\(value), which is not modeled: leave it out to plan torch's own allocator"
    }
  }
}
