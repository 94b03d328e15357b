/// A pseudo-random generator that gives the same numbers for a seed on every machine, and forever: SplitMix64.
///
/// - SeeAlso: Steele, Lea and Flood (2014), <https://doi.org/10.1145/2714064.2660195>, figure 17.
struct SeededGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }

  /// A number below `bound`, each as likely as the others.
  private mutating func next(below bound: UInt64) -> UInt64 {
    // Numbers of the last, incomplete round of `bound` are drawn again.
    let limit = UInt64.max - UInt64.max % bound
    while true {
      let number = next()
      if number < limit { return number % bound }
    }
  }

  /// 0 ..< `count` in an order that the seed decides: Fisher and Yates's shuffle, in Durstenfeld's form.
  ///
  /// Written out, since the order that the standard library's `shuffled` gives may differ between its versions.
  static func permutation(of count: Int, seed: UInt64) -> [Int] {
    var order = Array(0..<count)
    var generator = SeededGenerator(seed: seed)
    for index in stride(from: count - 1, to: 0, by: -1) {
      order.swapAt(index, Int(generator.next(below: UInt64(index) + 1)))
    }
    return order
  }

  /// A seed for one use of several that come from one number.
  static func seed(_ seed: UInt64, stream: UInt64) -> UInt64 {
    var generator = SeededGenerator(seed: seed ^ (stream &* 0xD1B5_4A32_D192_ED03))
    return generator.next()
  }
}
