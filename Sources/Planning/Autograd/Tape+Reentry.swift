import Bookkeeping
import Modeling

// Source: torch `utils/checkpoint.py`, `CheckpointFunction`.

extension Tape {
  /// Runs a layer under re-entrant gradient checkpointing: without a graph now, and again whole when its gradient comes.
  ///
  /// - Parameters:
  ///   - kept: what stands for the input until the layer is run again, if not the input itself.
  ///   - context: tensors that the layer is handed beside its input, kept just as long.
  mutating func reentrantCheckpoint(
    _ input: Tensor, kept: Tensor? = nil, context: [Tensor],
    _ forward: @escaping (_ tape: inout Tape, _ input: Tensor) -> Tensor
  ) -> Tensor {
    let held = kept?.viewed(as: input.shape) ?? input
    mode = .untracked
    var output = forward(&self, input)
    mode = .recording
    guard input.needsGradient else { return output }
    var saved: [Node.Saved] = []
    for tensor in [held] + context { save(tensor, into: &saved) }
    let format = input.format
    output.source = record([input], saved: saved, outputs: 1) { tape, arriving, _ in
      [tape.reenter(held, as: format, arriving[0], forward)]
    }
    return output
  }

  /// The layer again, with a graph of its own, and that graph's backward pass.
  ///
  /// The arriving gradient and the layer's result stay bound until it has ended.
  private mutating func reenter(
    _ held: Tensor, as format: ScalarFormat, _ arriving: Tensor?,
    _ forward: (_ tape: inout Tape, _ input: Tensor) -> Tensor
  ) -> Tensor? {
    let (savedPlace, savedPrefix) = (place, prefix)
    let (firstNode, leaf) = (nodes.count, leaves.count)
    let input = requireGradient(broughtBack(held, as: format).detached())
    isReentering = true
    let output = forward(&self, input)
    isReentering = false
    endAutocast()
    for node in nodes[firstNode...] {
      for edge in node.edges { if case .leaf(let leaf) = edge.source { leaves[leaf].expected += 1 } }
    }
    if case .node(let root, let result) = output.source, let arriving {
      retain(arriving)
      nodes[root].arriving[result] = arriving
    }
    for index in (firstNode..<nodes.count).reversed() where nodes[index].arriving.contains(where: { $0 != nil }) {
      run(index)
    }
    for node in nodes[firstNode...] {
      for saved in node.saved { release(saved) }
      for storage in node.attributes { drop(storage: storage) }
    }
    let gradient = leaves[leaf].gradient
    leaves.removeLast(leaves.count - leaf)
    nodes.removeLast(nodes.count - firstNode)
    drop(output)
    drop(input)
    (place, prefix) = (savedPlace, savedPrefix)
    return gradient
  }
}
