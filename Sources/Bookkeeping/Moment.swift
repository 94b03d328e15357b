/// An ordinal on the clock of a training step; its label is kept by the ``Clock``.
public struct Moment: Hashable, Comparable, Sendable {
  public let ordinal: Int

  public init(_ ordinal: Int) { self.ordinal = ordinal }

  public static func < (left: Moment, right: Moment) -> Bool { left.ordinal < right.ordinal }
}

/// The moments of one step in order, each with a label such as `backward.layer.3.down`.
///
/// Labels are unique, so a label finds its moment. A clock knows no models: whoever makes it gives the labels.
public struct Clock: Hashable, Sendable {
  public let labels: [String]
  private let ordinals: [String: Int]

  public init(labels: [String]) {
    self.labels = labels
    ordinals = Dictionary(
      labels.enumerated().map { ($1, $0) },
      uniquingKeysWith: { first, second in
        preconditionFailure("the label \(labels[first]) stands at moments \(first) and \(second) of one clock")
      })
  }

  public var moments: [Moment] { labels.indices.map(Moment.init) }
  public var count: Int { labels.count }

  public subscript(label: String) -> Moment? { ordinals[label].map(Moment.init) }

  public func label(of moment: Moment) -> String { labels[moment.ordinal] }
}
