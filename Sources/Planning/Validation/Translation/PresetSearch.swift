import Modeling

/// Finds a preset by the words of a name that is no repository's: `LLaMA2-7B`, `Mistral 7B (v0.1)`, `Vicuna 13B`.
enum PresetSearch {
  /// The preset all of whose words stand in `name`; of several, the one with most of them.
  ///
  /// - Returns: `nil` where none does.
  static func find(_ name: String) -> Preset? {
    let words = Set(pieces(name))
    return best(words) { pieces($0.name) } ?? best(words) { pieces($0.name).filter { !isRelease($0) } }
  }

  private static func best(_ words: Set<String>, _ pieces: (Preset) -> [String]) -> Preset? {
    let fitting = Presets.all.map { ($0, pieces($0)) }.filter { $0.1.allSatisfy(words.contains) }
    let most = fitting.map(\.1.count).max() ?? 0
    // A name of one word says too little: `phi` is in many. Releases of one name begin with the one meant most often.
    return most > 1 ? fitting.first { $0.1.count == most }?.0 : nil
  }

  /// `v0.1` of Mistral 7B.
  private static func isRelease(_ word: String) -> Bool {
    word.first == "v" && word.dropFirst().first?.isNumber == true
  }

  /// Words of a name, with names of fine-tuned models as their bases: Vicuna 1.5, Alpaca and others are Llamas.
  private static func pieces(_ name: String) -> [String] {
    var text = " " + FreeText(name.replacing("_", with: ".")).words.flatMap(split).joined(separator: " ") + " "
    for (word, bases) in others { text = text.replacing(" \(word) ", with: " \(bases) ") }
    return text.split(separator: " ").map(String.init)
  }

  /// `llama2` is a name and a version; `7b`, `v0.1` and `a3b` are one word each.
  private static func split(_ word: String) -> [String] {
    guard let place = word.firstIndex(where: \.isNumber), word[..<place].count > 1, word.first?.isLetter == true else {
      return [word]
    }
    return [String(word[..<place]), String(word[place...])]
  }

  private static let others: [(word: String, bases: String)] = [
    ("codellama", "code llama"), ("alpaca", "llama"), ("guanaco", "llama"), ("wizardlm", "llama"), ("vicuna", "llama"),
  ]
}
