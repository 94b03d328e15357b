import Bookkeeping
import Kernels

/// What a micro-batch brings beside its tokens and labels.
struct StepPart {
  let index: Int
  /// What each label's loss is multiplied with: one over the labels of the whole step.
  let gradientScale: Float
  let dropoutSeed: UInt64
}

/// A model that can run the forward and backward passes of a step, whatever its activations are stored in.
protocol StepRunner: AnyObject {
  /// Runs forward, loss and backward on the tokens and (shifted) labels that stand in the two tensors.
  ///
  /// - Returns: the sum of the losses of all counted labels.
  func step(_ part: StepPart, tokens: Span<Int32>, labels: Span<Int32>) throws(ArenaError) -> Double

  /// Runs forward and loss on the tokens and (shifted) labels that stand in the two tensors; nothing is kept.
  func evaluate(tokens: Span<Int32>, labels: Span<Int32>) throws(ArenaError) -> (lossSum: Double, counted: Int)
}
