/// Why a memory size could not be read.
public enum BytesParsingError: Error, Hashable, CustomStringConvertible {
  case missingUnit(String)
  case unknownUnit(String, text: String)
  case notANumber(String)
  case notPositive(String)
  case tooLarge(String)

  public var description: String {
    switch self {
    case .missingUnit(let text): "\"\(text)\" has no unit: write \(text)GB (or GiB, MiB)"
    case .unknownUnit(let unit, let text):
      "\"\(text)\" ends in \"\(unit)\", which is no unit of memory: use GB, GiB or MiB"
    case .notANumber(let text): "\"\(text)\" is not a size: write a number and a unit, such as 24GB"
    case .notPositive(let text): "\"\(text)\" is not a positive size"
    case .tooLarge(let text): "\"\(text)\" is more memory than can be counted in 62 bits"
    }
  }
}

extension Bytes {
  /// Reads `8GB`, `8 GiB`, `7.5GiB`, `512MiB` or `1TB`.
  ///
  /// `GB` and `GiB` both mean 2^30, because that is what a card sold as 8 GB reports. A number without a unit is
  /// refused: a wrong guess would be off by a factor of a billion.
  public init(parsing text: String) throws(BytesParsingError) {
    let compact = text.filter { !$0.isWhitespace }
    let digits = compact.prefix { $0.isNumber || $0 == "." || $0 == "-" || $0 == "+" }
    let unit = compact.dropFirst(digits.count).lowercased()
    guard let value = Double(String(digits)), value.isFinite else { throw .notANumber(text) }
    let exponents = ["b": 0, "k": 10, "m": 20, "g": 30, "t": 40]
    guard let initial = unit.first else { throw .missingUnit(text) }
    let spellings = [String(initial), "\(initial)b", "\(initial)ib"]
    guard let exponent = exponents[String(initial)], spellings.contains(unit), initial != "b" || unit == "b" else {
      throw .unknownUnit(unit, text: text)
    }
    guard value > 0 else { throw .notPositive(text) }
    let bytes = value * Double(1 << exponent)
    guard bytes < Double(1 << 62) else { throw .tooLarge(text) }
    self.init(Int(bytes.rounded()))
    if count == 0 { throw .notPositive(text) }
  }
}
