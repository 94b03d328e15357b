public import Bookkeeping

/// One value of a table, as it is and not as it is printed.
public enum Cell: Hashable, Sendable {
  case text(String)
  case integer(Int)
  case bytes(Bytes)
  case decimal(Double)
  /// A share of one, printed as a percentage: 0.25 reads 25.0 %.
  case percent(Double)
  case flag(Bool)
  /// Nothing is known, or nothing applies.
  case none
}

extension Cell: ExpressibleByStringLiteral {
  public init(stringLiteral text: String) { self = .text(text) }
}

extension Cell {
  /// The value for people.
  func printed(_ column: Column) -> String {
    switch self {
    case .text(let text): text
    case .integer(let value): Fixed.grouped(value)
    case .bytes(let bytes):
      switch column.kind {
      case .gibibytes: bytes.gibibytes()
      case .mebibytes: bytes.mebibytes()
      default: bytes.description
      }
    case .decimal(let value):
      if case .decimal(let places) = column.kind { Fixed.text(value, decimals: places) } else { "\(value)" }
    case .percent(let share):
      if case .percent(let places) = column.kind {
        Cell.percentage(share, places: places)
      } else {
        "\(share)"
      }
    case .flag(let value): value ? "yes" : "no"
    case .none: "–"
    }
  }

  /// What is there is never printed as nothing: `<0.1 %`.
  private static func percentage(_ share: Double, places: Int) -> String {
    let text = Fixed.text(share * 100, decimals: places)
    guard share > 0, text == Fixed.text(0, decimals: places) else { return text + " %" }
    return places == 0 ? "<1 %" : "<0." + String(repeating: "0", count: places - 1) + "1 %"
  }

  /// The value for programs that read text: integers of bytes, shares of one, nothing for what is not known.
  var raw: String {
    switch self {
    case .text(let text): text
    case .integer(let value): String(value)
    case .bytes(let bytes): String(bytes.count)
    case .decimal(let value), .percent(let value): value.isFinite ? String(value) : ""
    case .flag(let value): String(value)
    case .none: ""
    }
  }

  /// The value for programs that read JSON.
  var json: OrderedJSON {
    switch self {
    case .text(let text): .string(text)
    case .integer(let value): .integer(value)
    case .bytes(let bytes): .integer(bytes.count)
    case .decimal(let value), .percent(let value): .number(value)
    case .flag(let value): .bool(value)
    case .none: .null
    }
  }
}
