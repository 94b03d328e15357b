/// The processor's name where hwloc has none, as on Arm.
package enum ProcessorName {
  /// The kernel's name, `nil` where it gives none.
  static func fromKernel() -> String? {
    KernelFile.textIfReadable(at: "/proc/cpuinfo").flatMap { parse(cpuinfo: $0) }
  }

  /// The first naming field of `/proc/cpuinfo`: `model name` (x86, some Arm), `cpu` (POWER), `uarch` (RISC-V),
  /// `Hardware` (older Arm).
  package static func parse(cpuinfo text: String) -> String? {
    let lines = text.split(whereSeparator: \.isNewline)
    for field in ["model name", "cpu", "uarch", "Hardware"] {
      for line in lines {
        guard let colon = line.firstIndex(of: ":"), line[..<colon].trimmed == field else { continue }
        let name = line[line.index(after: colon)...].trimmed
        if !name.isEmpty { return name }
      }
    }
    return nil
  }
}
