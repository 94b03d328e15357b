public import Bookkeeping

/// The settings of a sharding beside its kind, with the defaults of the software.
public struct ShardingSettings: Hashable, Sendable {
  /// What lives in the host's memory instead of the GPU's.
  public enum Offload: String, CaseIterable, Hashable, Sendable, Codable {
    case none
    /// Weights; with FSDP gradients and optimizer states go with them, for the optimizer runs on the host.
    case parameters
    /// Optimizer states and master weights; with DeepSpeed accumulated gradients too.
    case optimizer
    case all

    public var movesParameters: Bool { self == .parameters || self == .all }
    public var movesOptimizer: Bool { self == .optimizer || self == .all }
  }

  /// Where FSDP puts the parameters that a method adds.
  public enum AdapterUnits: String, CaseIterable, Hashable, Sendable, Codable {
    /// Every trained matrix is a unit of its own (peft/utils/other.py, `fsdp_auto_wrap_policy`; torchtune
    /// utils/_distributed.py, `lora_fsdp_wrap_policy`; fsdp_qlora train.py, `get_wrapping_policy`).
    case own
    /// They share a flat parameter with their layer's frozen weights, which then have gradients too.
    case withLayer
    /// FSDP ignores them: every GPU holds them whole (fms_acceleration_foak/utils.py,
    /// `lora_adapters_switch_ddp_from_fsdp`).
    case whole
  }

  public var offload = Offload.none
  /// The format that gradients are reduced in; `nil` for the scheme's own.
  public var reduceFormat: ScalarFormat?
  /// Whether gradients stay whole on every GPU until the last micro-batch of a step (`no_sync`, Fabric's
  /// `no_backward_sync`).
  public var keepsGradientsUnsharded = false
  /// FSDP: whether the next layer's weights are gathered before a layer's backward (`BackwardPrefetch.BACKWARD_PRE`).
  public var prefetchesBackward = true
  /// FSDP: whether mixed precision casts gathered weights (`MixedPrecision.param_dtype`), rather than autocast alone.
  public var castsGatheredWeights = true
  /// FSDP: whether parameters stay known by name and are aligned to 16 bytes in the flat one (`use_orig_params`).
  public var usesOriginalParameters = true
  /// FSDP: where adapters are.
  public var adapterUnits = AdapterUnits.own
  /// FSDP: whether every GPU keeps all parameters whole and only gradients are averaged (`ShardingStrategy.NO_SHARD`).
  public var keepsParametersWhole = false
  /// DDP: bytes of a bucket; the first is 1 MiB (torch/nn/parallel/distributed.py, `bucket_cap_mb`).
  public var bucketBytes = Bytes(25 << 20)
  /// DDP: whether gradients are views of the buckets (`gradient_as_bucket_view`).
  public var viewsGradientsInBuckets = false
  /// DeepSpeed: elements of a gradient bucket (deepspeed/runtime/zero/config.py, `reduce_bucket_size`).
  public var reduceBucketElements = 500_000_000
  /// DeepSpeed: elements that ZeRO-3 gathers ahead (`stage3_prefetch_bucket_size`).
  public var prefetchBucketElements = 50_000_000
  /// DeepSpeed: parameters of ZeRO-3 up to this many elements are never divided (`stage3_param_persistence_threshold`).
  public var persistenceThreshold = 100_000
  /// DeepSpeed: elements that ZeRO-3 may hold gathered (`stage3_max_live_parameters`).
  public var maximumLiveParameters = 1_000_000_000
  /// DeepSpeed: elements within which a reused parameter stays gathered (`stage3_max_reuse_distance`).
  public var maximumReuseDistance = 1_000_000_000
  /// DeepSpeed: whether reduction overlaps with backward, which takes a second bucket; `nil` for the stage's own
  /// (`overlap_comm`: on from stage 3).
  public var overlapsCommunication: Bool?
  /// GPUs over which every matrix product is divided.
  public var tensorParallelSize = 1
  /// Whether what lies between divided products is divided over the sequence.
  public var usesSequenceParallel = false

  public init() {}

  func check(_ sharding: Sharding, devices: Int) throws(RecipeError) {
    let counts = [
      ("reduce-bucket", reduceBucketElements), ("prefetch-bucket", prefetchBucketElements),
      ("max-live-parameters", maximumLiveParameters), ("max-reuse-distance", maximumReuseDistance),
      ("ddp-bucket", bucketBytes.count),
    ]
    for (name, count) in counts where !(1...(1 << 40)).contains(count) {
      throw .outOfRange(name, "\(count)", "between 1 and \(1 << 40)")
    }
    guard (0...(1 << 40)).contains(persistenceThreshold) else {
      throw .outOfRange("persistence-threshold", "\(persistenceThreshold)", "between 0 and \(1 << 40)")
    }
    if let reduceFormat, ![.fp32, .bf16, .fp16].contains(reduceFormat) {
      throw .outOfRange("reduce-dtype", reduceFormat.rawValue, "fp32, bf16 or fp16")
    }
    guard tensorParallelSize >= 1, devices.isMultiple(of: tensorParallelSize) else {
      throw .outOfRange("tensor-parallel", "\(tensorParallelSize)", "a divisor of the \(devices) GPUs")
    }
    guard !usesSequenceParallel || tensorParallelSize > 1 else {
      throw .conflict("sequence-parallel", "on", reason: "it divides what tensor parallelism leaves whole")
    }
    switch offload {
    case .none: return
    case .parameters where sharding == .fsdp || sharding == .fsdp2 || sharding == .zero3: return
    case .optimizer where sharding.isDeepSpeed: return
    case .all where sharding == .zero3 || sharding.isFullySharded: return
    default:
      throw .conflict("offload", offload.rawValue, reason: "\(sharding.rawValue) moves no such thing to the host")
    }
  }
}
