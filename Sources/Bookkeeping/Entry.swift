/// One tensor (or buffer) on the books: what it is, what it costs, and from when to when it lives.
public struct Entry: Hashable, Sendable {
  /// Joins two books: `layers.3.attention.q`, made in one place for both.
  public let name: String
  public let account: Account
  public let shape: Shape
  public let format: ScalarFormat
  public let bytes: Bytes
  /// The moment in which it is opened.
  public let opened: Moment
  /// The moment in which it is closed; `nil` if it outlives the step.
  public internal(set) var closed: Moment?

  public init(
    name: String, account: Account, shape: Shape, format: ScalarFormat, bytes: Bytes, opened: Moment, closed: Moment?
  ) {
    self.name = name
    self.account = account
    self.shape = shape
    self.format = format
    self.bytes = bytes
    self.opened = opened
    self.closed = closed
  }
}
