/// The scalars that one place of a pattern accepts, such as `[^\r\n\p{L}\p{N}]`.
struct ScalarSet: Sendable {
  private var ranges: [ClosedRange<UInt32>] = []
  private var traits: ScalarTraits = []
  /// Each entry accepts what has none of its traits: `\S` in a class.
  private var lacking: [ScalarTraits] = []
  private var isNegated = false
  /// The answer for each of the first 128 scalars, so that ASCII costs one look.
  private var low: (UInt64, UInt64) = (0, 0)

  init() {}

  init(_ scalar: Unicode.Scalar) {
    insert(scalar.value...scalar.value)
    seal()
  }

  mutating func insert(_ range: ClosedRange<UInt32>) { ranges.append(range) }
  mutating func insert(having some: ScalarTraits) { traits.formUnion(some) }
  mutating func insert(lacking all: ScalarTraits) { lacking.append(all) }
  mutating func negate() { isNegated.toggle() }

  /// Fills the table for ASCII: to be called once everything is in.
  mutating func seal() {
    low = (0, 0)
    for value in UInt8(0)..<128 {
      let scalar = Unicode.Scalar(value)
      guard accepts(scalar, ScalarTraits(of: scalar)) else { continue }
      if value < 64 { low.0 |= 1 << UInt64(value) } else { low.1 |= 1 << UInt64(value - 64) }
    }
  }

  /// Whether a scalar with these traits is in the set.
  func contains(_ scalar: Unicode.Scalar, _ scalarTraits: ScalarTraits) -> Bool {
    let value = scalar.value
    if value < 64 { return low.0 >> UInt64(value) & 1 == 1 }
    if value < 128 { return low.1 >> UInt64(value - 64) & 1 == 1 }
    return accepts(scalar, scalarTraits)
  }

  private func accepts(_ scalar: Unicode.Scalar, _ scalarTraits: ScalarTraits) -> Bool {
    let isIn =
      !traits.isDisjoint(with: scalarTraits)
      || lacking.contains { $0.isDisjoint(with: scalarTraits) }
      || ranges.contains { $0.contains(scalar.value) }
    return isIn != isNegated
  }
}
