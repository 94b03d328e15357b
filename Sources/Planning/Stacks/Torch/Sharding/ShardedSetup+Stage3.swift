import Bookkeeping
import Modeling

// Shape letters here: N GPUs.

extension ShardedSetup {
  /// Elements of a group of parameters that the optimizer takes at a time (deepspeed/runtime/zero/config.py,
  /// `sub_group_size`).
  private static var subGroup: Int { 1_000_000_000 }

  /// Every parameter is divided by itself, small ones excepted, which are whole on every GPU; buffers for gradients and
  /// their partitions are there all the time.
  ///
  /// Source: deepspeed/runtime/zero/stage3.py at 0.19 (`DeepSpeedZeroOptimizer_Stage3.__init__`,
  /// `__setup_gradient_buffers`, `_create_fp32_partitions`); parameter_offload.py, `mark_persistent_parameters`.
  func partition(_ tape: inout Tape, trace: [Int]) {
    let pieces = tape.sharding.pieces
    tape.sharding.pieces.removeAll()
    let movesWeights = settings.offload.movesParameters
    let movesOptimizer = settings.offload.movesOptimizer
    var trained = 0
    var largest = 0
    var format = policy.weightFormat
    for piece in pieces {
      let unit = ShardUnit(
        piece.tensor.name, layer: piece.layer, isRoot: false, [piece], devices: devices, isAligned: false,
        formats: ShardUnit.Formats(
          stored: piece.tensor.format, gathered: piece.tensor.format, reduced: piece.tensor.format))
      let isWhole = unit.count <= settings.persistenceThreshold
      tape.layer = piece.layer
      if !movesWeights || isWhole {
        _ = tape.openNamed(
          isWhole ? unit.name : unit.name + ".partition", [isWhole ? unit.count : unit.shardCount],
          piece.tensor.format, unit.account)
      }
      if piece.trains {
        trained += unit.shardCount
        largest = max(largest, unit.shardCount)
        format = piece.tensor.format
      }
      guard !isWhole else { continue }
      tape.sharding.unitsByStorage[piece.tensor.storage] = tape.sharding.units.count
      tape.sharding.units.append(unit)
    }
    tape.layer = nil
    tape.sharding.modules = GatheredModules(
      prefetchBucket: settings.prefetchBucketElements, maximumLive: settings.maximumLiveParameters,
      maximumReuse: settings.maximumReuseDistance, trace: trace)
    let bucket = tape.openNamed("zero.bucket", [settings.reduceBucketElements], format, .gradients)
    var masters: [Leaf] = []
    if !movesOptimizer {
      _ = tape.openNamed("zero.gradients", [trained], format, .gradients)
      for (index, start) in stride(from: 0, to: trained, by: ShardedSetup.subGroup).enumerated() {
        let master = tape.openNamed(
          "zero.master_weights.\(index)", [min(ShardedSetup.subGroup, trained - start)], .fp32, .optimizerState)
        masters.append(Leaf(tensor: master, isParameter: true, layer: nil))
      }
    }
    tape.sharding.optimized = masters
    let ranges = pieces.compactMap { piece in piece.leaf.map { ($0, 0..<piece.tensor.count) } }
    tape.sharding.buckets = GradientBuckets(
      capacity: settings.reduceBucketElements, bucketCount: 1, format: format,
      partition: min(trained, ShardedSetup.subGroup), ranges: Dictionary(uniqueKeysWithValues: ranges),
      ownElements: 0, largest: largest, dividesGradients: true, movesOptimizer: movesOptimizer, resident: bucket)
  }
}
