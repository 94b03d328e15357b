import Bookkeeping
import Modeling

// Shape letters here: N GPUs, E elements of a unit's parameters together, S = ⌈E/N⌉ elements of one GPU's shard.

/// Parameters that one FSDP unit holds in a flat one, of which every GPU keeps a shard.
///
/// Source: torch distributed/fsdp/_flat_param.py, `FlatParamHandle`: parameters are laid one after the other, each on 16
/// bytes where they stay known by name (`_get_aligned_numel`), and padded to a multiple of N (`_get_shard`).
struct ShardUnit {
  /// A parameter in the flat one.
  struct Member {
    let piece: ShardedState.Piece
    /// In elements of the flat parameter.
    let range: Range<Int>
  }

  let name: String
  let layer: Int?
  let isRoot: Bool
  let members: [Member]
  /// Elements E, alignment counted in.
  let count: Int
  let devices: Int
  let trains: Bool
  let formats: Formats
  let account: Account

  /// In which formats a unit's elements are kept, gathered and reduced.
  struct Formats: Hashable {
    let stored: ScalarFormat
    let gathered: ScalarFormat
    let reduced: ScalarFormat
  }

  /// The leaf that gathers the gradients of all members.
  var leaf: Int?
  /// The gathered weights, while they are there.
  var whole: Tensor?
  /// Whether a backward that is to come needs them.
  var isNeeded = false
  var isPrefetched = false
  /// Its place in the order in which forward passes ended.
  var turn: Int?
  /// The gradient of this GPU's shard.
  var gradient: Tensor?
  /// The gradient of all elements, kept while micro-batches add up without being reduced.
  var wholeGradient: Tensor?

  /// Elements S of one shard.
  var shardCount: Int { (count + devices - 1) / devices }
  /// Elements of all shards, padding counted in.
  var paddedCount: Int { shardCount * devices }

  init(
    _ name: String, layer: Int?, isRoot: Bool, _ pieces: [ShardedState.Piece], devices: Int, isAligned: Bool,
    formats: Formats
  ) {
    self.name = name
    self.layer = layer
    self.isRoot = isRoot
    self.devices = devices
    self.formats = formats
    trains = pieces.contains { $0.leaf != nil }
    account = pieces.first?.tensor.account ?? .weights
    var members: [Member] = []
    var end = 0
    let alignment = isAligned ? max(1, 16 / formats.gathered.blockBytes.count) : 1
    for piece in pieces {
      let start = (end + alignment - 1) / alignment * alignment
      end = start + piece.elements(as: formats.gathered)
      members.append(Member(piece: piece, range: start..<end))
    }
    self.members = members
    count = isAligned ? (end + devices - 1) / devices * devices : end
  }
}

/// What sharding does at a node of the graph, once the gradients of its output have arrived.
enum UnitHook {
  /// The weights that the node's layer computed with are gathered, and those of the next to come.
  case gather(Int)
  /// A frozen unit has no gradient left to make.
  case release(Int)
  /// A module's weights are made whole (DeepSpeed, stage 3).
  case fetch(Int)
}

/// What is divided among GPUs on a tape, and what of it is whole right now.
struct ShardedState {
  /// A parameter that is part of a larger buffer.
  struct Piece {
    let tensor: Tensor
    let layer: Int?
    /// Whether the optimizer updates it.
    let trains: Bool
    /// Where its gradient goes, if it has one: frozen pieces do where they share a flat parameter with trained ones.
    let leaf: Int?

    /// Whether it is numbers rather than codes.
    var isFloating: Bool { [.fp32, .bf16, .fp16].contains(tensor.format) }

    /// How many elements of `format` hold it: quantized codes are stored as numbers of the compute format
    /// (`bnb_4bit_quant_storage`; fms_acceleration_peft/autogptq_utils.py).
    func elements(as format: ScalarFormat) -> Int {
      guard !isFloating else { return tensor.count }
      let bytes = tensor.format.storage(of: tensor.count)
      return (bytes.count + format.blockBytes.count - 1) / format.blockBytes.count
    }
  }

  /// What becomes of parameters as they are loaded.
  enum Pieces {
    case none
    /// The trained ones become part of one buffer (DeepSpeed, stages 1 and 2).
    case trained
    /// All of them do, but what a method adds.
    case base
    /// All of them do.
    case all
  }

  var taking = Pieces.none
  /// Layers whose frozen parameters share a flat one with adapters.
  var mixedLayers: Set<Int> = []
  var pieces: [Piece] = []
  var units: [ShardUnit] = []
  var root: Int?
  var layers: [Int: Int] = [:]
  /// Modules that are units of their own, by the storage of their weight.
  var unitsByStorage: [Int: Int] = [:]
  /// Inputs of frozen units and their gradients, which hooks keep to the end of backward.
  var held: [(tensor: Tensor, layer: Int?)] = []
  var modules: GatheredModules?
  /// The uses of modules in the last micro-batch.
  var seenTrace: [Int] = []
  /// Units in the order in which their forward passes ended.
  var order: [Int] = []
  var prefetches = true
  var offloadsParameters = false
  /// Whether gradients are reduced at the end of this micro-batch's backward.
  var isReducing = true
  var buckets: GradientBuckets?
  /// Whether gradients become views of buckets that are there anyway.
  var viewsGradients = false
  /// Whether frozen parameters of a layer have gradients: they are views of a flat parameter that has one
  /// (`_use_unsharded_views`).
  func givesGradient(_ layer: Int?) -> Bool { layer.map(mixedLayers.contains) ?? false }

  /// What the optimizer sees in place of the parameters; `nil` if it sees them.
  var optimized: [Leaf]?

  func takesPieces(_ account: Account, trains: Bool) -> Bool {
    switch taking {
    case .none: false
    case .trained: trains
    case .base: account != .adapters
    case .all: true
    }
  }
}
