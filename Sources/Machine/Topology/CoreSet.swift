import CHwloc

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A set of hardware threads: an hwloc bitmap that is ours to free.
struct CoreSet: ~Copyable {
  let bitmap: hwloc_bitmap_t

  /// The empty set.
  init() throws(MachineError) {
    guard let bitmap = hwloc_bitmap_alloc() else {
      throw .topologyUnavailable(step: "hwloc_bitmap_alloc", code: ENOMEM)
    }
    self.bitmap = bitmap
  }

  deinit { hwloc_bitmap_free(bitmap) }

  var isEmpty: Bool { hwloc_bitmap_iszero(bitmap) != 0 }

  /// How many hardware threads are in the set.
  var count: Int { max(0, Int(hwloc_bitmap_weight(bitmap))) }
}
