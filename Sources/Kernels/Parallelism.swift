import CKernels
import COpenBLAS
import Synchronization

/// How many threads the kernels use, matrix products included.
///
/// OpenBLAS itself always runs single-threaded: its products are cut here, over the same threads as every other kernel,
/// so that no two pools of spinning threads fight for the cores and a product may be called from several threads.
public enum Parallelism {
  private static let configured = Atomic<Int>(0)

  /// Sets the number of threads; to be called once, before training.
  ///
  /// - Parameter threads: at least one, the caller's own among them.
  public static func configure(threads: Int) {
    precondition(threads >= 1, "a kernel needs at least one thread, not \(threads)")
    openblas_set_num_threads(1)
    configured.store(threads, ordering: .relaxed)
  }

  /// The number of threads in use; without ``configure(threads:)``, one for each processor the process may run on.
  public static var threads: Int {
    let threads = configured.load(ordering: .relaxed)
    if threads > 0 { return threads }
    configure(threads: Int(plk_processor_count()))
    return configured.load(ordering: .relaxed)
  }

  /// Runs `body` for every task from zero to `taskCount`, over the threads, and returns when all are done.
  ///
  /// Who runs a task depends on scheduling, so a result must not: `worker` may only choose a scratch buffer.
  /// `limit` bounds the workers, where each needs a scratch buffer of its own.
  static func forEachTask(
    _ taskCount: Int, limit: Int = .max, _ body: (_ task: Int, _ worker: Int) -> Void
  ) {
    let threads = min(threads, limit)
    if threads == 1 || taskCount <= 1 {
      for task in 0..<taskCount { body(task, 0) }
      return
    }
    withoutActuallyEscaping(body) { body in
      withUnsafePointer(to: body) { context in
        plk_parallel_run(
          Int64(threads),
          { context, task, worker in
            guard let context else { return }
            context.assumingMemoryBound(to: ((Int, Int) -> Void).self).pointee(Int(task), Int(worker))
          }, UnsafeMutableRawPointer(mutating: context), Int64(taskCount))
      }
    }
  }

  /// Runs `body` over the ranges that `count` falls into when cut every `grain` elements.
  ///
  /// The ranges depend on `count` and `grain` alone.
  static func forEachRange(_ count: Int, grain: Int, _ body: (Range<Int>) -> Void) {
    forEachTask((count + grain - 1) / grain) { task, _ in
      body(task * grain..<min(count, (task + 1) * grain))
    }
  }

  /// Threads for a product of so many multiply-adds: each its share of some tens of microseconds.
  static func threads(forProducts work: Int) -> Int { max(1, min(threads, work / (1 << 20))) }

  /// Rows to a task, so that a task touches about `elements` elements.
  static func rows(ofWidth width: Int, elements: Int = elementGrain) -> Int {
    max(1, elements / max(1, width))
  }

  /// Elements to a task of a kernel that streams through memory.
  ///
  /// A few microseconds of work, a slice of the second-level cache; a multiple of eight, which the random kernels need,
  /// and of the blocks of every quantized format.
  static let elementGrain = 32768
}
