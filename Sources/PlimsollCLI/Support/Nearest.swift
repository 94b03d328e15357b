/// Finds what somebody may have meant.
enum Nearest {
  /// The names most like `wanted`, the likest first; none where nothing is like it.
  static func names(to wanted: String, among names: [String], limit: Int = 3) -> [String] {
    let wanted = key(wanted)
    guard !wanted.isEmpty else { return [] }
    let ranked = names.map { name -> (name: String, distance: Int) in
      let candidate = key(name)
      // A part of a name is what people type who don't know the whole: `4060` for `rtx-4060`.
      let contains = candidate.contains(wanted) || wanted.contains(candidate)
      return (name, contains ? 0 : distance(wanted, candidate))
    }
    let tolerance = max(2, wanted.count / 3)
    return ranked.filter { $0.distance <= tolerance }
      .sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }
      .prefix(limit).map(\.name)
  }

  private static func key(_ name: String) -> [Character] {
    // Longer input than any name is no misspelling of one.
    Array(name.lowercased().filter { $0.isLetter || $0.isNumber }.prefix(64))
  }

  /// Insertions, deletions and replacements from one to the other (Levenshtein 1966).
  private static func distance(_ left: [Character], _ right: [Character]) -> Int {
    var row = Array(0...right.count)
    for (place, character) in left.enumerated() {
      var diagonal = row[0]
      row[0] = place + 1
      for (other, candidate) in right.enumerated() {
        let replaced = diagonal + (character == candidate ? 0 : 1)
        diagonal = row[other + 1]
        row[other + 1] = min(replaced, row[other] + 1, row[other + 1] + 1)
      }
    }
    return row[right.count]
  }
}

extension [Character] {
  fileprivate func contains(_ part: [Character]) -> Bool {
    guard !part.isEmpty, part.count <= count else { return part.isEmpty }
    return (0...count - part.count).contains { self[$0..<$0 + part.count].elementsEqual(part) }
  }
}
