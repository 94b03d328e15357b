/// Numbers of flags, with an answer that says what was expected.
enum Number {
  static func whole(_ text: String) throws(NumberError) -> Int {
    guard let value = Int(text) else { throw .notWhole }
    return value
  }

  /// `10M`, `1.5B`, `200k`, or plain digits, of what there are only whole ones of.
  static func count(_ text: String) throws(NumberError) -> Int {
    if let value = Int(text) { return value }
    let value = try scaled(text)
    guard value.magnitude < 1e18, value == value.rounded() else { throw .notWhole }
    return Int(value)
  }

  static func real(_ text: String) throws(NumberError) -> Double {
    guard let value = Double(text), !value.isNaN else { throw .notANumber }
    return value
  }

  /// `10M`, `1.5B`, `200k`, or plain digits.
  static func scaled(_ text: String) throws(NumberError) -> Double {
    let units: [Character: Double] = ["k": 1e3, "K": 1e3, "m": 1e6, "M": 1e6, "b": 1e9, "B": 1e9, "g": 1e9, "G": 1e9]
    guard let last = text.last, let unit = units[last] else { return try real(text) }
    return try real(String(text.dropLast())) * unit
  }
}

/// Why a flag's value is no number; the parser's message names the flag and the value.
enum NumberError: Error, CustomStringConvertible {
  case notWhole, notANumber

  var description: String {
    switch self {
    case .notWhole: "it must be a whole number"
    case .notANumber: "it must be a number"
    }
  }
}
