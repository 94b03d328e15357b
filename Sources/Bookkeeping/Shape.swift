/// The extents of a tensor, outermost first.
public struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
  public let extents: [Int]

  public init(_ extents: [Int]) {
    for extent in extents { precondition(extent >= 0, "a shape has a negative extent: \(extents)") }
    self.extents = extents
  }

  public init(arrayLiteral extents: Int...) { self.init(extents) }

  /// Elements in all; a shape without extents is a scalar and has one.
  public var count: Int { extents.reduce(1, *) }

  public var description: String { "[" + extents.map(String.init).joined(separator: ", ") + "]" }
}
