import Bookkeeping
import Modeling

/// What a node does in backward: from the gradients of its outputs to those of its inputs.
///
/// It opens what the kernel would allocate and closes what the kernel would free, in the kernel's order. Gradients that
/// arrive belong to the engine; a rule that passes one on unchanged retains it. One entry an edge, `nil` where none is
/// needed.
typealias BackwardRule = (_ tape: inout Tape, _ arriving: [Tensor?], _ edges: [Edge]) -> [Tensor?]

/// An operation on the graph, between its forward and its backward.
struct Node {
  var edges: [Edge]
  /// Gradients of its outputs as far as they have arrived: the engine's input buffer.
  var arriving: [Tensor?]
  /// What it saved for backward; freed as soon as it has run.
  var saved: [Saved]
  /// Storages held by plain attributes of its context, which live as long as the graph does.
  var attributes: [Int]
  let place: StepClock.Place
  /// The checkpointed region that it belongs to.
  let frame: Int?
  let rule: BackwardRule
  /// What happens to sharded units once its gradients have arrived, before it runs.
  var hooks: [UnitHook] = []
  /// The unit whose weights are let go once it has run.
  var dismisses: Int?

  /// One saved tensor.
  enum Saved {
    case storage(Int)
    /// Thrown away by gradient checkpointing; to be had again from a recomputation.
    case packed(frame: Int, slot: Int)

    var isPacked: Bool {
      if case .packed = self { true } else { false }
    }
  }
}

/// One region under non-reentrant gradient checkpointing.
///
/// Source: torch `utils/checkpoint.py`, `_checkpoint_without_reentrant_generator`: the inputs are kept, tensors saved
/// inside are replaced by holders, and the first holder to be opened runs the forward again until everything that was
/// saved has been made again (early stop).
struct CheckpointFrame {
  /// The input, or what stands for it.
  let input: Tensor
  /// The input's own format.
  let format: ScalarFormat
  let context: [Tensor]
  let layer: Int
  let forward: (_ tape: inout Tape, _ input: Tensor) -> Tensor
  /// Tensors that the first forward saved.
  var packed = 0
  /// Holders not yet freed; the inputs go with the last of them.
  var outstanding = 0
  /// What the recomputation has made, until its holder is opened and its node has run.
  var recomputed: [Int] = []
  var isRecomputed = false
}
