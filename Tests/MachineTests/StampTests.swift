import Bookkeeping
import FoundationEssentials
import Machine
import Testing

@Suite struct StampTests {
  static let sample = Stamp(
    date: "2026-01-31T23:59:59Z", commit: "0123abc-dirty", swift: "6.3",
    system: OperatingSystem(name: "Debian GNU/Linux 12 (bookworm)", kernel: "Linux 6.1.0", architecture: "x86_64"),
    processor: Processor(
      name: "Some Model", packages: 1, cores: 8, threads: 16, allowedCores: 4, allowedThreads: 8, quota: 2.5,
      numaNodes: 1,
      caches: [
        Processor.Cache(level: 1, size: Bytes(48 << 10), count: 8),
        Processor.Cache(level: 3, size: Bytes(32 << 20), count: 1),
      ]),
    threads: 2,
    memory: HostMemory(
      installed: 8 * Bytes.gibi, available: 6 * Bytes.gibi, topologyTotal: 4 * Bytes.gibi,
      furtherLimits: [HostMemory.Limit(cause: .cgroup, limit: 4 * Bytes.gibi, use: Bytes.gibi)]),
    linearAlgebra: Stamp.LinearAlgebra(version: "OpenBLAS 0.3.21", core: "SkylakeX"))

  @Test func `a stamp comes back from JSON as it was`() throws {
    let topology = try Topology.load()
    for stamp in [Self.sample, try Stamp.now(topology: topology, threads: 1, commit: "0123abc")] {
      let data = try JSONEncoder().encode(stamp)
      #expect(try JSONDecoder().decode(Stamp.self, from: data) == stamp)
    }
  }

  @Test func `a stamp reads as one fact a line`() {
    #expect(
      Self.sample.lines == [
        "date: 2026-01-31T23:59:59Z",
        "commit: 0123abc-dirty",
        "processor: Some Model, 1 package, 8 cores, 16 hardware threads, 1 NUMA node",
        "threads: 2 used, 4 cores and 8 hardware threads allowed, processor time of 2.50 granted",
        "caches: 8 × L1d 48.0 KiB, 1 × L3 32.0 MiB",
        "memory: 8.00 GiB installed, 6.00 GiB available, 3.00 GiB usable (bounded by a control group's limit)",
        "system: Debian GNU/Linux 12 (bookworm), Linux 6.1.0, x86_64",
        "linear algebra: OpenBLAS 0.3.21, SkylakeX kernels",
        "swift: 6.3",
        "note: hwloc counts 4.00 GiB of memory, the kernel 8.00 GiB: the kernel's figure is used",
      ])
    #expect(Self.sample.commentLines.allSatisfy { $0.hasPrefix("# ") && !$0.contains("\n") })
    #expect(Self.sample.commentLines.count == Self.sample.lines.count)
  }

  @Test func `a line break in a library's own words cannot end a comment`() {
    let stamp = Stamp(
      date: "", commit: nil, system: Self.sample.system, processor: Self.sample.processor, threads: 1,
      memory: HostMemory(installed: Bytes.gibi, available: Bytes.gibi),
      linearAlgebra: Stamp.LinearAlgebra(version: "BLAS\r\nloss,1", core: "x"))
    #expect(stamp.lines.contains("linear algebra: BLAS loss,1, x kernels"))
  }

  @Test func `a stamp of now is of this machine, with the threads that were recommended`() throws {
    let topology = try Topology.load()
    let stamp = try Stamp.now(topology: topology, commit: "0123abc")
    #expect(stamp.threads == topology.processor.recommendedThreads)
    #expect(stamp.processor == topology.processor)
    #expect(stamp.linearAlgebra == nil)
    // Dates in this notation sort as text.
    let clock = Date().formatted(Date.ISO8601FormatStyle(timeZone: .gmt))
    #expect(stamp.date.count == clock.count)
    #expect(stamp.date <= clock)
  }

  @Test(arguments: [
    0, 1, 59, 86_399, 86_400, 951_782_399, 951_782_400, 951_868_800, 1_709_164_800, 1_735_689_599, 1_735_689_600,
    4_107_542_400, 253_402_300_799, -1, -86_401, -2_208_988_800,
  ])
  func `moments are written as Foundation writes them`(seconds: Int) {
    let date = Date(timeIntervalSince1970: Double(seconds))
    #expect(Timestamp.text(secondsSince1970: seconds) == date.formatted(Date.ISO8601FormatStyle(timeZone: .gmt)))
  }

  @Test(arguments: ["0123abc", "0123ABC-dirty", String(repeating: "f", count: 40), String(repeating: "0", count: 64)])
  func `a commit is taken as it is`(text: String) throws {
    #expect(try Build.commit(text) == text)
  }

  @Test(arguments: [
    "", "main", "0123ab", "0123abc\nx", "0123abc-dirty-dirty", "-dirty", String(repeating: "0", count: 65),
  ])
  func `what is no commit is refused`(text: String) {
    #expect(throws: MachineError.unusableCommit(text)) { try Build.commit(text) }
  }

  @Test(arguments: [
    ("NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n", "Debian GNU/Linux 12 (bookworm)"),
    ("PRETTY_NAME='Alpine'\n", "Alpine"), ("PRETTY_NAME=Void\n", "Void"), ("PRETTY_NAME=\"\n", "\""),
  ])
  func `a distribution's name loses its quotes`(text: String, name: String) {
    #expect(OperatingSystem.prettyName(osRelease: text) == name)
  }

  @Test(arguments: ["", "NAME=x\n", "PRETTY_NAME=\n", "PRETTY_NAME=\"\"\n", "#PRETTY_NAME=x"])
  func `a distribution without a name has none`(text: String) {
    #expect(OperatingSystem.prettyName(osRelease: text) == nil)
  }

  @Test func `every error says what to look at`() {
    let errors: [MachineError] = [
      .unreadable(path: "/proc/meminfo", code: 13), .missingField(name: "MemTotal", file: "/proc/meminfo"),
      .malformedField(name: "MemTotal", text: "?", file: "/proc/meminfo"),
    ]
    for error in errors { #expect(error.description.contains("/proc/meminfo")) }
    #expect(MachineError.noSuchCore(index: 9, allowed: 2).description.contains("core 9"))
  }
}
