import Bookkeeping
import Machine
import Testing

@Suite struct HostMemoryTests {
  @Test func `this machine has memory and no more available than installed`() throws {
    let memory = try HostMemory.read()
    #expect(memory.installed > .zero)
    #expect(memory.available > .zero)
    #expect(memory.available <= memory.installed)
    #expect(memory.usable <= memory.available)
    #expect(memory.limits.first?.cause == .kernel)
  }

  @Test func `the machine bounds where nothing else does`() {
    let memory = HostMemory(installed: 8 * Bytes.gibi, available: 6 * Bytes.gibi)
    #expect(memory.usable == 6 * Bytes.gibi)
    #expect(memory.cause == .kernel)
  }

  @Test(arguments: HostMemory.Cause.allCases)
  func `the limit that leaves least bounds, whatever the size of the others`(cause: HostMemory.Cause) {
    let limits = [
      HostMemory.Limit(cause: .cgroup, limit: 7 * Bytes.gibi, use: Bytes.gibi),
      HostMemory.Limit(cause: cause, limit: 7 * Bytes.gibi, use: 5 * Bytes.gibi),
      HostMemory.Limit(cause: .addressSpaceLimit, limit: 4 * Bytes.gibi, use: Bytes.gibi),
    ]
    let memory = HostMemory(installed: 8 * Bytes.gibi, available: 6 * Bytes.gibi, furtherLimits: limits)
    #expect(memory.usable == 2 * Bytes.gibi)
    #expect(memory.cause == cause)
  }

  @Test func `a limit already crossed leaves nothing, not less`() {
    let limit = HostMemory.Limit(cause: .addressSpaceLimit, limit: Bytes.gibi, use: 3 * Bytes.gibi)
    #expect(limit.remaining == .zero)
  }

  @Test func `extreme figures do not overflow`() {
    let memory = HostMemory(
      installed: Bytes(.max), available: .zero,
      furtherLimits: [HostMemory.Limit(cause: .cgroup, limit: Bytes(.max), use: Bytes(-1))])
    #expect(memory.usable == .zero)
    #expect(memory.notes.isEmpty)
  }

  @Test(arguments: [(4, 1), (8, 0), (9, 0)])
  func `a topology that misses memory is noted and not believed`(gibibytes: Int, notes: Int) {
    let memory = HostMemory(
      installed: 8 * Bytes.gibi, available: 6 * Bytes.gibi, topologyTotal: gibibytes * Bytes.gibi)
    #expect(memory.notes.count == notes)
    #expect(memory.installed == 8 * Bytes.gibi)
  }
}
