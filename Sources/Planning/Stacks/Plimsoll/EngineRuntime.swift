import Bookkeeping

/// What the engine's process takes beside its tensors.
enum EngineRuntime {
  static let interval = Interval(exactly: .zero)
}
