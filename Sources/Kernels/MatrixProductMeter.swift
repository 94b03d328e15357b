import CKernels
import Synchronization

/// Time and work inside matrix products, attention's included, for a profile of a training step.
public enum MatrixProductMeter {
  /// What the meter counted since it was last reset.
  public struct Reading: Sendable {
    /// Wall-clock nanoseconds; inside parallel regions, the threads' sum divided by their number.
    public var nanoseconds: UInt64
    /// Floating-point operations, a multiply-add being two.
    public var flops: UInt64
    /// Matrix products asked for, however many slices they were cut into.
    public var calls: Int
  }

  private static let nanoseconds = Atomic<UInt64>(0)
  private static let flops = Atomic<UInt64>(0)
  private static let calls = Atomic<Int>(0)

  /// What has been counted until now.
  public static func reading() -> Reading {
    Reading(
      nanoseconds: nanoseconds.load(ordering: .relaxed), flops: flops.load(ordering: .relaxed),
      calls: calls.load(ordering: .relaxed))
  }

  /// Starts counting from zero.
  public static func reset() {
    nanoseconds.store(0, ordering: .relaxed)
    flops.store(0, ordering: .relaxed)
    calls.store(0, ordering: .relaxed)
  }

  static func add(nanoseconds elapsed: UInt64, flops work: UInt64, calls count: Int) {
    nanoseconds.wrappingAdd(elapsed, ordering: .relaxed)
    flops.wrappingAdd(work, ordering: .relaxed)
    calls.wrappingAdd(count, ordering: .relaxed)
  }
}
