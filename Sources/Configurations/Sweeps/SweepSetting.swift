/// One flag of a command by its name without dashes, and its value as text.
///
/// `on` and `off` are a flag that is there and one that is negated; `default` leaves the flag out.
public struct SweepSetting: Hashable, Sendable {
  public let name: String
  public let value: String

  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }

  /// The value that leaves a flag to its default.
  public static let left = "default"

  /// Settings of a command line's words, in their order: `--seq 512 --no-checkpointing --batch=2`.
  public static func reading(_ words: some Sequence<String>) throws(SweepError) -> [SweepSetting] {
    var settings: [SweepSetting] = []
    var open: String?
    func closed(_ name: String) -> SweepSetting {
      name.hasPrefix("no-") ? SweepSetting(String(name.dropFirst(3)), "off") : SweepSetting(name, "on")
    }
    for word in words {
      guard word.hasPrefix("--"), word.count > 2 else {
        guard let name = open else { throw .strayWord(word) }
        settings.append(SweepSetting(name, word))
        open = nil
        continue
      }
      if let name = open { settings.append(closed(name)) }
      let text = word.dropFirst(2)
      if let mark = text.firstIndex(of: "=") {
        settings.append(SweepSetting(String(text[..<mark]), String(text[text.index(after: mark)...])))
        open = nil
      } else {
        open = String(text)
      }
    }
    if let name = open { settings.append(closed(name)) }
    return settings
  }
}
