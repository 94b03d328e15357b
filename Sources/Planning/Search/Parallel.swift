import Dispatch
import Synchronization

/// Work on independent items by several threads.
package enum Parallel {
  /// What `transform` makes of every item, in their order.
  ///
  /// - Parameter jobs: threads at most; with one, everything runs on the caller's.
  package static func map<Item: Sendable, Result: Sendable>(
    _ items: [Item], jobs: Int, _ transform: @Sendable (Item) -> Result
  ) -> [Result] {
    let workers = min(jobs, items.count)
    guard workers > 1 else { return items.map(transform) }
    let next = Atomic(0)
    let results = Mutex([Result?](repeating: nil, count: items.count))
    DispatchQueue.concurrentPerform(iterations: workers) { _ in
      while true {
        let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard index < items.count else { return }
        let result = transform(items[index])
        results.withLock { $0[index] = result }
      }
    }
    return results.withLock { $0.compactMap(\.self) }
  }
}
