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
    let isOnGraph = isTracking && inputs.contains(where: \.needsGradient)
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
    case .untracked: return .none
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

  /// Puts an operation of several results, already opened, on the graph: a `torch.autograd.Function`, which saves after
  /// it has run.
  mutating func applyFunction(
    to inputs: [Tensor], making outputs: [Tensor], saving: [Tensor], rule: @escaping BackwardRule
  ) -> [Tensor] {
    guard isTracking, !isStopped, inputs.contains(where: \.needsGradient) else { return outputs }
    var saved: [Node.Saved] = []
    for tensor in saving where !isStopped { save(tensor, into: &saved) }
    guard !isStopped else { return outputs }
    let source = record(inputs, saved: saved, outputs: outputs.count, rule: rule)
    return outputs.enumerated().map { index, output in
      var result = output
      if case .node(let node, _) = source { result.source = .node(node, output: index) } else { result.source = source }
      return result
    }
  }

  /// A tensor that the running node saved, in the shape and format of an edge, with a reference of its own: what a
  /// kernel writes a gradient over.
  mutating func overwrite(_ index: Int, as edge: Edge) -> Tensor {
    guard let running, running.saved.indices.contains(index) else { return open(edge) }
    let storage: Int
    switch running.saved[index] {
    case .storage(let saved): storage = saved
    case .packed(let frame, let slot): storage = frames[frame].recomputed[slot]
    }
    let gradient = Tensor(
      storage: storage, shape: edge.shape, format: edge.format, account: edge.account, name: edge.name, source: .none,
      isView: true)
    retain(gradient)
    return gradient
  }

  private var isTracking: Bool {
    if case .untracked = mode { false } else { true }
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
    case .untracked: break
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
  /// - Parameters:
  ///   - kept: what stands for the input until the layer is run again, if not the input itself.
  ///   - context: tensors that the layer is handed beside its input (tables, masks), kept just as long.
  mutating func checkpoint(
    layer: Int, _ input: Tensor, kept: Tensor? = nil, context: [Tensor],
    _ forward: @escaping (_ tape: inout Tape, _ input: Tensor) -> Tensor
  ) -> Tensor {
    var held = kept?.viewed(as: input.shape) ?? input
    held.source = input.source
    for tensor in [held] + context { retain(tensor) }
    frames.append(
      CheckpointFrame(input: held, format: input.format, context: context, layer: layer, forward: forward))
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

  /// What was kept of a layer's input, in the input's own format; the caller's to drop.
  mutating func broughtBack(_ kept: Tensor, as format: ScalarFormat) -> Tensor {
    guard kept.format != format else {
      retain(kept)
      return kept
    }
    var copy = openNamed(kept.name + ".brought_back", kept.shape, format, .activations)
    copy.source = kept.source
    return copy
  }

  /// Runs a layer again, until everything its nodes saved has been made again.
  mutating func recompute(_ frame: Int) {
    frames[frame].isRecomputed = true
    let (savedPlace, savedPrefix) = (place, prefix)
    var input = broughtBack(frames[frame].input, as: frames[frame].format)
    if input.needsGradient { input.source = .discarded }
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
