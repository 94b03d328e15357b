import Bookkeeping
import Modeling

/// What a device of several sends to the others and to the host in a step, and what of it passes while it computes.
///
/// The assumptions, all of them:
///
/// - `DistributedDataParallel` sums gradients up bucket by bucket while backward goes on, in the last micro-batch of a step
///   (`no_sync`, as the Trainer, Lightning and Accelerate call it before).
/// - FSDP and ZeRO-3 gather weights ahead of their use and sum gradients up beside the computing: in every micro-batch,
///   but for gradients that are kept whole to the last one. What is gathered is read off the books: once in forward, once
///   in backward, and where checkpoints let go of weights once more.
/// - ZeRO-1 and ZeRO-2 sum gradients up before backward goes on, unless `overlap_comm` is set
///   (deepspeed/runtime/zero/config.py at 0.19: off below stage 3), with an all-reduce (stage_1_and_2.py,
///   `allreduce_and_scatter`, on by `use_multi_rank_bucket_allreduce`): ZeRO-1 once a step, ZeRO-2 in every micro-batch.
///   Updated weights are gathered after the update.
/// - Offloaded weights come from the host before they are gathered, gradients go there as they are summed up, and updated
///   weights come back after the update: beside the computing where the sums are. The optimizer's step on the host, which
///   may take longer than all else, is not modeled.
/// - What passes beside the computing costs only what it takes longer than the micro-batch's computing.
/// - GPUs that divide products sum up within their group, which is in one node where it can be
///   (``TensorParallelSums``).
public struct StepSending: Hashable, Sendable {
  /// One kind of sending.
  public struct Item: Hashable, Sendable {
    public enum What: String, CaseIterable, Hashable, Sendable {
      case gradients, gatheredWeights, updatedWeights, fromHost, toHost, dividedProducts
    }

    public let what: What
    /// Bytes that each device sends, or that pass between it and its host, each time.
    public let bytes: Double
    /// Each time.
    public let seconds: Double
    /// Whether it is once a step, and not once a micro-batch.
    public let isOnce: Bool
    /// Whether it passes while the device computes.
    public let isHidden: Bool
  }

  public let items: [Item]

  static let none = StepSending(items: [])

  init(items: [Item]) { self.items = items }

  /// Reads the books of a step.
  init(_ spec: ModelSpec, _ recipe: Recipe, ledger: Ledger, trainable: Int, on device: Device) {
    let parallelism = recipe.parallelism
    guard parallelism != .single else {
      self = .none
      return
    }
    let settings = parallelism.settings
    let ring = Ring(parallelism.replicas, of: device)
    let sharding = parallelism.sharding
    let stored = recipe.method.addsParameters ? recipe.adapterFormat : recipe.weightFormat
    let format = sharding == .ddp ? stored : settings.reduceFormat ?? recipe.castFormat ?? stored
    let trained = Double(trainable) / Double(settings.tensorParallelSize)
    let gradients = trained * format.bytesPerElement
    var items: [Item] = []
    func send(_ what: Item.What, _ bytes: Double, isOnce: Bool = false, isHidden: Bool = true) {
      guard bytes > 0 else { return }
      items.append(
        Item(what: what, bytes: bytes, seconds: ring.seconds(sending: bytes), isOnce: isOnce, isHidden: isHidden))
    }
    func move(_ what: Item.What, _ bytes: Double, isOnce: Bool = false, isHidden: Bool = true) {
      guard bytes > 0 else { return }
      let seconds = bytes / (device.links.host.bandwidth * 1e9 * Ring.share)
      items.append(Item(what: what, bytes: bytes, seconds: seconds, isOnce: isOnce, isHidden: isHidden))
    }
    let share = 1 / Double(max(1, parallelism.replicas))
    switch sharding {
    case .none, .ddp: send(.gradients, ring.allReduced(gradients), isOnce: true)
    case .fsdp where settings.keepsParametersWhole, .fsdp2 where settings.keepsParametersWhole:
      send(.gradients, ring.allReduced(gradients), isOnce: settings.keepsGradientsUnsharded)
    case .fsdp, .fsdp2, .zero3:
      let books = GatherBooks(spec, recipe, ledger)
      send(.gatheredWeights, ring.divided(books.gathered))
      send(
        .gradients, ring.divided(max(gradients, books.summed * Double(parallelism.replicas))),
        isOnce: settings.keepsGradientsUnsharded)
      if settings.offload.movesParameters {
        move(.fromHost, books.transferred > 0 ? books.transferred : books.gathered * share)
      }
      // FSDP's parts of gradients are in the format that parameters are kept in, fp32 where it casts them.
      let part = sharding == .zero3 ? gradients : trained * (recipe.castFormat == nil ? stored : .fp32).bytesPerElement
      if sharding == .zero3 ? settings.offload.movesOptimizer : settings.offload.movesParameters {
        move(.toHost, part * share, isOnce: settings.keepsGradientsUnsharded)
        // Where weights live on the host too, nothing has to come back before they are gathered.
        if !settings.offload.movesParameters { move(.updatedWeights, part * share, isOnce: true, isHidden: false) }
      }
    case .zero1, .zero2:
      let isHidden = settings.overlapsCommunication ?? false
      let isOnce = sharding == .zero1 || settings.keepsGradientsUnsharded
      send(.gradients, ring.allReduced(gradients), isOnce: isOnce, isHidden: isHidden)
      send(.gatheredWeights, ring.divided(gradients), isOnce: true, isHidden: false)
      if settings.offload.movesOptimizer {
        move(.toHost, gradients * share, isOnce: isOnce, isHidden: isHidden)
        move(.updatedWeights, gradients * share, isOnce: true, isHidden: false)
      }
    }
    if settings.tensorParallelSize > 1 {
      let group = Ring(settings.tensorParallelSize, of: device)
      let sums = TensorParallelSums(spec, recipe, group)
      for (bytes, isHidden) in [(sums.waited, false), (sums.hidden, true)] where bytes > 0 {
        items.append(
          Item(
            what: .dividedProducts, bytes: bytes, seconds: group.seconds(sending: bytes), isOnce: false,
            isHidden: isHidden))
      }
    }
    self.items = items
  }

  /// Seconds of what is once a step or once a micro-batch, beside the computing or not.
  func seconds(isOnce: Bool, isHidden: Bool) -> Double {
    items.filter { $0.isOnce == isOnce && $0.isHidden == isHidden }.reduce(0) { $0 + $1.seconds }
  }

  /// What a model with so many layers more sends, where `next` is what one with one layer more does.
  func extended(by layers: Int, layersLike next: StepSending) -> StepSending {
    guard items.count == next.items.count else { return self }
    func sum(_ first: Double, _ second: Double) -> Double { first + Double(layers) * (second - first) }
    return StepSending(
      items: zip(items, next.items).map { one, other in
        Item(
          what: one.what, bytes: sum(one.bytes, other.bytes), seconds: sum(one.seconds, other.seconds),
          isOnce: one.isOnce, isHidden: one.isHidden)
      })
  }
}

/// What the books of a step say of whole weights and of the sums of gradients, of one micro-batch.
private struct GatherBooks {
  /// Bytes of all weights that were made whole, as often as they were.
  private(set) var gathered = 0.0
  /// Bytes of all gradients that came of being summed up: this device's part of each.
  private(set) var summed = 0.0
  /// Bytes of this device's parts of weights that came from the host.
  private(set) var transferred = 0.0

  init(_ spec: ModelSpec, _ recipe: Recipe, _ ledger: Ledger) {
    guard let (clock, last) = StepClock.ofShortStep(spec, recipe, ledger) else { return }
    // With another format of sums, the part is made in it first.
    var (reduced, parts) = (0.0, 0.0)
    for entry in ledger.entries {
      guard case .step(_, _, last) = clock.instants[entry.opened.ordinal] else { continue }
      // A buffer in which several arrive together is counted with what is taken from it.
      if entry.name.hasSuffix(".gathered") { gathered += Double(entry.bytes.count) }
      if entry.name.hasSuffix(".transferred") { transferred += Double(entry.bytes.count) }
      if entry.name.hasSuffix("flat_parameter.grad.reduced") { reduced += Double(entry.bytes.count) }
      if entry.name.hasSuffix("flat_parameter.grad") { parts += Double(entry.bytes.count) }
    }
    summed = reduced > 0 ? reduced : parts
  }
}
