import ArgumentParser
import Configurations

/// Writes settings as the words of a command line.
struct FlagWords {
  let mode: SweepMode
  private var known: [SweepSetting: [String]] = [:]

  init(_ mode: SweepMode) { self.mode = mode }

  /// The words of one setting: `--rank=4`, `--no-checkpointing`, or none where the flag is left out.
  ///
  /// - Throws: `SweepError`, naming the setting, where no flag is of that name or takes that value.
  mutating func words(_ setting: SweepSetting) throws -> [String] {
    if let words = known[setting] { return words }
    let words = try find(setting)
    known[setting] = words
    return words
  }

  private func find(_ setting: SweepSetting) throws -> [String] {
    let (name, value) = (setting.name, setting.value)
    guard !value.isEmpty else { throw SweepError.badSetting("--\(name): it has an empty value") }
    // A flag that is there or not takes no value, and an option takes no `--no-`: what can be parsed is meant.
    let bare = isKnown(["--\(name)"])
    switch value {
    case SweepSetting.left:
      guard bare || complaint(["--\(name)=x"]).map({ !$0.hasPrefix("Unknown option") }) ?? true else {
        throw SweepError.badSetting("Unknown option '--\(name)'")
      }
      return []
    case "on", "true", "yes": if bare { return ["--\(name)"] }
    case "off", "false", "no":
      if isKnown(["--no-\(name)"]) { return ["--no-\(name)"] }
      if bare { return [] }
    default: break
    }
    let words = ["--\(name)=\(value)"]
    if let complaint = complaint(words) { throw SweepError.badSetting(complaint) }
    return words
  }

  private func isKnown(_ words: [String]) -> Bool { complaint(words) == nil }

  /// What the parser says of some words; `nil` where it takes them.
  private func complaint(_ words: [String]) -> String? {
    func message<Options: ParsableArguments>(_: Options.Type, _ words: [String]) -> String? {
      do {
        _ = try Options.parse(words)
        return nil
      } catch { return Options.message(for: error) }
    }
    switch mode {
    case .planned: return message(PlannedPointOptions.self, words)
    case .checked: return message(CheckedPointOptions.self, words)
    case .trained:
      // The examples are asked for elsewhere.
      let data = words.contains { $0.hasPrefix("--data") } ? [] : ["--data=x"]
      return message(TrainedPointOptions.self, words + data)
    }
  }
}
