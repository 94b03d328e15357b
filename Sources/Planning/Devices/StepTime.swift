import Bookkeeping
import Modeling

/// How long a step takes on a device: matrix products at the rate of their units, everything between them at the
/// bandwidth of the memory, and never less than the host takes to ask for it all.
///
/// What moves between products is read off the books: a kernel writes each tensor that the step opens, another reads it,
/// and backward reads once more what was kept for it. Kernels run one after the other, so their times add up; the host
/// asks for them ahead of the device, so the longer of the two is the step's.
struct StepTime: Hashable, Sendable {
  /// Seconds of matrix products at the device's dense peak.
  let products: Double
  /// Seconds of attention's products at the device's dense peak, where one kernel does them all.
  let fusedAttention: Double
  /// Seconds of bytes moved at the device's bandwidth.
  let traffic: Double
  /// Seconds of the host.
  let host: Double

  init(products: Double, fusedAttention: Double, traffic: Double, host: Double) {
    self.products = products
    self.fusedAttention = fusedAttention
    self.traffic = traffic
    self.host = host
  }

  init(of plan: Plan, peak: Double, on device: Device) {
    let books = StepTime.books(of: plan)
    let isFused = plan.recipe.attention != .eager
    let attention = plan.work.lines.filter { isFused && $0.isMatrixProduct && $0.operation == "attention" }
    let attentionWork = attention.reduce(0.0) { $0 + Double($1.flops.count) }
    products = (Double(plan.work.matrixProducts.count) - attentionWork) / peak
    fusedAttention = attentionWork / peak
    traffic = (books.bytes + StepTime.updateBytes(plan)) / (device.bandwidth * 1e9)
    host = books.hostSeconds
  }

  /// Seconds of the step, where kernels reach these shares of what the device can do.
  func seconds(_ shares: Roofline.Shares) -> Double {
    max(
      products / shares.products + fusedAttention / shares.fusedAttention + traffic / shares.bandwidth,
      host)
  }

  // MARK: From the books

  /// Host seconds for every tensor that an eager step makes, without and within checkpoints.
  ///
  /// Medians of `Benchmarks/peers/host_time.py`: processor time of a LoRA and of a full step of a tiny Llama of 16
  /// layers, over the tensors it made; torch 2.15, Transformers 5, PEFT, one core of an AMD EPYC of 2024. Checkpoints
  /// double it, since every saved tensor passes hooks written in Python.
  private static let hostSecondsPerTensor = 11e-6
  private static let hostSecondsPerCheckpointedTensor = 20e-6

  private static func books(of plan: Plan) -> (bytes: Double, hostSeconds: Double) {
    let recipe = plan.recipe
    let short = recipe.batch.accumulation > 1 ? 2 : 1
    let clock = StepClock(
      layers: plan.spec.layerCount, accumulation: short, usesGradientCheckpointing: recipe.usesGradientCheckpointing)
    guard clock.instants.count == plan.ledger.clock.count else { return (0, 0) }
    // The last micro-batch stands for all: from the second on they are alike.
    var (microBytes, microTensors, updateBytes, updateTensors) = (0.0, 0, 0.0, 0)
    for entry in plan.ledger.entries {
      switch clock.instants[entry.opened.ordinal] {
      case .load, .zeroGrad: continue
      case .optimizer:
        updateBytes += 2 * Double(entry.bytes.count)
        updateTensors += 1
      case .step(let phase, _, let microBatch):
        guard microBatch == short - 1 else { continue }
        microTensors += 1
        microBytes += Double(entry.bytes.count) * (clock.isKept(entry, after: phase) ? 3 : 2)
      }
    }
    let perTensor = recipe.usesGradientCheckpointing ? hostSecondsPerCheckpointedTensor : hostSecondsPerTensor
    let count = Double(recipe.batch.accumulation)
    return (
      count * microBytes + updateBytes,
      count * Double(microTensors) * perTensor + Double(updateTensors) * hostSecondsPerTensor
    )
  }

  /// Bytes that an update moves in place: it reads a gradient and reads and writes a parameter and its states.
  private static func updateBytes(_ plan: Plan) -> Double {
    let recipe = plan.recipe
    let format = recipe.method.addsParameters ? recipe.adapterFormat : recipe.weightFormat
    let parameter = format.bytesPerElement
    let states = stateBytes(recipe.optimizer.kind, parameter: parameter)
    let devices = recipe.parallelism.sharding.dividesUpdate ? recipe.parallelism.devices : 1
    return Double(plan.parameters.trainable) * (3 * parameter + 2 * states) / Double(devices)
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
  /// Whether what a forward operation opened is still there in backward.
  fileprivate func isKept(_ entry: Entry, after phase: Phase) -> Bool {
    guard phase != .backward else { return false }
    guard let closed = entry.closed, instants.indices.contains(closed.ordinal) else { return true }
    if case .step(.backward, _, _) = instants[closed.ordinal] { return true }
    return false
  }
}
