import Bookkeeping
import Modeling

extension Tape {
  /// Runs one operation that makes one tensor, and puts it on the graph if any input needs a gradient.
  ///
  /// - Parameters:
  ///   - name: of what it makes, without the prefix.
  ///   - inputs: in the order in which `rule` answers.
  ///   - saving: what its backward reads besides the arriving gradient. torch saves inputs before the kernel runs.
  ///   - savesOutput: whether backward reads the result too.
  ///   - transients: buffers that the kernel borrows while it runs.
  ///   - rule: what backward does.
  /// - Returns: the result with one reference, the caller's.
  mutating func apply(
    _ name: String, to inputs: [Tensor], shape: Shape, format: ScalarFormat, account: Account = .activations,
    saving: [Tensor] = [], savesOutput: Bool = false, transients: [Tensor] = [], rule: @escaping BackwardRule
  ) -> Tensor {
    let isOnGraph = inputs.contains(where: \.needsGradient)
    guard !isStopped else { return .void }
    var saved: [Node.Saved] = []
    if isOnGraph {
      for tensor in saving {
        save(tensor, into: &saved)
        if isStopped { return .void }
      }
    }
    var output = open(name, shape, format, account)
    guard isOnGraph else { return output }
    if savesOutput {
      save(output, into: &saved)
      if isStopped {
        drop(output)
        return .void
      }
    }
    output.source = record(inputs, saved: saved, outputs: 1, rule: rule)
    return output
  }

  /// Puts an operation that made no storage of its own on the graph: a view.
  mutating func view(_ input: Tensor, as shape: Shape, rule: @escaping BackwardRule) -> Tensor {
    var output = input.viewed(as: shape)
    retain(output)
    if input.needsGradient, !isStopped { output.source = record([input], saved: [], outputs: 1, rule: rule) }
    return output
  }

  /// Adds a node; its outputs' sources are `.node(index, output:)`.
  mutating func record(_ inputs: [Tensor], saved: [Node.Saved], outputs: Int, rule: @escaping BackwardRule)
    -> Tensor.Source
  {
    let frame: Int?
    switch mode {
    case .recomputing: return .discarded
    case .checkpointing(let index): frame = index
    case .recording: frame = nil
    }
    nodes.append(
      Node(
        edges: inputs.map(edge), arriving: Array(repeating: nil, count: outputs), saved: saved, attributes: [],
        place: place, frame: frame, rule: rule))
    return .node(nodes.count - 1, output: 0)
  }

  /// Where an input sends its gradient: a parameter in a flat one, through the node that cut it out.
  private func edge(_ input: Tensor) -> Edge {
    guard case .leaf(let leaf) = input.source, let view = leaves[leaf].view else { return Edge(input) }
    var edge = Edge(input, source: .node(view.node, output: view.output))
    edge.isFlattened = true
    return edge
  }

  /// Holds a tensor by an attribute of the node that made `output`: freed with the graph, not with the node's run.
  ///
  /// Checkpointing does not see such tensors, so they are held through it too.
  mutating func hold(_ tensor: Tensor, with output: Tensor) {
    guard !tensor.isVoid, case .node(let index, _) = output.source else { return }
    retain(tensor)
    nodes[index].attributes.append(tensor.storage)
  }

  /// Saves a tensor for backward, or what stands for it under checkpointing.
  mutating func save(_ tensor: Tensor, into saved: inout [Node.Saved]) {
    guard !tensor.isVoid else { return }
    switch mode {
    case .recording:
      retain(tensor)
      saved.append(.storage(tensor.storage))
    case .checkpointing(let frame):
      saved.append(.packed(frame: frame, slot: frames[frame].packed))
      frames[frame].packed += 1
      frames[frame].outstanding += 1
    case .recomputing(let frame):
      retain(tensor)
      frames[frame].recomputed.append(tensor.storage)
      if frames[frame].recomputed.count == frames[frame].packed { isStopped = true }
    }
  }

  // MARK: Checkpointing

  /// Runs a layer under gradient checkpointing: its input is kept, what it saves is not.
  ///
  /// - Parameter context: tensors that the layer is handed beside its input (tables, masks), kept just as long.
  mutating func checkpoint(
    layer: Int, _ input: Tensor, context: [Tensor], _ forward: @escaping (_ tape: inout Tape, _ input: Tensor) -> Tensor
  ) -> Tensor {
    for tensor in [input] + context { retain(tensor) }
    frames.append(CheckpointFrame(input: input, context: context, layer: layer, forward: forward))
    let frame = frames.count - 1
    mode = .checkpointing(frame: frame)
    let output = forward(&self, input)
    mode = .recording
    if frames[frame].packed == 0 { dropInputs(of: frame) }
    return output
  }

  mutating func dropInputs(of frame: Int) {
    for tensor in [frames[frame].input] + frames[frame].context { drop(tensor) }
  }

  /// Runs a layer again, until everything its nodes saved has been made again.
  mutating func recompute(_ frame: Int) {
    frames[frame].isRecomputed = true
    let (savedPlace, savedPrefix) = (place, prefix)
    var input = frames[frame].input
    if input.needsGradient { input.source = .discarded }
    retain(input)
    mode = .recomputing(frame: frame)
    let output = frames[frame].forward(&self, input)
    isStopped = false
    drop(output)
    drop(input)
    endAutocast()
    mode = .recording
    (place, prefix) = (savedPlace, savedPrefix)
  }

  /// Leaves the outermost autocast region: its copies of weights live on only where they were saved.
  mutating func endAutocast() {
    for index in castWeights.keys.sorted() {
      if let copy = castWeights[index] { drop(copy) }
    }
    castWeights.removeAll()
  }
}
