import Bookkeeping
import Machine
import Testing

@Suite struct ControlGroupMemoryTests {
  @Test(arguments: [
    ("max\n", nil), ("-1", nil), ("9223372036854771712\n", nil), ("9223372036854710272", nil),
    ("18446744073709551615", nil), ("0\n", 0), ("1073741824\n", 1 << 30),
  ])
  func `a limit is a count or none`(text: String, limit: Int?) throws {
    #expect(try ControlGroupMemory.parseLimit(text, file: "memory.max") == limit.map { Bytes($0) })
  }

  @Test(arguments: ["", "\n", "unlimited", "1G", "-2", "1 2", "18446744073709551616"])
  func `what is no limit is refused`(text: String) {
    #expect(throws: MachineError.self) { try ControlGroupMemory.parseLimit(text, file: "memory.max") }
  }

  @Test(arguments: ["", "max", "-1", "4 kB"])
  func `what is no usage is refused`(text: String) {
    #expect(throws: MachineError.self) { try ControlGroupMemory.parseUse(text, file: "memory.current") }
  }

  @Test func `every limited ancestor counts, and the root has no files`() throws {
    let tree = try FolderTree([
      "cgroup.procs": "",
      "slice/memory.max": "1000000\n", "slice/memory.high": "max\n", "slice/memory.current": "600000\n",
      "slice/memory.stat": "anon 500000\ninactive_file 50000\n",
      "slice/job/memory.max": "max\n", "slice/job/memory.high": "max\n", "slice/job/memory.current": "400000\n",
      "slice/job/step/memory.max": "900000\n", "slice/job/step/memory.high": "700000\n",
      "slice/job/step/memory.current": "300000\n",
    ])
    let mounts = "30 23 0:26 / \(tree.path) rw - cgroup2 cgroup2 rw\n"
    let groups = ControlGroup.governing("memory", membership: "0::/slice/job/step\n", mounts: mounts)
    let levels = try groups.flatMap { try ControlGroupMemory.levels(of: $0) }
    #expect(
      levels == [
        ControlGroupMemory(limit: Bytes(700_000), use: Bytes(300_000)),
        ControlGroupMemory(limit: Bytes(1_000_000), use: Bytes(550_000)),
      ])
  }

  @Test func `version 1 counts the cache of descendants as its usage does`() throws {
    let tree = try FolderTree([
      "memory.limit_in_bytes": "9223372036854771712\n", "memory.usage_in_bytes": "5000\n",
      "job/memory.limit_in_bytes": "4000\n", "job/memory.usage_in_bytes": "3000\n",
      "job/memory.stat": "inactive_file 1\ntotal_inactive_file 2500\n",
    ])
    let group = ControlGroup.governing(
      "memory", membership: "4:memory:/job\n", mounts: "35 31 0:32 / \(tree.path) rw - cgroup cgroup rw,memory\n")
    let levels = try group.flatMap { try ControlGroupMemory.levels(of: $0) }
    #expect(levels == [ControlGroupMemory(limit: Bytes(4000), use: Bytes(500))])
  }

  @Test func `cache counted above usage does not make use negative`() throws {
    // The two files are read one after the other while the kernel changes both.
    let tree = try FolderTree([
      "job/memory.max": "4000\n", "job/memory.current": "100\n", "job/memory.stat": "inactive_file 200\n",
    ])
    let group = ControlGroup.governing(
      "memory", membership: "0::/job\n", mounts: "35 31 0:32 / \(tree.path) rw - cgroup2 cgroup2 rw\n")
    #expect(try group.flatMap { try ControlGroupMemory.levels(of: $0) }.map(\.use) == [.zero])
  }

  @Test func `a garbled limit is an error, not no limit`() throws {
    let tree = try FolderTree(["job/memory.max": "lots\n", "job/memory.current": "100\n"])
    let group = ControlGroup.governing(
      "memory", membership: "0::/job\n", mounts: "35 31 0:32 / \(tree.path) rw - cgroup2 cgroup2 rw\n")
    #expect(throws: MachineError.malformedField(name: "limit", text: "lots", file: "memory.max")) {
      try group.flatMap { try ControlGroupMemory.levels(of: $0) }
    }
  }

  @Test func `processor time is the least of all levels`() throws {
    let tree = try FolderTree([
      "slice/cpu.max": "150000 100000\n", "slice/job/cpu.max": "max 100000\n",
      "slice/job/step/cpu.max": "400000 100000",
    ])
    let groups = ControlGroup.governing(
      "cpu", membership: "0::/slice/job/step\n", mounts: "30 23 0:26 / \(tree.path) rw - cgroup2 cgroup2 rw\n")
    #expect(try ProcessorQuota.least(of: groups) == 1.5)
  }

  @Test func `version 1 writes quota and period apart`() throws {
    let tree = try FolderTree([
      "cpu.cfs_quota_us": "-1\n", "cpu.cfs_period_us": "100000\n",
      "job/cpu.cfs_quota_us": "200000\n", "job/cpu.cfs_period_us": "100000\n",
    ])
    let groups = ControlGroup.governing(
      "cpu", membership: "3:cpu,cpuacct:/job\n", mounts: "32 31 0:29 / \(tree.path) rw - cgroup cgroup rw,cpu,cpuacct\n"
    )
    #expect(try ProcessorQuota.least(of: groups) == 2)
  }

  @Test(arguments: ["", "max", "100000", "100000 0", "0 100000", "-5 100000", "a b", "1 2 3"])
  func `what is no quota is refused`(text: String) {
    #expect(throws: MachineError.self) { try ProcessorQuota.parse(text, file: "cpu.max") }
  }
}
