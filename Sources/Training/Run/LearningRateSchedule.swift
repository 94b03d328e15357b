public import Modeling

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

/// How the learning rate moves over a run, as Transformers' schedulers of the same names have it
/// (`optimization.py`, `get_scheduler`).
public struct LearningRateSchedule: Hashable, Sendable {
  public enum Kind: String, CaseIterable, Hashable, Sendable, Codable {
    /// The same all the way, after the warm-up.
    case constant
    /// Down to zero in a straight line.
    case linear
    /// Down to zero along half a cosine.
    case cosine
  }

  public let kind: Kind
  public let peak: Double
  /// Steps over which the rate rises from zero.
  public let warmUpSteps: Int
  /// Steps of the whole run.
  public let totalSteps: Int

  public init(kind: Kind, peak: Double, warmUpSteps: Int = 0, totalSteps: Int) throws(RecipeError) {
    guard peak.isFinite, peak >= 0 else { throw .outOfRange("learning-rate", "\(peak)", "a number from 0 up") }
    guard totalSteps > 0 else { throw .outOfRange("steps", "\(totalSteps)", "at least 1") }
    guard (0...totalSteps).contains(warmUpSteps) else {
      throw .outOfRange("warmup-steps", "\(warmUpSteps)", "between 0 and the \(totalSteps) steps of the run")
    }
    self.kind = kind
    self.peak = peak
    self.warmUpSteps = warmUpSteps
    self.totalSteps = totalSteps
  }

  /// The share of the peak at a step; the first is 0, as PyTorch counts.
  public func factor(at step: Int) -> Double {
    if step < warmUpSteps { return Double(step) / Double(max(1, warmUpSteps)) }
    let span = Double(max(1, totalSteps - warmUpSteps))
    switch kind {
    case .constant: return 1
    case .linear: return max(0, Double(totalSteps - step) / span)
    // Behind the end Transformers' cosine would rise again; this one stays at zero.
    case .cosine: return max(0, 0.5 * (1 + cos(.pi * min(1, Double(step - warmUpSteps) / span))))
    }
  }

  /// The learning rate at a step, counted from 0.
  public func rate(at step: Int) -> Double { peak * factor(at: step) }
}
