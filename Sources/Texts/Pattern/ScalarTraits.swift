/// What a pattern may ask of a Unicode scalar: its general category, and whether it is white space; one bit each.
package struct ScalarTraits: OptionSet, Sendable {
  package let rawValue: UInt32

  package static let whitespace = ScalarTraits(rawValue: 1 << 31)
  package static let letter: ScalarTraits = [.uppercase, .lowercase, .titlecase, .modifierLetter, .otherLetter]
  package static let uppercase = ScalarTraits(.uppercaseLetter)
  package static let lowercase = ScalarTraits(.lowercaseLetter)
  static let titlecase = ScalarTraits(.titlecaseLetter)
  static let modifierLetter = ScalarTraits(.modifierLetter)
  static let otherLetter = ScalarTraits(.otherLetter)
  package static let mark: ScalarTraits = [
    ScalarTraits(.nonspacingMark), ScalarTraits(.spacingMark), ScalarTraits(.enclosingMark),
  ]
  static let decimalNumber = ScalarTraits(.decimalNumber)
  package static let number: ScalarTraits = [
    .decimalNumber, ScalarTraits(.letterNumber), ScalarTraits(.otherNumber),
  ]
  static let connector = ScalarTraits(.connectorPunctuation)
  static let punctuation: ScalarTraits = [
    .connector, ScalarTraits(.dashPunctuation), ScalarTraits(.openPunctuation), ScalarTraits(.closePunctuation),
    ScalarTraits(.initialPunctuation), ScalarTraits(.finalPunctuation), ScalarTraits(.otherPunctuation),
  ]
  static let symbol: ScalarTraits = [
    ScalarTraits(.mathSymbol), ScalarTraits(.currencySymbol), ScalarTraits(.modifierSymbol), ScalarTraits(.otherSymbol),
  ]

  package init(rawValue: UInt32) { self.rawValue = rawValue }

  private init(_ category: Unicode.GeneralCategory) {
    let bit: UInt32 =
      switch category {
      case .uppercaseLetter: 0
      case .lowercaseLetter: 1
      case .titlecaseLetter: 2
      case .modifierLetter: 3
      case .otherLetter: 4
      case .nonspacingMark: 5
      case .spacingMark: 6
      case .enclosingMark: 7
      case .decimalNumber: 8
      case .letterNumber: 9
      case .otherNumber: 10
      case .connectorPunctuation: 11
      case .dashPunctuation: 12
      case .openPunctuation: 13
      case .closePunctuation: 14
      case .initialPunctuation: 15
      case .finalPunctuation: 16
      case .otherPunctuation: 17
      case .mathSymbol: 18
      case .currencySymbol: 19
      case .modifierSymbol: 20
      case .otherSymbol: 21
      case .spaceSeparator: 22
      case .lineSeparator: 23
      case .paragraphSeparator: 24
      case .control: 25
      case .format: 26
      case .surrogate: 27
      case .privateUse: 28
      case .unassigned: 29
      @unknown default: 29
      }
    self.init(rawValue: 1 << bit)
  }

  /// The traits of a scalar by Unicode 16, the version of the regular expressions in `tokenizers` 0.23.
  ///
  /// The standard library knows Unicode 17; a scalar of that age is unassigned there, and so here.
  package init(of scalar: Unicode.Scalar) {
    if scalar.value < 0x80 {
      self = Self.ascii[Int(scalar.value)]
    } else if let age = scalar.properties.age, age.major > 16 {
      self = Self(.unassigned)
    } else if scalar == "\u{295}" {
      // The one letter that Unicode 17 moved to another category, from Ll to Lo.
      self = .lowercase
    } else {
      self = Self.unversioned(scalar)
    }
  }

  private static func unversioned(_ scalar: Unicode.Scalar) -> ScalarTraits {
    let category = ScalarTraits(scalar.properties.generalCategory)
    return scalar.properties.isWhitespace ? category.union(.whitespace) : category
  }

  private static let ascii = (UInt8(0)..<0x80).map { unversioned(Unicode.Scalar($0)) }
}

extension Unicode.Scalar {
  /// A scalar of category Nd, Nl or No in the standard library's Unicode version, which is that of Rust's
  /// `char::is_numeric` in `tokenizers` 0.23.
  var isNumeric: Bool {
    if value < 0x80 { return (0x30...0x39).contains(value) }
    return switch properties.generalCategory {
    case .decimalNumber, .letterNumber, .otherNumber: true
    default: false
    }
  }

  /// A scalar that Rust's regular expressions take for part of a word (`\w`, UTS #18 annex C).
  var isWordPart: Bool {
    let traits = ScalarTraits(of: self)
    return properties.isAlphabetic || properties.isJoinControl
      || !traits.isDisjoint(with: [.mark, .decimalNumber, .connector])
  }
}
