/// The words of a command as a POSIX shell splits them: quotes, backslashes, continued lines, comments.
enum ShellWords {
  /// - Returns: the words of every command, one list each; `nil` where a quote is never closed.
  static func commands(_ text: String) -> [[String]]? {
    var commands: [[String]] = []
    var words: [String] = []
    var word: String?
    var characters = Array(text.replacing("\r\n", with: "\n"))[...]
    func endWord() {
      if let finished = word { words.append(finished) }
      word = nil
    }
    func endCommand() {
      endWord()
      if !words.isEmpty { commands.append(words) }
      words = []
    }
    while let character = characters.popFirst() {
      switch character {
      case "\\":
        guard let next = characters.popFirst() else { return nil }
        if next != "\n" { word = (word ?? "") + String(next) }
      case "'":
        guard let end = characters.firstIndex(of: "'") else { return nil }
        word = (word ?? "") + String(characters[..<end])
        characters = characters[(end + 1)...]
      case "\"":
        var quoted = word ?? ""
        var isClosed = false
        while let next = characters.popFirst() {
          if next == "\"" {
            isClosed = true
            break
          }
          guard next == "\\", let escaped = characters.first, "\"\\$`\n".contains(escaped) else {
            quoted.append(next)
            continue
          }
          characters = characters.dropFirst()
          if escaped != "\n" { quoted.append(escaped) }
        }
        guard isClosed else { return nil }
        word = quoted
      case "#" where word == nil: characters = characters.drop { $0 != "\n" }
      case "\n", ";", "&", "|": endCommand()
      case _ where character.isWhitespace: endWord()
      default: word = (word ?? "") + String(character)
      }
    }
    endCommand()
    return commands
  }
}
