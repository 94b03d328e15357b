/// Comma-separated values as RFC 4180 has them: fields between double quotes may hold commas, quotes and line ends.
///
/// Every record knows its line, and a record that cannot be read is a problem of its own: reading goes on behind it.
struct CSVRecords {
  struct Field: Hashable {
    var text: String
    /// The line that the field begins on, from 1.
    let line: Int
  }

  struct Record: Hashable {
    /// A quote out of place: in which field, and what is wrong with it.
    struct Defect: Hashable {
      let place: Int
      let reason: String
    }

    let fields: [Field]
    let line: Int
    let defect: Defect?
  }

  /// Blank lines are no records.
  static func parse(_ text: String) -> [Record] {
    var parser = CSVRecords(text)
    while let record = parser.next() { parser.records.append(record) }
    return parser.records
  }

  private let scalars: [Unicode.Scalar]
  private var place = 0
  private var line = 1
  private var records: [Record] = []

  private init(_ text: String) {
    // A byte order mark is no part of the first column's name.
    scalars = Array(text.unicodeScalars.drop { $0 == "\u{FEFF}" })
  }

  private var current: Unicode.Scalar? { place < scalars.count ? scalars[place] : nil }
  private var isAtLineEnd: Bool { current == nil || current == "\n" || current == "\r" }

  private mutating func next() -> Record? {
    while current != nil, isAtLineEnd { skipLineEnd() }
    guard current != nil else { return nil }
    let start = line
    var fields: [Field] = []
    var defect: Record.Defect?
    while true {
      let (field, problem) = field()
      if let problem, defect == nil { defect = Record.Defect(place: fields.count, reason: problem) }
      fields.append(field)
      guard current == "," else { break }
      place += 1
    }
    skipLineEnd()
    return Record(fields: fields, line: start, defect: defect)
  }

  private mutating func field() -> (Field, problem: String?) {
    var field = Field(text: "", line: line)
    guard current == "\"" else {
      var problem: String?
      while !isAtLineEnd, let scalar = current, scalar != "," {
        if scalar == "\"" { problem = "a quote inside a field that does not begin with one" }
        field.text.unicodeScalars.append(scalar)
        place += 1
      }
      return (field, problem)
    }
    return quoted(field)
  }

  private mutating func quoted(_ empty: Field) -> (Field, problem: String?) {
    var field = empty
    let (opening, openingLine) = (place, line)
    place += 1
    var isClosed = false
    while let scalar = current {
      if scalar == "\"" {
        place += 1
        isClosed = current != "\""
        if isClosed { break }
      } else if scalar == "\n" {
        line += 1
      }
      field.text.unicodeScalars.append(scalar)
      place += 1
    }
    if !isClosed {
      // The quote would swallow the rest of the file: give up on its line only.
      (place, line) = (opening, openingLine)
      while !isAtLineEnd { place += 1 }
      return (Field(text: "", line: openingLine), "a quote that is never closed")
    }
    guard !isAtLineEnd, current != "," else { return (field, nil) }
    while !isAtLineEnd, current != "," { place += 1 }
    return (field, "text behind a closing quote")
  }

  private mutating func skipLineEnd() {
    if current == "\r" {
      place += 1
      if current != "\n" { line += 1 }
    }
    if current == "\n" {
      place += 1
      line += 1
    }
  }
}
