import Bookkeeping
import Modeling

/// Bytes that a step moves between its matrix products, read off the books.
///
/// A kernel writes each tensor that the step opens, another reads it, and backward reads once more what was kept for
/// it.
public struct StepTraffic: Hashable, Sendable {
  /// Tensors that forward, recomputation and backward open.
  public let tensors: Double
  /// Of quantized weights: what is made of their codes, written and read again by the product that wanted it.
  public let dequantization: Double
  /// The optimizer's step: gradients, parameters and states, and what it opens besides.
  public let optimizer: Double

  public var total: Double { tensors + dequantization + optimizer }
}

extension StepTraffic {
  /// What the ledger of a step says, one micro-batch and the update apart.
  struct Books {
    /// Of one micro-batch; nothing of it is the optimizer's.
    private(set) var microBatch = StepTraffic(tensors: 0, dequantization: 0, optimizer: 0)
    private(set) var microBatchTensors = 0
    private(set) var update = 0.0
    private(set) var updateTensors = 0

    /// Nothing where the ledger's clock is not the one that steps are written by.
    init(_ spec: ModelSpec, _ recipe: Recipe, _ ledger: Ledger) {
      guard let (clock, last) = StepClock.ofShortStep(spec, recipe, ledger) else { return }
      let isQuantized = recipe.method.quantization != nil
      var (tensors, dequantization) = (0.0, 0.0)
      // The last micro-batch stands for all: from the second on they are alike.
      for entry in ledger.entries {
        switch clock.instants[entry.opened.ordinal] {
        case .load, .zeroGrad: continue
        case .optimizer:
          update += 2 * Double(entry.bytes.count)
          updateTensors += 1
        case .step(let phase, _, let microBatch):
          guard microBatch == last else { continue }
          microBatchTensors += 1
          let bytes = Double(entry.bytes.count) * (clock.isKept(entry, after: phase) ? 3 : 2)
          if isQuantized, entry.account == .workspace, entry.name.holds("dequant") {
            dequantization += bytes
          } else {
            tensors += bytes
          }
        }
      }
      microBatch = StepTraffic(tensors: tensors, dequantization: dequantization, optimizer: 0)
    }
  }

  /// Bytes that an update moves in place: it reads a gradient and reads and writes a parameter and its states.
  static func inPlaceUpdate(_ recipe: Recipe, trainable: Int) -> Double {
    let format = recipe.method.addsParameters ? recipe.adapterFormat : recipe.weightFormat
    let parameter = format.bytesPerElement
    let states = stateBytes(recipe.optimizer.kind, parameter: parameter)
    let devices =
      recipe.parallelism.sharding.dividesUpdate
      ? recipe.parallelism.devices : recipe.parallelism.settings.tensorParallelSize
    return Double(trainable) * (3 * parameter + 2 * states) / Double(devices)
  }

  /// Bytes of an optimizer's states for a parameter of so many bytes, scales and tables aside.
  private static func stateBytes(_ kind: Optimizer.Kind, parameter: Double) -> Double {
    switch kind.family {
    case .torchAdamW, .fusedAdam, .scheduleFree(.adamw), .scheduleFree(.radam): return 2 * parameter
    case .torchSGD(hasMomentum: true), .torchRMSprop, .torchAdagrad, .muon, .adamMini, .scheduleFree(.sgd):
      return parameter
    case .bitsandbytes(let states):
      let each: Double = states.isQuantized ? 1 : 4
      switch states.update {
      case .adam: return 2 * each
      case .ademamix: return 3 * each
      case .lion, .rmsprop: return each
      }
    case .torchao(.codes8), .torchao(.fp8): return 2
    case .torchao(.codes4): return 1
    // Low-rank states and row and column sums are next to nothing.
    case .torchSGD(hasMomentum: false), .torchAdafactor, .transformersAdafactor, .galore, .apollo, .lomo: return 0
    }
  }
}

extension Sharding {
  /// Whether every GPU updates only a share of the parameters.
  fileprivate var dividesUpdate: Bool {
    switch self {
    case .none, .ddp: false
    case .zero1, .zero2, .zero3, .fsdp, .fsdp2: true
    }
  }
}

extension StepClock {
  /// The clock that a step of one or two micro-batches is written by, and the last of these; nil if the ledger's is not
  /// that one.
  static func ofShortStep(_ spec: ModelSpec, _ recipe: Recipe, _ ledger: Ledger) -> (clock: StepClock, last: Int)? {
    let microBatches = min(2, recipe.batch.accumulation)
    let clock = StepClock(
      layers: spec.layerCount, accumulation: microBatches, usesGradientCheckpointing: recipe.usesGradientCheckpointing)
    return clock.instants.count == ledger.clock.count ? (clock, microBatches - 1) : nil
  }

  /// Whether what a forward operation opened is still there in backward.
  fileprivate func isKept(_ entry: Entry, after phase: Phase) -> Bool {
    guard phase != .backward else { return false }
    guard let closed = entry.closed, instants.indices.contains(closed.ordinal) else { return true }
    if case .step(.backward, _, _) = instants[closed.ordinal] { return true }
    return false
  }
}
