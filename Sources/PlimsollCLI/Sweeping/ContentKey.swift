import Modeling
import Planning

/// A digest of what a result depends on: equal contents have equal keys, on every machine and in every process.
enum ContentKey {
  /// FNV-1a of 128 bits, in hexadecimal (Fowler, Noll, Vo; <http://www.isthe.com/chongo/tech/comp/fnv/>).
  ///
  /// Keys tell results apart, they don't guard them: no secret is needed, and among a million points two meet with a
  /// probability of about 10⁻²⁷.
  static func digest(_ bytes: some Sequence<UInt8>) -> String {
    var hash: UInt128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d
    for byte in bytes { hash = (hash ^ UInt128(byte)) &* 0x0000_0000_0100_0000_0000_0000_0000_013b }
    let text = String(hash, radix: 16)
    return String(repeating: "0", count: 32 - text.count) + text
  }

  /// The key of a task; `spec` is the digest of its model, which many tasks share.
  static func of(
    _ task: SweepTask, _ mode: SweepMode, spec: String, data: [String], hasIntervals: Bool
  ) -> String {
    var text = "\(mode)|\(spec)|\(task.device?.name ?? "")|\(task.threads)|"
    write(task.resolved.recipe, to: &text)
    if !mode.isRun, hasIntervals { text += "|intervals" }
    if mode.isRun {
      // Everything a run is told decides its losses; a path says less than what the file holds.
      text += "|" + task.words.joined(separator: " ") + "|" + data.joined(separator: "|")
    }
    return digest(text.utf8)
  }

  static func of(_ spec: ModelSpec) -> String {
    var text = ""
    write(spec, to: &text)
    return digest(text.utf8)
  }

  /// Every stored property, names and values: descriptions for people round bytes.
  private static func write(_ value: Any, to text: inout String) {
    let mirror = Mirror(reflecting: value)
    guard !mirror.children.isEmpty else {
      text += "\(value);"
      return
    }
    text += "("
    for child in mirror.children {
      if let label = child.label {
        text += label
        text += ":"
      }
      write(child.value, to: &text)
    }
    text += ")"
  }
}
