/// Turns a pattern's text into steps, by recursive descent.
struct PatternCompiler {
  private let text: String
  private let scalars: [Unicode.Scalar]
  private var position = 0
  private var foldsCase = false
  private var depth = 0
  /// Every set of the pattern, in the order of reading.
  private var sets: [ScalarSet] = []

  /// A piece of the compiled pattern; its jumps count from its own start.
  private struct Fragment {
    var steps: [Pattern.Step] = []
    /// Whether it can match without accepting a scalar: such a piece cannot be repeated without end.
    var canBeEmpty = true
  }

  static func compile(_ text: String) throws(TokenizerError) -> ([Pattern.Step], [ScalarSet]) {
    var compiler = PatternCompiler(text: text, scalars: Array(text.unicodeScalars))
    let whole = try compiler.alternatives()
    if compiler.position < compiler.scalars.count {
      throw compiler.refusal("a closing parenthesis without its opening")
    }
    return (whole.steps + [.matched], compiler.sets)
  }

  private init(text: String, scalars: [Unicode.Scalar]) {
    self.text = text
    self.scalars = scalars
  }

  private func refusal(_ what: String) -> TokenizerError { .unsupportedPattern(text, reason: what) }

  private var next: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

  private mutating func take(_ expected: String) -> Bool {
    let wanted = Array(expected.unicodeScalars)
    guard scalars[position...].starts(with: wanted) else { return false }
    position += wanted.count
    return true
  }

  private mutating func alternatives() throws(TokenizerError) -> Fragment {
    var branches = [try sequence()]
    while take("|") { branches.append(try sequence()) }
    guard var whole = branches.popLast() else { return Fragment() }
    while let branch = branches.popLast() {
      // split to the branch; after it, over all that follows.
      var joined: [Pattern.Step] = [.split(1, branch.steps.count + 2)]
      joined += Self.moved(branch.steps, by: 1)
      joined.append(.jump(branch.steps.count + 2 + whole.steps.count))
      joined += Self.moved(whole.steps, by: branch.steps.count + 2)
      whole = Fragment(steps: joined, canBeEmpty: whole.canBeEmpty || branch.canBeEmpty)
    }
    return whole
  }

  private static func moved(_ steps: [Pattern.Step], by offset: Int) -> [Pattern.Step] {
    steps.map { step in
      switch step {
      case .split(let first, let second): .split(first + offset, second + offset)
      case .jump(let target): .jump(target + offset)
      default: step
      }
    }
  }

  private mutating func sequence() throws(TokenizerError) -> Fragment {
    var whole = Fragment()
    while let scalar = next, scalar != "|", scalar != ")" {
      let part = try repeated()
      whole.steps += Self.moved(part.steps, by: whole.steps.count)
      whole.canBeEmpty = whole.canBeEmpty && part.canBeEmpty
    }
    return whole
  }

  private mutating func repeated() throws(TokenizerError) -> Fragment {
    let atom = try atom()
    guard let (least, most) = try bounds() else { return atom }
    if take("?") { throw refusal("lazy repetition") }
    let isPossessive = take("+")
    if next == "*" || next == "+" || next == "?" || next == "{" { throw refusal("a repetition of a repetition") }
    if atom.steps.count == 1, case .one(let set) = atom.steps[0] {
      let run = Pattern.Step.run(set, least: least, most: most, isPossessive: isPossessive)
      return Fragment(steps: [run], canBeEmpty: least == 0)
    }
    if isPossessive { throw refusal("possessive repetition of a group") }
    let count = atom.steps.count
    switch (least, most) {
    case (0, 1): return Fragment(steps: [.split(1, count + 1)] + Self.moved(atom.steps, by: 1), canBeEmpty: true)
    case (0, .max), (1, .max):
      if atom.canBeEmpty { throw refusal("endless repetition of what can be empty") }
      if least == 1 { return Fragment(steps: atom.steps + [.split(0, count + 1)], canBeEmpty: false) }
      let loop: [Pattern.Step] = [.split(1, count + 2)] + Self.moved(atom.steps, by: 1) + [.jump(0)]
      return Fragment(steps: loop, canBeEmpty: true)
    default: throw refusal("counted repetition of a group")
    }
  }

  /// The repetition that stands here: from how many to how many.
  private mutating func bounds() throws(TokenizerError) -> (Int, Int)? {
    if take("?") { return (0, 1) }
    if take("*") { return (0, .max) }
    if take("+") { return (1, .max) }
    guard take("{") else { return nil }
    let least = try count()
    var most = least
    if take(",") { most = next == "}" ? .max : try count() }
    guard take("}"), least <= most else { throw refusal("a repetition count that cannot be read") }
    return (least, most)
  }

  private mutating func count() throws(TokenizerError) -> Int {
    let start = position
    while let scalar = next, ("0"..."9").contains(scalar) { position += 1 }
    var digits = String.UnicodeScalarView()
    digits.append(contentsOf: scalars[start..<position])
    guard let value = Int(String(digits)), value <= 1000 else {
      throw refusal("a repetition count that cannot be read")
    }
    return value
  }

  private mutating func atom() throws(TokenizerError) -> Fragment {
    guard let scalar = next else { throw refusal("an end where something must stand") }
    if scalar == "(" { return try group() }
    return Fragment(steps: [.one(try place())], canBeEmpty: false)
  }

  /// One place of the pattern, as the index of its set.
  private mutating func place() throws(TokenizerError) -> Int {
    sets.append(try set())
    return sets.count - 1
  }

  /// What one place accepts: a class, an escape or a literal.
  private mutating func set() throws(TokenizerError) -> ScalarSet {
    guard let scalar = next else { throw refusal("an end where something must stand") }
    position += 1
    var set = ScalarSet()
    switch scalar {
    case "[": return try characterClass()
    case "\\": try escape(into: &set)
    case "*", "+", "?", "{", "}", ")", "]": throw refusal("'\(scalar)' where a literal must stand")
    case ".", "^", "$": throw refusal("'\(scalar)'")
    default: insert(scalar, into: &set)
    }
    set.seal()
    return set
  }

  private mutating func group() throws(TokenizerError) -> Fragment {
    position += 1
    depth += 1
    defer { depth -= 1 }
    if depth > 32 { throw refusal("groups nested deeper than 32") }
    let outer = foldsCase
    defer { foldsCase = outer }
    if take("?!") || take("?=") {
      let isWanted = scalars[position - 1] == "="
      let set = try place()
      guard take(")") else { throw refusal("a look ahead at more than one scalar") }
      return Fragment(steps: [.ahead(set, isWanted: isWanted)])
    }
    if take("?i:") {
      foldsCase = true
    } else if !take("?:"), next == "?" {
      throw refusal("a group of a kind that is not supported")
    }
    let inner = try alternatives()
    guard take(")") else { throw refusal("a group that is not closed") }
    return inner
  }

  private mutating func characterClass() throws(TokenizerError) -> ScalarSet {
    var set = ScalarSet()
    if take("^") { set.negate() }
    var isFirst = true
    while let scalar = next, isFirst || scalar != "]" {
      isFirst = false
      position += 1
      if scalar == "[" || scalar == "&" && next == "&" { throw refusal("a class within a class") }
      if scalar == "\\" {
        try escape(into: &set)
      } else if next == "-", position + 1 < scalars.count, scalars[position + 1] != "]" {
        let last = scalars[position + 1]
        guard last.value >= scalar.value, last != "\\", last != "[" else { throw refusal("a range in a class") }
        if foldsCase { throw refusal("a range in a class that ignores case") }
        set.insert(scalar.value...last.value)
        position += 2
      } else {
        insert(scalar, into: &set)
      }
    }
    guard take("]") else { throw refusal("a class that is not closed") }
    set.seal()
    return set
  }

  private func insert(_ scalar: Unicode.Scalar, into set: inout ScalarSet) {
    set.insert(scalar.value...scalar.value)
    guard foldsCase else { return }
    for variant in [scalar.properties.lowercaseMapping, scalar.properties.uppercaseMapping] {
      guard variant.unicodeScalars.count == 1, let only = variant.unicodeScalars.first else { continue }
      set.insert(only.value...only.value)
    }
    // The two scalars outside ASCII that fold to one within: long s, and the kelvin sign.
    if scalar == "s" || scalar == "S" { set.insert(0x17F...0x17F) }
    if scalar == "k" || scalar == "K" { set.insert(0x212A...0x212A) }
  }

  private mutating func escape(into set: inout ScalarSet) throws(TokenizerError) {
    guard let letter = next else { throw refusal("an escape without its letter") }
    position += 1
    switch letter {
    case "n": set.insert(0x0A...0x0A)
    case "r": set.insert(0x0D...0x0D)
    case "t": set.insert(0x09...0x09)
    case "s": set.insert(having: .whitespace)
    case "S": set.insert(lacking: .whitespace)
    case "d": set.insert(having: .decimalNumber)
    case "p", "P":
      guard take("{"), let close = scalars[position...].firstIndex(of: "}") else {
        throw refusal("\\p without its braces")
      }
      var name = String.UnicodeScalarView()
      name.append(contentsOf: scalars[position..<close])
      position = close + 1
      guard let traits = Self.properties[String(name)] else { throw refusal("the property \(String(name))") }
      if letter == "p" { set.insert(having: traits) } else { set.insert(lacking: traits) }
    case let other where other.isASCII && (other.properties.isAlphabetic || other.isNumeric):
      throw refusal("the escape \\\(other)")
    default: insert(letter, into: &set)
    }
  }

  private static let properties: [String: ScalarTraits] = [
    "L": .letter, "Lu": .uppercase, "Ll": .lowercase, "Lt": .titlecase, "Lm": .modifierLetter, "Lo": .otherLetter,
    "M": .mark, "N": .number, "Nd": .decimalNumber, "P": .punctuation, "S": .symbol,
  ]
}
