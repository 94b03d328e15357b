import Kernels

/// How many threads the engine's kernels and products run on.
public enum EngineThreads {
  /// Set once, before training: attention borrows a workspace for each.
  public static func configure(_ count: Int) { Parallelism.configure(threads: count) }

  public static var count: Int { Parallelism.threads }
}
