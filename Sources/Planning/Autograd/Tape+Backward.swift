import Bookkeeping
import Modeling

// Sources of the rules here, all torch: csrc/autograd/engine.cpp (`evaluate_function`, `call_function`),
// csrc/autograd/input_buffer.cpp (`accumulate`), csrc/autograd/functions/accumulate_grad.h (`accumulateGrad`).

extension Tape {
  /// Runs the graph backward from a loss, newest node first, and frees it.
  mutating func backward(from loss: Tensor) {
    guard case .node(let root, let output) = loss.source else { return }
    nodes[root].arriving[output] = openNamed(TensorName.flow(loss.name), loss.shape, loss.format, .activations)
    backward(from: [], gradients: [])
  }

  /// The same from several tensors, whose gradients somebody holds.
  mutating func backward(from outputs: [Tensor], gradients: [Tensor]) {
    for (tensor, gradient) in zip(outputs, gradients) {
      guard case .node(let root, let output) = tensor.source else { continue }
      retain(gradient)
      nodes[root].arriving[output] = gradient
    }
    for node in nodes {
      for edge in node.edges { if case .leaf(let leaf) = edge.source { leaves[leaf].expected += 1 } }
    }
    for index in nodes.indices.reversed() where nodes[index].arriving.contains(where: { $0 != nil }) {
      run(index)
    }
    endShardedBackward()
  }

  mutating func run(_ index: Int) {
    enterBackward(of: nodes[index])
    for hook in nodes[index].hooks { run(hook) }
    if let frame = nodes[index].frame, !frames[frame].isRecomputed, nodes[index].needsRecomputation {
      recompute(frame)
      enterBackward(of: nodes[index])
    }
    let node = nodes[index]
    nodes[index].arriving = []
    if !retainsGraph { nodes[index].saved = [] }
    let outer = running
    running = node
    let leaving = node.rule(&self, node.arriving, node.edges)
    running = outer
    // What came out of a holder was a local of the rule; what was saved plainly is freed only after the node has run.
    for saved in node.saved where saved.isPacked && !retainsGraph { release(saved) }
    for gradient in node.arriving { if let gradient { drop(gradient) } }
    for saved in node.saved where !saved.isPacked && !retainsGraph { release(saved) }
    for (gradient, edge) in zip(leaving, node.edges) {
      if let gradient { deliver(gradient, by: edge) }
    }
    if let unit = node.dismisses { dismiss(unit) }
  }

  private mutating func enterBackward(of node: Node) {
    // What runs before its layer is recomputed belongs to the start of that recomputation.
    if let frame = node.frame, !frames[frame].isRecomputed {
      enterBackward(.recompute, .layer(frames[frame].layer, .attentionNorm))
    } else {
      enterBackward(.backward, node.place)
    }
  }

  mutating func release(_ saved: Node.Saved) {
    switch saved {
    case .storage(let storage): drop(storage: storage)
    case .packed(let frame, let slot):
      if slot < frames[frame].recomputed.count { drop(storage: frames[frame].recomputed[slot]) }
      frames[frame].outstanding -= 1
      if frames[frame].outstanding == 0 { dropInputs(of: frame) }
    }
  }

  private mutating func deliver(_ gradient: Tensor, by edge: Edge) {
    switch edge.source {
    case .none, .discarded: drop(gradient)
    case .leaf(let leaf):
      leaves[leaf].arriving = accumulate(gradient, onto: leaves[leaf].arriving)
      leaves[leaf].expected -= 1
      if leaves[leaf].expected == 0 { keepGradient(of: leaf) }
    case .node(let index, let output):
      nodes[index].arriving[output] = accumulate(gradient, onto: nodes[index].arriving[output])
    }
  }

  /// Adds a gradient to what an input buffer holds: in place, unless somebody else holds that storage too.
  ///
  /// Of one that is whole beside a divided one (DTensor's `Replicate` and `Shard`) this GPU's part is cut out first.
  private mutating func accumulate(_ gradient: Tensor, onto earlier: Tensor?) -> Tensor {
    guard let earlier else { return gradient }
    let own = gradient.count > earlier.count ? cutOut(gradient, like: earlier) : .void
    defer { drop(own) }
    var sum = earlier
    if earlier.isView || references(earlier) > 1 {
      sum = openNamed(earlier.name, earlier.shape, earlier.format, earlier.account)
      drop(earlier)
    }
    drop(gradient)
    return sum
  }

  /// Makes what has arrived at a leaf its `.grad`: the buffer itself the first time, added in place later.
  private mutating func keepGradient(of leaf: Int) {
    guard let gradient = leaves[leaf].arriving else { return }
    let frozenUnits = leaves[leaf].releases
    leaves[leaf].releases.removeAll()
    for unit in frozenUnits { run(.release(unit)) }
    defer { for unit in frozenUnits { holdGradient(of: leaf, for: unit) } }
    defer { if leaves[leaf].isParameter { gradientHook?(&self, leaf) } }
    leaves[leaf].arriving = nil
    // torchtune/training/memory.py, `register_optim_in_bwd_hooks`: the hook steps and sets the gradient to none.
    if stepsInBackward, leaves[leaf].isParameter { return drop(gradient) }
    if takesGradient(gradient, of: leaf) { return }
    guard leaves[leaf].gradient == nil else { return drop(gradient) }
    leaves[leaf].gradient = gradient
    guard references(gradient) > 1, !capturesGradients else { return }
    leaves[leaf].gradient = openNamed(gradient.name, gradient.shape, gradient.format, gradient.account)
    drop(gradient)
  }

  /// Frees what the graph still holds: the loss has gone out of scope.
  ///
  /// What lived through the whole of backward goes layer by layer at its end, told by the layer that made it.
  mutating func releaseGraph() {
    let outer = layer
    let hasLateHolders =
      nodes.contains { !$0.attributes.isEmpty } || leaves.contains { !$0.isParameter && $0.gradient != nil }
    if hasLateHolders { enterBackward(.backward, .embedding) }
    for index in nodes.indices {
      layer = if case .layer(let number, _) = nodes[index].place { number } else { outer }
      for saved in nodes[index].saved { release(saved) }
      for storage in nodes[index].attributes { drop(storage: storage) }
    }
    for index in leaves.indices where !leaves[index].isParameter {
      layer = leaves[index].layer ?? outer
      for gradient in [leaves[index].gradient, leaves[index].arriving] { if let gradient { drop(gradient) } }
      leaves[index].gradient = nil
      leaves[index].arriving = nil
    }
    layer = outer
    nodes.removeAll(keepingCapacity: true)
    frames.removeAll(keepingCapacity: true)
    for index in leaves.indices { leaves[index].view = nil }
    leaves.removeAll { !$0.isParameter }
  }

  // MARK: For rules

  /// Opens the gradient that leaves by `edge`.
  mutating func open(_ edge: Edge) -> Tensor {
    switch edge.source {
    case .leaf(let leaf) where leaves[leaf].isParameter:
      let name = TensorName.gradient(of: edge.name)
      let isFirst = leaves[leaf].gradient == nil && leaves[leaf].arriving == nil
      return openNamed(isFirst ? name : name + ".addend", edge.shape, edge.format, .gradients)
    case .node where edge.isFlattened:
      return openNamed(TensorName.gradient(of: edge.name), edge.shape, edge.format, .gradients)
    default: return openFlow(edge, edge.shape, edge.format)
    }
  }

  /// Opens a buffer on the way to the gradient of `edge`, in a shape or format of its own.
  mutating func openFlow(_ edge: Edge, _ shape: Shape, _ format: ScalarFormat) -> Tensor {
    let account: Account =
      switch edge.account {
      case .checkpoints: .activations
      case .weights, .adapters: .gradients
      default: edge.account
      }
    return openNamed(TensorName.flow(edge.name), shape, format, account)
  }

  /// Puts another tensor, of which it becomes an owner, in the place of a parameter's `.grad`.
  mutating func replaceGradient(of leaf: Int, by tensor: Tensor) {
    retain(tensor)
    dropGradient(of: leaf)
    leaves[leaf].gradient = tensor
  }

  /// Gives back the `.grad` of one parameter.
  mutating func dropGradient(of leaf: Int) {
    guard let gradient = leaves[leaf].gradient else { return }
    leaves[leaf].gradient = nil
    drop(gradient)
  }

  /// Makes the `.grad` of every parameter, as a step before this one has left it.
  mutating func openGradients() {
    for index in leaves.indices where leaves[index].isParameter && leaves[index].gradient == nil {
      let parameter = leaves[index].tensor
      leaves[index].gradient = openNamed(
        TensorName.gradient(of: parameter.name), parameter.shape, parameter.format, .gradients)
    }
  }

  /// Gives back the `.grad` of every parameter.
  mutating func zeroGradients() {
    for index in leaves.indices {
      if let gradient = leaves[index].gradient { drop(gradient) }
      leaves[index].gradient = nil
    }
    zeroShardedGradients()
  }
}

extension Node {
  fileprivate var needsRecomputation: Bool { saved.contains(where: \.isPacked) }
}

/// Rules that many operations share.
enum Rules {
  /// A fresh gradient for every input that needs one, in the order of the inputs.
  static func fresh(_ tape: inout Tape, _ arriving: [Tensor?], _ edges: [Edge]) -> [Tensor?] {
    edges.map { $0.isNeeded ? tape.open($0) : nil }
  }

  /// The arriving gradient itself for every input; a copy where an input has another format.
  static func passing(_ tape: inout Tape, _ arriving: [Tensor?], _ edges: [Edge]) -> [Tensor?] {
    edges.map { edge in
      guard edge.isNeeded, let gradient = arriving[0] else { return nil }
      guard gradient.format == edge.format, gradient.count == edge.shape.count else { return tape.open(edge) }
      tape.retain(gradient)
      return gradient
    }
  }

  /// The arriving gradient, viewed in the input's shape.
  static func viewing(_ tape: inout Tape, _ arriving: [Tensor?], _ edges: [Edge]) -> [Tensor?] {
    edges.map { edge in
      guard edge.isNeeded, let gradient = arriving[0] else { return nil }
      tape.retain(gradient)
      return gradient.viewed(as: edge.shape)
    }
  }
}
