import Synchronization

/// Counts what is done of something that several threads do.
final class Progress: Sendable {
  private let done = Atomic(0)
  private let all: Int
  private let report: (@Sendable (Int, Int) -> Void)?

  init(of all: Int, _ report: (@Sendable (Int, Int) -> Void)?) {
    self.all = all
    self.report = report
  }

  func advance() { report?(done.wrappingAdd(1, ordering: .relaxed).newValue, all) }
}
