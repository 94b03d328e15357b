import Bookkeeping
import Machine
import Testing

/// Each fact is looked at in a process of its own: in the test runner's, other tests allocate at the same time, and
/// resetting its peak would spoil theirs.
///
/// Tolerances are 4 MiB on 64. The process pages in libraries while it runs, and many kernels' counters are some tens of
/// pages off for each thread or processor (see `ResidentSet.read`). A wrong unit, or a field mixed up with another, is
/// off by far more.
@Suite struct ResidentSetTests {
  static let size = 64 * Bytes.mebi
  static let tolerance = 4 * Bytes.mebi

  /// Allocates fresh memory, touches every page, and calls `body` while it is resident.
  static func holding<Value>(_ size: Bytes, _ body: () throws -> Value) rethrows -> Value {
    let region = UnsafeMutableRawBufferPointer.allocate(byteCount: size.count, alignment: 4096)
    defer { region.deallocate() }
    for offset in stride(from: 0, to: size.count, by: 4096) { region[offset] = 1 }
    return try body()
  }

  static func isNear(_ one: Bytes, _ other: Bytes) -> Bool { (one.count - other.count).magnitude <= tolerance.count }

  @Test func `touched memory is resident and its faults are counted`() async {
    await #expect(processExitsWith: .success) {
      let before = try ResidentSet.read().current
      let faultsBefore = try PageFaults.read()
      let (held, faults) = try Self.holding(Self.size) { (try ResidentSet.read().current, try PageFaults.read()) }
      #expect(Self.isNear(held - before, Self.size))
      // One a page; one for each 2 MiB where the kernel uses huge pages.
      #expect((faults - faultsBefore).minor >= Self.size.count / (2 << 20))
    }
  }

  @Test func `the peak remembers what was released, until it is reset`() async {
    await #expect(processExitsWith: .success) {
      let held = try Self.holding(Self.size) { try ResidentSet.read().current }
      let after = try ResidentSet.read()
      #expect(Self.isNear(after.peak, held))
      #expect(Self.isNear(held - after.current, Self.size))

      guard ResidentSet.resetPeak() else { return }
      let reset = try ResidentSet.read()
      #expect(Self.isNear(reset.peak, reset.current))
      #expect(Self.isNear(reset.current, after.current))
    }
  }

  @Test func `the count page by page agrees with the counter`() async {
    await #expect(processExitsWith: .success) {
      let (exact, counter) = try Self.holding(Self.size) {
        (try ResidentSet.exactCurrent(), try ResidentSet.read().current)
      }
      #expect(Self.isNear(exact, counter))
      #expect(exact > Self.size)
    }
  }
}
