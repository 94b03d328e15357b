import Bookkeeping

/// A tensor of the symbolic autograd: a view of a storage, with what autograd must know of it.
///
/// Several tensors may share one storage; a view costs nothing. Values there are none.
struct Tensor {
  /// Index of the storage on its tape; negative for what was never computed.
  let storage: Int
  let shape: Shape
  let format: ScalarFormat
  let account: Account
  let name: String
  var source: Source
  /// Whether torch knows it as a view: its base, and so its storage, has another owner.
  var isView = false

  /// Where a tensor's gradient goes.
  enum Source {
    /// Nowhere: nothing above it trains.
    case none
    /// To one output of a node of the graph.
    case node(Int, output: Int)
    /// To the `.grad` of a parameter, or of another leaf that was asked for its gradient.
    case leaf(Int)
    /// Somewhere, but the graph being built is thrown away: a recomputation only refills what an earlier one saved.
    case discarded
  }

  /// What an operation returns that a stopped recomputation never reached.
  static let void = Tensor(storage: -1, shape: [0], format: .bool, account: .activations, name: "", source: .none)

  var isVoid: Bool { storage < 0 }
  var count: Int { shape.count }

  var needsGradient: Bool {
    if case .none = source { false } else { true }
  }

  /// The same storage seen in another shape.
  func viewed(as shape: Shape) -> Tensor {
    Tensor(
      storage: storage, shape: shape, format: format, account: account, name: name, source: source, isView: true)
  }

  /// The same storage, known as a view.
  func asView() -> Tensor { viewed(as: shape) }

  /// The same storage, cut off from the graph.
  func detached() -> Tensor {
    Tensor(storage: storage, shape: shape, format: format, account: account, name: name, source: .none)
  }
}

/// Where one input of a node sends its gradient, and what that gradient looks like.
struct Edge {
  let source: Tensor.Source
  let shape: Shape
  let format: ScalarFormat
  let account: Account
  let name: String
  /// Whether the input is a parameter's view of a flat one.
  var isFlattened = false

  init(_ input: Tensor) { self.init(input, source: input.source) }

  init(_ input: Tensor, source: Tensor.Source) {
    self.source = source
    shape = input.shape
    format = input.format
    account = input.account
    name = input.name
  }

  var isNeeded: Bool {
    if case .none = source { false } else { true }
  }
}

/// A parameter, or another leaf that was asked for its gradient.
struct Leaf {
  let tensor: Tensor
  let isParameter: Bool
  /// The layer of a parameter that is in one.
  let layer: Int?
  /// The node that cut it out of a flat parameter, and the output it is of that node, while it is whole.
  var view: (node: Int, output: Int)?
  /// The unit whose flat parameter it is.
  var unit: Int?
  /// Frozen units that are let go once the gradient of this input of theirs is there.
  var releases: [Int] = []
  /// Its `.grad`, once a backward pass has reached it.
  var gradient: Tensor?
  /// What has arrived in the backward pass that runs, and how much is still to come.
  var arriving: Tensor?
  var expected = 0
}
