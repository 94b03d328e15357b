/// One column of a table: what it is called by people and by programs, and what it holds.
public struct Column: Hashable, Sendable {
  public enum Kind: Hashable, Sendable {
    case text
    case integer
    /// Memory with its unit in each cell.
    case bytes
    /// Memory in GiB, the unit in the header.
    case gibibytes
    /// Memory in MiB, the unit in the header.
    case mebibytes
    case decimal(places: Int)
    case percent(places: Int)
    case flag
    /// A share of one, drawn as a bar in text and left out everywhere else.
    case bar(width: Int)
  }

  public enum Alignment: Hashable, Sendable { case left, right }

  /// As people read it, without its unit.
  public let title: String
  /// As programs read it, with its unit: `usable_bytes`.
  public let key: String
  public let kind: Kind
  /// The unit of a plain number, printed after the title.
  public let unit: String?
  /// Where cells stand, if not where others of their kind do: figures in a column of text.
  private let side: Alignment?

  public init(_ title: String, key: String, _ kind: Kind = .text, unit: String? = nil, alignment: Alignment? = nil) {
    side = alignment
    self.title = title
    self.key = key
    self.kind = kind
    self.unit = unit
  }

  /// Numbers stand on the right, where their digits line up.
  public var alignment: Alignment {
    if let side { return side }
    return switch kind {
    case .text, .flag, .bar: .left
    case .integer, .bytes, .gibibytes, .mebibytes, .decimal, .percent: .right
    }
  }

  var isBar: Bool { if case .bar = kind { true } else { false } }

  /// Title and unit.
  var header: String {
    let unit =
      switch kind {
      case .gibibytes: "GiB"
      case .mebibytes: "MiB"
      default: self.unit
      }
    guard let unit else { return title }
    return title.isEmpty ? unit : "\(title) (\(unit))"
  }

  /// Whether such a cell belongs in this column.
  func admits(_ cell: Cell) -> Bool {
    switch (kind, cell) {
    case (_, .none), (.text, .text), (.integer, .integer), (.bytes, .bytes), (.gibibytes, .bytes),
      (.mebibytes, .bytes), (.decimal, .decimal), (.percent, .percent), (.flag, .flag), (.bar, .percent):
      true
    default: false
    }
  }
}
