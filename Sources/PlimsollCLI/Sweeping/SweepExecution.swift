import Archive
import Foundation
import Planning
import Reporting
import Synchronization

/// Computes tasks and hands over what they came to, a batch at a time.
struct SweepExecution {
  let mode: SweepMode
  /// Threads that plan; runs go one after the other, since each is measured on the whole machine.
  let jobs: Int
  /// What is asked of planned points.
  let detail: PlanFigures.Detail

  /// Where tasks come from and outcomes go to, shared by all threads.
  fileprivate struct Shared: Sendable {
    var next = 0
    var batch: [(Int, SweepOutcome)] = []
    var flushed = ContinuousClock.now
    var progress: SweepProgress
    var failure: (any Error)?
  }

  /// Outcomes wait so long before they are stored together.
  fileprivate static let patience = Duration.milliseconds(100)

  /// - Parameter store: takes outcomes by their task's place, one call at a time, in no particular order.
  func run(
    _ tasks: [SweepTask], _ progress: SweepProgress, store: @escaping @Sendable ([(Int, SweepOutcome)]) throws -> Void
  ) throws {
    if mode.isRun {
      var progress = progress
      let runner = SweepRunner(mode: mode)
      for (place, task) in tasks.enumerated() {
        try store([(place, runner.outcome(of: task))])
        progress.advance()
      }
      return
    }
    let shared = Mutex(Shared(progress: progress))
    let detail = detail
    let threads = max(1, min(jobs, tasks.count))
    withThreads(threads) {
      while let place = shared.withLock({ $0.take(of: tasks.count) }) {
        let outcome = SweepExecution.plan(tasks[place], detail)
        shared.withLock { $0.finish(place, outcome, store) }
      }
    }
    try shared.withLock { shared in
      shared.flush(store)
      if let failure = shared.failure { throw failure }
    }
  }

  private static func plan(_ task: SweepTask, _ detail: PlanFigures.Detail) -> SweepOutcome {
    do {
      return .planned(
        PlannedFigures(
          try Planner.figures(
            task.spec, task.resolved, threads: task.threads, device: task.device, detail: detail)))
    } catch { return .refused("\(error)") }
  }

  /// Runs `body` on so many threads with a stack as large as the first one's, and returns when all are through.
  private func withThreads(_ count: Int, _ body: @escaping @Sendable () -> Void) {
    let group = DispatchGroup()
    for _ in 1..<max(count, 1) {
      group.enter()
      let thread = Thread {
        body()
        group.leave()
      }
      thread.stackSize = 8 << 20
      thread.start()
    }
    body()
    group.wait()
  }
}

extension SweepExecution.Shared {
  fileprivate mutating func take(of count: Int) -> Int? {
    guard failure == nil, next < count else { return nil }
    next += 1
    return next - 1
  }

  fileprivate mutating func finish(
    _ place: Int, _ outcome: SweepOutcome, _ store: ([(Int, SweepOutcome)]) throws -> Void
  ) {
    batch.append((place, outcome))
    progress.advance()
    if ContinuousClock.now - flushed >= SweepExecution.patience { flush(store) }
  }

  fileprivate mutating func flush(_ store: ([(Int, SweepOutcome)]) throws -> Void) {
    guard failure == nil, !batch.isEmpty else { return }
    do { try store(batch) } catch { failure = error }
    batch.removeAll(keepingCapacity: true)
    flushed = .now
  }
}
