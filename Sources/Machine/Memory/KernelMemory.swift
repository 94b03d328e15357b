package import Bookkeeping

#if canImport(Darwin)
  import Darwin
#endif

/// The kernel's own two figures for the machine's memory.
package struct KernelMemory: Hashable, Sendable {
  /// `MemTotal`: memory less what firmware and the kernel's image hold.
  package let total: Bytes
  /// `MemAvailable`: what new work may take without swapping, file cache that can be dropped included.
  package let available: Bytes

  /// Reads the text of `/proc/meminfo` (proc_meminfo(5)).
  ///
  /// Without `MemAvailable` (before Linux 3.14) `MemFree` stands in: never too high.
  package init(meminfo text: String) throws(MachineError) {
    let file = "/proc/meminfo"
    total = try KernelTable.required("MemTotal", in: text, file: file)
    let free = try KernelTable.required("MemFree", in: text, file: file)
    let estimate = try KernelTable.kibibytes("MemAvailable", in: text, file: file)
    // The kernel's estimate may exceed the total for a moment while memory is unplugged.
    available = min(total, estimate ?? free)
  }

  #if canImport(Darwin)
    /// `hw.memsize`, and the free, inactive and purgeable pages of host_statistics64.
    package static func read() throws(MachineError) -> KernelMemory {
      var installed: UInt64 = 0
      var size = MemoryLayout<UInt64>.size
      guard sysctlbyname("hw.memsize", &installed, &size, nil, 0) == 0, let total = Int(exactly: installed) else {
        throw .callFailed(name: "sysctl hw.memsize", code: errno)
      }
      var statistics = vm_statistics64()
      let words = MemoryLayout<vm_statistics64>.size / MemoryLayout<integer_t>.size
      var count = mach_msg_type_number_t(words)
      let result = withUnsafeMutablePointer(to: &statistics) { pointer in
        pointer.withMemoryRebound(to: integer_t.self, capacity: words) {
          host_statistics64(mach_host_self(), HOST_VM_INFO64, $0, &count)
        }
      }
      guard result == KERN_SUCCESS else { throw .callFailed(name: "host_statistics64", code: EIO) }
      let pages = Int(statistics.free_count) + Int(statistics.inactive_count) + Int(statistics.purgeable_count)
      return KernelMemory(total: Bytes(total), available: Bytes(min(total, pages * Int(getpagesize()))))
    }

    private init(total: Bytes, available: Bytes) {
      self.total = total
      self.available = available
    }
  #else
    /// The figures of now.
    package static func read() throws(MachineError) -> KernelMemory {
      try KernelMemory(meminfo: KernelFile.text(at: "/proc/meminfo"))
    }
  #endif
}
