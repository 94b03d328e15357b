import Bookkeeping
import Modeling

/// An eager-mode autograd engine on shapes alone: it writes down which storage is born and freed when.
///
/// Storages are counted: by the variables of the program that runs (``open(_:_:_:_:)`` and ``retain(_:)`` against
/// ``drop(_:)``), by what nodes save, and by gradients on their way. A storage is closed in the journal the moment its
/// last reference goes, as CPython and libtorch do, so the order of events is that of a real program and an allocator
/// can replay it.
struct Tape {
  private(set) var journal: Journal
  let clock: StepClock

  private struct Storage {
    let entry: Journal.ID
    var references: Int
  }

  private var storages: [Storage] = []
  var leaves: [Leaf] = []
  var nodes: [Node] = []
  var frames: [CheckpointFrame] = []
  /// Copies of trained weights in autocast's format, kept until the outermost autocast ends.
  var castWeights: [Int: Tensor] = [:]

  /// What becomes of tensors that nodes want to save.
  enum Mode {
    case recording
    case checkpointing(frame: Int)
    case recomputing(frame: Int)
    /// No graph is built: the first run of a layer whose checkpoint is re-entered (torch's `no_grad`).
    case untracked
  }

  var mode = Mode.recording
  /// Whether a layer is run again, with a graph, in a backward pass of its own.
  var isReentering = false
  /// Whether a parameter's gradient is consumed as soon as it is whole, by an optimizer of its own.
  var stepsInBackward = false
  /// Whether nodes keep what they saved after they have run (torch's `retain_graph`), until the graph is released.
  var retainsGraph = false
  /// Whether gradients of leaves are handed out as they are (`torch.autograd.grad`), and not made into a `.grad`.
  var capturesGradients = false
  /// The node that runs backward.
  var running: Node?
  /// Keys and values that the model's output holds.
  var cachedKeysAndValues: [Tensor] = []
  /// Set when a recomputation has made everything it was started for: nothing is computed from here on.
  var isStopped = false
  /// Tensors that a cache holds to the end of the forward pass.
  var cached: [Tensor] = []
  var microBatch = 0
  var place = StepClock.Place.embedding
  /// Put before every name: `layers.3.`.
  var prefix = ""
  /// The layer whose resident tensors are being made, outside the moments of any layer.
  var layer: Int?
  /// What is divided among GPUs, and what of it is whole right now.
  var sharding = ShardedState()
  /// ``layer`` as it was at each opening, by the opening's index.
  private(set) var layers: [Int?] = []
  /// ``layer`` as it was at each closing where one was set, by the event's index.
  private(set) var closingLayers: [Int: Int] = [:]
  /// Runs when the gradient of a parameter is complete, with the leaf's index: some optimizers update right then.
  var gradientHook: ((inout Tape, Int) -> Void)?
  /// The leaf whose update waits for the next call of ``gradientHook``.
  var pendingUpdate: Int?

  init(clock: StepClock) {
    self.clock = clock
    journal = Journal(clock: clock.clock)
  }

  // MARK: Moments

  /// Enters an operation of the forward pass, or of its recomputation.
  mutating func enter(_ place: StepClock.Place) {
    self.place = place
    if case .recomputing = mode {
      advance(to: .step(.recompute, place, microBatch: microBatch))
    } else if isReentering {
      advance(to: .step(.recompute, place, microBatch: microBatch))
    } else {
      advance(to: .step(.forward, place, microBatch: microBatch))
    }
  }

  /// Enters an operation of the backward pass.
  mutating func enterBackward(_ phase: StepClock.Phase, _ place: StepClock.Place) {
    self.place = place
    advance(to: .step(phase, place, microBatch: microBatch))
  }

  mutating func advance(to instant: StepClock.Instant) {
    let moment = clock[instant]
    // A node may run a little after its place in the model's order; time still never runs backwards.
    if moment > journal.now { journal.advance(to: moment) }
  }

  // MARK: Storages

  /// Makes a storage with one reference, that of the variable it is assigned to.
  mutating func open(
    _ name: String, _ shape: Shape, _ format: ScalarFormat, _ account: Account = .activations
  ) -> Tensor {
    openNamed(prefix + name, shape, format, account)
  }

  /// Makes a storage under its full name.
  mutating func openNamed(
    _ name: String, _ shape: Shape, _ format: ScalarFormat, _ account: Account, bytes: Bytes? = nil
  ) -> Tensor {
    guard !isStopped else { return .void }
    let entry = journal.open(name, account, shape, format, bytes: bytes)
    layers.append(layer)
    storages.append(Storage(entry: entry, references: 1))
    return Tensor(
      storage: storages.count - 1, shape: shape, format: format, account: account, name: name, source: .none)
  }

  /// The opening of storages that are part of another one's.
  private static let nowhere = Journal.ID(index: -1)

  /// Makes a storage that costs nothing of its own: a piece of a flat buffer that is booked as a whole.
  mutating func openPiece(_ name: String, _ shape: Shape, _ format: ScalarFormat, _ account: Account) -> Tensor {
    storages.append(Storage(entry: Tape.nowhere, references: 1))
    return Tensor(
      storage: storages.count - 1, shape: shape, format: format, account: account, name: name, source: .none)
  }

  /// Adds a reference: another variable, or a saved tensor, holds it too.
  mutating func retain(_ tensor: Tensor) {
    guard !tensor.isVoid else { return }
    storages[tensor.storage].references += 1
  }

  /// Takes a reference away; the last one frees the storage.
  mutating func drop(_ tensor: Tensor) {
    guard !tensor.isVoid else { return }
    drop(storage: tensor.storage)
  }

  mutating func drop(storage: Int) {
    storages[storage].references -= 1
    guard storages[storage].references == 0, storages[storage].entry != Tape.nowhere else { return }
    if let layer { closingLayers[journal.events.count] = layer }
    journal.close(storages[storage].entry)
  }

  /// The opening of a tensor's storage.
  func entry(of tensor: Tensor) -> Journal.ID { storages[tensor.storage].entry }

  func references(_ tensor: Tensor) -> Int { tensor.isVoid ? 0 : storages[tensor.storage].references }

  // MARK: Leaves

  /// Makes a parameter's storage; it is never freed.
  mutating func openParameter(_ name: String, _ shape: Shape, _ format: ScalarFormat, _ account: Account, trains: Bool)
    -> Tensor
  {
    let hasGradient = trains || sharding.givesGradient(layer)
    var tensor = openStored(name, shape, format, account, trains: trains)
    guard hasGradient else { return tensor }
    tensor.source = .leaf(leaves.count)
    leaves.append(Leaf(tensor: tensor, isParameter: true, layer: layer))
    return tensor
  }

  /// Makes the storage of what a checkpoint holds, or of what a method adds: where it is to be divided among GPUs, as a
  /// piece of the flat parameter that it will belong to.
  mutating func openStored(
    _ name: String, _ shape: Shape, _ format: ScalarFormat, _ account: Account, trains: Bool = false
  ) -> Tensor {
    guard sharding.takesPieces(account, trains: trains) else { return openNamed(name, shape, format, account) }
    let tensor = openPiece(name, shape, format, account)
    let hasGradient = trains || sharding.givesGradient(layer)
    sharding.pieces.append(
      ShardedState.Piece(tensor: tensor, layer: layer, trains: trains, leaf: hasGradient ? leaves.count : nil))
    return tensor
  }

  /// Asks for the gradient of a tensor that nothing trained went into (torch's `requires_grad_`).
  mutating func requireGradient(_ tensor: Tensor) -> Tensor {
    guard !tensor.isVoid, !tensor.needsGradient else { return tensor }
    var leaf = tensor
    leaf.source = .leaf(leaves.count)
    let number: Int? = if case .layer(let number, _) = place { number } else { nil }
    leaves.append(Leaf(tensor: leaf, isParameter: false, layer: number))
    return leaf
  }
}
