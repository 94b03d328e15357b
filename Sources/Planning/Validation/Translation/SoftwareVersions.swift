/// The programs that a row's library names, with the versions it states.
///
/// Read by rules: a number with points behind a name is its version (`torch 2.4.1`, `peft==0.13.2`, `ms-swift 1.5`),
/// `4.3x` is the first of its tens, `2024-03` a date; whatever else stands there is kept as words.
struct SoftwareVersions: Hashable {
  /// A version's parts; comparison is part by part.
  struct Version: Hashable, Comparable, CustomStringConvertible {
    let parts: [Int]

    init(_ parts: Int...) { self.parts = parts }

    init?(parsing text: String) {
      let trimmed = text.hasPrefix("v") ? String(text.dropFirst()) : text
      guard trimmed.first?.isNumber == true, trimmed.contains(".") else { return nil }
      var parts: [Int] = []
      for piece in trimmed.split(separator: ".") {
        let digits = piece.prefix { $0.isNumber }
        guard let number = Int(digits) else { break }
        let rest = piece.dropFirst(digits.count)
        parts.append(rest.first == "x" ? number * 10 : number)
        // `0.5-0.6` begins at 0.5, `0+cu121` is a build.
        if !rest.isEmpty { break }
      }
      guard parts.count >= 2 else { return nil }
      self.parts = parts
    }

    private init(parts: [Int]) { self.parts = parts }

    static func < (left: Version, right: Version) -> Bool {
      let count = max(left.parts.count, right.parts.count)
      for place in 0..<count {
        let (mine, other) = (left.part(place), right.part(place))
        if mine != other { return mine < other }
      }
      return false
    }

    static func == (left: Version, right: Version) -> Bool { !(left < right) && !(right < left) }

    func hash(into hasher: inout Hasher) { hasher.combine(part(0)) }

    private func part(_ place: Int) -> Int { place < parts.count ? parts[place] : 0 }

    var description: String { parts.map(String.init).joined(separator: ".") }
  }

  /// Every word, without versions' context: for what has no version.
  let words: FreeText
  /// The year and month of a date in the text, as `202403`.
  let date: Int?
  /// The month that the library column or the source states.
  let statedMonth: Int?
  /// The month that the software is of: stated, or that of the newest package whose version is stated.
  let month: Int?
  private let versions: [String: Version]

  /// - Parameter places: where else a month may stand, in full: the source, notes.
  init(_ text: String?, places: [String?] = []) {
    words = FreeText(text)
    var versions: [String: Version] = [:]
    var name: String?
    for word in SoftwareVersions.pieces(text ?? "") {
      if let version = Version(parsing: word) {
        if let name, versions[name] == nil { versions[name] = version }
      } else if word.first?.isLetter == true {
        name = SoftwareVersions.key(word)
      } else {
        name = nil
      }
    }
    self.versions = versions
    date = SoftwareVersions.date(text ?? "")
    let elsewhere = places.compactMap { $0.flatMap(SoftwareVersions.fullDate) }.first
    statedMonth = date ?? elsewhere
    month = statedMonth ?? ReleaseDates.month(of: versions)
  }

  /// The stated version of a package, by its name on PyPI.
  subscript(_ package: String) -> Version? { versions[SoftwareVersions.key(package)] }

  /// Whether the software is of a month after this one, as `202412`; unknown months are recent.
  func isAfter(_ month: Int) -> Bool { self.month.map { $0 > month } ?? true }

  /// Whether a package is named, with or without a version.
  func names(_ package: String) -> Bool {
    versions[SoftwareVersions.key(package)] != nil || words.says(FreeText(package).words.joined(separator: " "))
  }

  /// `flash_attn`, `flash-attn` and `Flash-Attn` are one.
  private static func key(_ name: String) -> String {
    String(name.lowercased().filter { $0.isLetter || $0.isNumber })
  }

  /// Words that keep hyphens, points and underscores inside.
  private static func pieces(_ text: String) -> [String] {
    text.split { " ,;()[]=<>~@:/+".contains($0) }.map(String.init)
  }

  /// A date with year and month at least.
  private static func fullDate(_ text: String) -> Int? { date(text).flatMap { isFull(text) ? $0 : nil } }

  private static func isFull(_ text: String) -> Bool {
    text.split { !$0.isNumber && $0 != "-" }.contains { part in
      let numbers = part.split(separator: "-").compactMap { Int($0) }
      return numbers.count >= 2 && years.contains(numbers[0]) && (1...12).contains(numbers[1])
    }
  }

  private static func date(_ text: String) -> Int? {
    // `2024-03`, `2024.8`, `2024/03/07`
    let numbers = text.split { !$0.isNumber && !"-./".contains($0) }.map { part in
      part.split { !$0.isNumber }.compactMap { Int($0) }
    }
    for part in numbers where part.count >= 2 && years.contains(part[0]) && (1...12).contains(part[1]) {
      return part[0] * 100 + part[1]
    }
    // A year alone stands for its middle.
    return numbers.lazy.compactMap(\.first).first(where: years.contains).map { $0 * 100 + 6 }
  }

  /// Years in which anybody fine-tuned a decoder: `2048` is a length.
  private static let years = 2019...2030
}
