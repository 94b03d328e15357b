/// Numbers of flags, with an answer that says what was expected.
enum Number {
  static func whole(_ text: String) throws(NumberError) -> Int {
    guard let value = Int(text) else { throw .notWhole }
    return value
  }

  static func real(_ text: String) throws(NumberError) -> Double {
    guard let value = Double(text), !value.isNaN else { throw .notANumber }
    return value
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
