import Bookkeeping
import Machine
import Testing

@Suite struct KernelTableTests {
  static let status = "Name:\tplimsoll\nVmPeak:\t  200 kB\nVmSize:\t  180 kB\nVmRSS:\t   64 kB\nVmHWM:\t   96 kB\n"

  @Test(arguments: [("VmRSS", 64), ("VmHWM", 96), ("VmSize", 180)])
  func `a kB field is read as KiB`(name: String, kibibytes: Int) throws {
    #expect(try KernelTable.kibibytes(name, in: Self.status, file: "status") == Bytes(kibibytes * 1024))
  }

  @Test(arguments: ["VmRS", "RSS", "", "vmrss"])
  func `a name is matched whole`(name: String) throws {
    #expect(try KernelTable.kibibytes(name, in: Self.status, file: "status") == nil)
  }

  @Test func `a required field that is missing is named`() {
    #expect(throws: MachineError.missingField(name: "VmLck", file: "status")) {
      try KernelTable.required("VmLck", in: Self.status, file: "status")
    }
  }

  @Test(arguments: [
    "", "64", "64 MB", "kB", "-64 kB", "sixty kB", "64 kB kB", "6.4 kB", "9223372036854775807 kB",
    "99999999999999999999 kB",
  ])
  func `what is no count of kB is refused`(value: String) {
    #expect(throws: MachineError.malformedField(name: "VmRSS", text: value, file: "status")) {
      try KernelTable.kibibytes("VmRSS", in: "VmRSS:\t\(value)\n", file: "status")
    }
  }

  @Test func `a statistics field is matched whole and read in bytes`() throws {
    let text = "active_file 7\ninactive_file 4096\ntotal_inactive_file 8192\n"
    #expect(try KernelTable.bytes("inactive_file", in: text, file: "memory.stat") == Bytes(4096))
    #expect(try KernelTable.bytes("total_inactive_file", in: text, file: "memory.stat") == Bytes(8192))
    #expect(try KernelTable.bytes("file", in: text, file: "memory.stat") == nil)
  }

  @Test(arguments: ["inactive_file", "inactive_file -1", "inactive_file 1 2", "inactive_file 18446744073709551616"])
  func `a malformed statistics field is refused`(line: String) {
    #expect(throws: MachineError.malformedField(name: "inactive_file", text: line, file: "memory.stat")) {
      try KernelTable.bytes("inactive_file", in: "anon 3\n\(line)\n", file: "memory.stat")
    }
  }

  @Test func `the kernel's memory is read from its table`() throws {
    let text = "MemTotal:       1000 kB\nMemFree:         100 kB\nMemAvailable:    700 kB\nSwapTotal:         0 kB\n"
    let memory = try KernelMemory(meminfo: text)
    #expect(memory.total == 1000 * Bytes.kibi)
    #expect(memory.available == 700 * Bytes.kibi)
  }

  @Test func `free memory stands in where the kernel has no estimate`() throws {
    let memory = try KernelMemory(meminfo: "MemTotal: 1000 kB\nMemFree: 100 kB\n")
    #expect(memory.available == 100 * Bytes.kibi)
  }

  @Test func `available memory never exceeds the total`() throws {
    let memory = try KernelMemory(meminfo: "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 1200 kB\n")
    #expect(memory.available == memory.total)
  }

  @Test(arguments: ["", "MemFree: 1 kB\nMemAvailable: 1 kB\n", "MemTotal: 1000\nMemFree: 1 kB\n", "<html>"])
  func `a table without the machine's memory is refused`(text: String) {
    #expect(throws: MachineError.self) { try KernelMemory(meminfo: text) }
  }

  @Test func `a peak below the current size is raised to it`() throws {
    // The two are counted apart, and the peak may lag.
    let resident = try ResidentSet(status: "VmHWM:\t 60 kB\nVmRSS:\t 64 kB\n")
    #expect(resident.peak == 64 * Bytes.kibi)
    #expect(resident.current == 64 * Bytes.kibi)
  }

  @Test(arguments: [
    ("processor\t: 0\nmodel name\t: AMD EPYC 9575F\n", "AMD EPYC 9575F"),
    ("processor : 0\ncpu : POWER9, altivec supported\n", "POWER9, altivec supported"),
    ("processor : 0\nuarch : sifive,u74-mc\n", "sifive,u74-mc"),
    ("Hardware\t: BCM2835\n", "BCM2835"),
    ("cpu : \nHardware : BCM2835\n", "BCM2835"),
  ])
  func `a processor's name is found under any architecture's field`(text: String, name: String) {
    #expect(ProcessorName.parse(cpuinfo: text) == name)
  }

  @Test(arguments: ["", "processor : 0\ncpu family : 6\n", "model name :\n"])
  func `no name is made up where there is none`(text: String) {
    #expect(ProcessorName.parse(cpuinfo: text) == nil)
  }
}
