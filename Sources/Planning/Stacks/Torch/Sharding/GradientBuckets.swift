import Bookkeeping
import Modeling

// Shape letters here: N GPUs, P trained parameters, B elements of a bucket.

/// DeepSpeed's way with gradients, stages 1 and 2: they are copied into a bucket of B elements, and a full bucket is
/// reduced and its owner's part taken out.
///
/// Source: deepspeed/runtime/zero/stage_1_and_2.py at 0.19 (`setup_buckets`,
/// `reduce_independent_p_g_buckets_and_remove_grads`, `average_tensor`, `allreduce_bucket`, `copy_grads_in_partition`,
/// `independent_gradient_partition_epilogue`, `step`).
struct GradientBuckets {
  let capacity: Int
  let bucketCount: Int
  let format: ScalarFormat
  /// Elements of a partition.
  let partition: Int
  /// Where each trained leaf lies in the flat buffer.
  let ranges: [Int: Range<Int>]
  /// Elements of the parameters that reach into the first partition.
  let ownElements: Int
  /// Elements of the largest of these parameters.
  let largest: Int
  /// Whether gradients are divided right away (stage 2), or only once all of them are there (stage 1).
  let dividesGradients: Bool
  let movesOptimizer: Bool
  /// The bucket of stage 3, which is there all the time; what it reduces is copied side by side, and partitions have a
  /// place of their own (deepspeed/runtime/comm/coalesced_collectives.py, `reduce_scatter_coalesced`).
  var resident: Tensor?

  var buffers: [Tensor] = []
  /// What the bucket that is being filled holds.
  var held: [Range<Int>] = []
  var filled = 0
  /// A gradient larger than a bucket, on its own until the next reduction.
  var oversized: Tensor?
  /// This GPU's gradients of the backward that runs.
  var own: Tensor?
  /// This GPU's gradients of all micro-batches together.
  var accumulated: Tensor?
}

extension Tape {
  /// Whether a gradient went into a bucket.
  mutating func takesIntoBucket(_ gradient: Tensor, of leaf: Int) -> Bool {
    guard let buckets = sharding.buckets, buckets.dividesGradients, let range = buckets.ranges[leaf] else {
      return false
    }
    put(gradient, range)
    return true
  }

  /// Copies one gradient into the bucket; takes over the reference to it.
  private mutating func put(_ gradient: Tensor, _ range: Range<Int>) {
    guard var buckets = sharding.buckets else { return }
    if buckets.buffers.isEmpty, buckets.resident == nil {
      for index in 0..<buckets.bucketCount {
        buckets.buffers.append(
          openNamed("zero.bucket.\(index)", [buckets.capacity], buckets.format, .gradients))
      }
    }
    sharding.buckets = buckets
    if buckets.filled + range.count > buckets.capacity { reduceBucket() }
    sharding.buckets?.filled += range.count
    sharding.buckets?.held.append(range)
    if range.count > buckets.capacity { sharding.buckets?.oversized = gradient } else { drop(gradient) }
  }

  /// Averages what the bucket holds; where that belongs to more than one GPU, its parts are copied side by side first
  /// (`allreduce_bucket`, `flatten`).
  private mutating func reduceBucket() {
    guard let buckets = sharding.buckets, !buckets.held.isEmpty else { return }
    let owners: Set<Int> =
      buckets.resident != nil
      ? Set(buckets.held.indices)
      : Set(
        buckets.held.flatMap {
          [$0.lowerBound / buckets.partition, max($0.lowerBound, $0.upperBound - 1) / buckets.partition]
        })
    if owners.count > 1 {
      drop(openNamed("zero.bucket.flattened", [buckets.filled], buckets.format, .gradients))
    }
    let own = buckets.held.filter { $0.lowerBound < buckets.partition }
    if buckets.resident == nil, !own.isEmpty {
      if buckets.movesOptimizer {
        // `async_inplace_copy_grad_to_fp32_buffer_from_gpu`: an fp32 copy on its way to the host.
        for range in own where buckets.format != .fp32 {
          drop(openNamed("zero.gradient.fp32", [range.count], .fp32, .gradients))
        }
      } else if buckets.own == nil {
        let gradients = openNamed("zero.gradients", [buckets.ownElements], buckets.format, .gradients)
        sharding.buckets?.own = gradients
      }
    }
    if let oversized = buckets.oversized { drop(oversized) }
    sharding.buckets?.oversized = nil
    sharding.buckets?.held.removeAll(keepingCapacity: true)
    sharding.buckets?.filled = 0
  }

  /// The end of a backward pass: the rest is reduced, buckets go.
  mutating func endBuckets() {
    guard let buckets = sharding.buckets else { return }
    if !buckets.dividesGradients {
      guard sharding.isReducing else { return }
      for leaf in leaves.indices.reversed() where buckets.ranges[leaf] != nil {
        guard let gradient = leaves[leaf].gradient, let range = buckets.ranges[leaf] else { continue }
        leaves[leaf].gradient = nil
        put(gradient, range)
      }
    }
    reduceBucket()
    for buffer in sharding.buckets?.buffers ?? [] { drop(buffer) }
    sharding.buckets?.buffers.removeAll()
    guard let own = sharding.buckets?.own else { return }
    sharding.buckets?.own = nil
    if buckets.accumulated == nil { sharding.buckets?.accumulated = own } else { drop(own) }
  }

  /// Before the update: this GPU's gradients in a row, then in fp32.
  mutating func beginShardedStep() -> Tensor? {
    guard let buckets = sharding.buckets, !buckets.movesOptimizer else { return nil }
    // `get_grad_norm_direct` squares one gradient after the other in fp64.
    drop(openNamed("zero.gradient.fp64", [buckets.largest], .fp64, .workspace))
    let flat = openNamed("zero.gradients.flat", [buckets.partition], buckets.format, .gradients)
    var master = flat
    if buckets.format != .fp32 {
      master = openNamed("zero.gradients.fp32", [buckets.partition], .fp32, .gradients)
      drop(flat)
    }
    if let accumulated = buckets.accumulated { drop(accumulated) }
    sharding.buckets?.accumulated = nil
    return master
  }
}
