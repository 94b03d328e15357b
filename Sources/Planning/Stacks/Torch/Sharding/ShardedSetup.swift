import Bookkeeping
import Modeling

/// Puts what a sharding makes of a model on the tape, between loading it and making its optimizer's states.
struct ShardedSetup {
  /// The model whose step is planned; a tape may hold fewer layers of it.
  let whole: ModelSpec
  let recipe: Recipe
  let policy: TorchPolicy

  var parallelism: Parallelism { recipe.parallelism }
  var settings: ShardingSettings { recipe.parallelism.settings }
  var devices: Int { recipe.parallelism.devices }

  /// Says which parameters become part of something larger; before they are loaded.
  func begin(_ tape: inout Tape) {
    // Megatron's buffers are made of parameters that stay what they are.
    guard policy.choices.modelCode != .megatron else { return }
    switch parallelism.sharding {
    case .none, .ddp: tape.sharding.taking = .none
    case .zero1, .zero2: tape.sharding.taking = .trained
    case .zero3: tape.sharding.taking = .all
    case .fsdp, .fsdp2:
      guard !settings.keepsParametersWhole else { return }
      tape.sharding.taking = recipe.adapterUnits == .whole ? .base : .all
      guard recipe.adapterUnits == .withLayer, let adapter = recipe.method.adapter else { return }
      tape.sharding.mixedLayers = Set(
        (0..<whole.layerCount).filter { whole.linearModules($0).contains(where: adapter.targets.match) })
    }
  }

  /// Makes of what was loaded what this GPU holds of it.
  ///
  /// - Parameter trace: the modules in the order of their use, once that is known.
  func finish(_ tape: inout Tape, trace: [Int]) {
    guard policy.choices.modelCode != .megatron else {
      return MegatronBuffers(whole: whole, parallelism: parallelism).open(&tape)
    }
    switch parallelism.sharding {
    case .none: return
    case .ddp: openReducerBuckets(&tape)
    case .zero1, .zero2: flatten(&tape)
    case .zero3: partition(&tape, trace: trace)
    case .fsdp, .fsdp2: if !settings.keepsParametersWhole { shard(&tape) }
    }
    tape.sharding.mixedLayers = []
    tape.sharding.taking = .none
    tape.layer = nil
  }

  /// Whether the gradients of a micro-batch are reduced when its backward ends: under stage 1, and where they are kept
  /// whole, only those of the last one are.
  func reduces(after microBatch: Int) -> Bool {
    let isLast = microBatch == recipe.batch.accumulation - 1
    return isLast || !(settings.keepsGradientsUnsharded || parallelism.sharding == .zero1)
  }

  // MARK: DistributedDataParallel

  /// Every trained gradient has a second copy in a bucket, which is there from the wrapper's construction on.
  ///
  /// Source: torch nn/parallel/distributed.py (`bucket_cap_mb`, `_DEFAULT_FIRST_BUCKET_BYTES`) and
  /// csrc/distributed/c10d/reducer.cpp (`initialize_buckets`, `rebuild_buckets`, `compute_bucket_assignment_by_size`):
  /// gradients in the order in which they come, a bucket is closed once it has reached its size.
  private func openReducerBuckets(_ tape: inout Tape) {
    tape.sharding.viewsGradients = settings.viewsGradientsInBuckets
    var limit = Bytes(1 << 20)
    var filled: [ScalarFormat: Int] = [:]
    var number = 0
    func close(_ format: ScalarFormat) {
      guard let count = filled.removeValue(forKey: format) else { return }
      _ = tape.openNamed("ddp.bucket.\(number)", [count], format, .gradients)
      number += 1
      limit = settings.bucketBytes
    }
    for parameter in trainedParameters.reversed() {
      filled[parameter.format, default: 0] += parameter.count
      if parameter.format.storage(of: filled[parameter.format] ?? 0) >= limit { close(parameter.format) }
    }
    for format in ScalarFormat.allCases { close(format) }
  }

  /// Sizes of what trains in the whole model, in the order of its modules.
  private var trainedParameters: [(count: Int, format: ScalarFormat)] {
    TrainedParameters(whole, recipe.method).counts.map { count in
      (count, recipe.method.adapter == nil ? policy.plainFormat : policy.adapterFormat)
    }
  }

  // MARK: DeepSpeed, stages 1 and 2

  /// Trained weights become one buffer that every GPU has, and of which each one updates a partition in fp32.
  ///
  /// The buffer is padded so that partitions start on four bytes (`nccl_start_alignment_factor`). One parameter group is
  /// assumed. Source: deepspeed/runtime/zero/stage_1_and_2.py, `DeepSpeedZeroOptimizer.__init__`.
  private func flatten(_ tape: inout Tape) {
    let counts = TrainedParameters(whole, recipe.method).counts
    let alignment = 2 * devices
    let total = (counts.reduce(0, +) + alignment - 1) / alignment * alignment
    let partition = total / devices
    guard let format = tape.sharding.pieces.first?.tensor.format else { return }
    let account: Account = recipe.method.adapter == nil ? .weights : .adapters
    _ = tape.openNamed("zero.weights", [total], format, account)
    var end = 0
    var ownElements = 0
    var largest = 0
    for count in counts {
      if end < partition {
        ownElements += count
        largest = max(largest, count)
      }
      end += count
    }
    let movesOptimizer = settings.offload.movesOptimizer
    let master = tape.openPiece("zero.master_weights", [partition], .fp32, .optimizerState)
    if movesOptimizer {
      // `temp_grad_buffer_for_gpu_offload`: the largest gradient on its way.
      _ = tape.openNamed("zero.transfer", [counts.max() ?? 0], format, .workspace)
    } else {
      _ = tape.openNamed(master.name, [partition], .fp32, .optimizerState)
    }
    tape.sharding.optimized = movesOptimizer ? [] : [Leaf(tensor: master, isParameter: true, layer: nil)]
    var ranges: [Int: Range<Int>] = [:]
    var start = 0
    for piece in tape.sharding.pieces {
      guard let leaf = piece.leaf else { continue }
      ranges[leaf] = start..<start + piece.tensor.count
      start += piece.tensor.count
    }
    tape.sharding.buckets = GradientBuckets(
      capacity: settings.reduceBucketElements,
      bucketCount: settings.overlapsCommunication == true ? 2 : 1, format: format, partition: partition, ranges: ranges,
      ownElements: ownElements, largest: largest,
      dividesGradients: parallelism.sharding == .zero2 || settings.overlapsCommunication == true,
      movesOptimizer: movesOptimizer)
  }

  // MARK: Fully sharded

  /// Units as wrapping policies make them: one a decoder layer, one an adapter matrix unless the layer's takes it in, and
  /// the root for what is left: embedding, last norm, head.
  private func shard(_ tape: inout Tape) {
    tape.sharding.prefetches = settings.prefetchesBackward
    tape.sharding.offloadsParameters = settings.offload.movesParameters
    var byLayer: [Int: [ShardedState.Piece]] = [:]
    var rest: [ShardedState.Piece] = []
    var adapters: [ShardedState.Piece] = []
    for piece in tape.sharding.pieces {
      if piece.tensor.account == .adapters, recipe.adapterUnits == .own || piece.layer == nil {
        adapters.append(piece)
      } else if let layer = piece.layer {
        byLayer[layer, default: []].append(piece)
      } else {
        rest.append(piece)
      }
    }
    for layer in byLayer.keys.sorted() {
      tape.sharding.layers[layer] = add(
        "layers.\(layer).flat_parameter", layer: layer, byLayer[layer] ?? [], to: &tape)
    }
    for piece in adapters {
      tape.sharding.unitsByStorage[piece.tensor.storage] = add(
        piece.tensor.name + ".flat_parameter", layer: piece.layer, [piece], to: &tape)
    }
    tape.sharding.root = add("root.flat_parameter", layer: nil, isRoot: true, rest, to: &tape)
    let wholes = tape.leaves.filter { $0.isParameter && $0.unit == nil }
    tape.sharding.optimized = settings.offload == .none ? shards(tape) + wholes : []
    tape.sharding.pieces.removeAll()
  }

  private func add(
    _ name: String, layer: Int?, isRoot: Bool = false, _ pieces: [ShardedState.Piece], to tape: inout Tape
  ) -> Int {
    let gathered = pieces.first(where: \.isFloating)?.tensor.format ?? policy.computeFormat
    let trains = pieces.contains { $0.leaf != nil }
    var unit = ShardUnit(
      name, layer: layer, isRoot: isRoot, pieces, devices: devices, isAligned: settings.usesOriginalParameters,
      formats: formats(gathered: gathered, trains: trains))
    let index = tape.sharding.units.count
    tape.layer = layer
    if !settings.offload.movesParameters {
      _ = tape.openNamed(name, [unit.shardCount], unit.formats.stored, unit.account)
    }
    if trains {
      var flat = tape.openPiece(name, [unit.count], gathered, unit.account)
      flat.source = .leaf(tape.leaves.count)
      unit.leaf = tape.leaves.count
      tape.leaves.append(Leaf(tensor: flat, isParameter: true, layer: layer))
      tape.leaves[tape.leaves.count - 1].unit = index
      for member in unit.members { if let leaf = member.piece.leaf { tape.leaves[leaf].unit = index } }
    }
    tape.sharding.units.append(unit)
    return index
  }

  /// Under mixed precision accelerate keeps what trains in fp32 (accelerator.py, `prepare_model`), and FSDP gathers and
  /// reduces it in 16 bits (`MixedPrecision`).
  private func formats(gathered: ScalarFormat, trains: Bool) -> ShardUnit.Formats {
    guard recipe.castFormat != nil else {
      return ShardUnit.Formats(stored: gathered, gathered: gathered, reduced: settings.reduceFormat ?? gathered)
    }
    return ShardUnit.Formats(
      stored: trains ? .fp32 : policy.quantization == nil ? recipe.weightFormat : gathered, gathered: gathered,
      reduced: settings.reduceFormat ?? gathered)
  }

  /// What the first GPU's optimizer updates: the parts of parameters that lie in its shard, by name where they have
  /// kept their names.
  private func shards(_ tape: Tape) -> [Leaf] {
    tape.sharding.units.filter(\.trains).flatMap { unit -> [Leaf] in
      func leaf(_ name: String, _ count: Int) -> Leaf {
        Leaf(
          tensor: Tensor(
            storage: unit.leaf ?? 0, shape: [count], format: unit.formats.stored, account: unit.account, name: name,
            source: .none), isParameter: true, layer: unit.layer)
      }
      guard settings.usesOriginalParameters else { return [leaf(unit.name, unit.shardCount)] }
      return unit.members.compactMap { member in
        let own = member.range.clamped(to: 0..<unit.shardCount)
        return own.isEmpty || !member.piece.trains ? nil : leaf(member.piece.tensor.name, own.count)
      }
    }
  }
}

/// Sizes of what a method trains in a model, in the order of its modules.
struct TrainedParameters {
  let counts: [Int]

  init(_ spec: ModelSpec, _ method: Method) {
    guard let adapter = method.adapter else {
      counts = spec.parameters.map(\.count)
      return
    }
    counts = (0..<spec.layerCount).flatMap { layer in
      spec.linearModules(layer).filter(adapter.targets.match).flatMap {
        [adapter.rank * $0.input, adapter.rank * $0.output]
      }
    }
  }
}
