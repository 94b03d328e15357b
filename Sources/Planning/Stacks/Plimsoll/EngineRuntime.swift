import Bookkeeping

/// What the engine's process takes beside its tensors, from runs of such programs without any tensor (Linux, x86-64).
enum EngineRuntime {
  /// Code, stack and standard library: a small Swift program stands at 11 MiB of resident set.
  private static let program = (low: 8 * Bytes.mebi, expected: 11 * Bytes.mebi, high: 24 * Bytes.mebi)
  /// Panels that OpenBLAS packs for its products: 3 MiB were touched by products of 2048 × 2048.
  private static let panels = 3 * Bytes.mebi
  /// What OpenBLAS reserves for a thread's panels (`BUFFER_SIZE` of common_x86_64.h), and so may touch.
  private static let panelLimit = 32 * Bytes.mebi

  static func interval(threads: Int) -> Interval {
    Interval(
      low: program.low, expected: program.expected + panels, high: program.high + threads * panelLimit,
      causes: ["the program itself and OpenBLAS's packed panels depend on build, processor and shapes"])
  }
}
