import Bookkeeping
import Modeling

/// How long a step takes on a device: matrix products at the rate of their units, everything between them at the
/// bandwidth of the memory, and never less than the host takes to ask for it all.
///
/// What moves between products is read off the books (``StepTraffic``). Kernels run one after the other, so their times
/// add up; the host asks for them ahead of the device, so the longer of the two is the step's.
public struct StepTime: Hashable, Sendable {
  /// A part of the step, in seconds at the device's ceilings.
  public struct Part: Hashable, Sendable {
    /// Matrix products at the dense peak of their format.
    public var products: Double
    /// Attention's products at that peak, where one kernel does them all.
    public var fusedAttention: Double
    /// Bytes at the memory's bandwidth.
    public var traffic: Double
    /// The host, which asks for every kernel.
    public var host: Double
    /// Sending that passes while the device computes; of the update, while it computes the last micro-batch.
    public var besideComputing = 0.0
    /// Sending for which the device waits.
    public var sending = 0.0

    static let nothing = Part(products: 0, fusedAttention: 0, traffic: 0, host: 0)

    /// Seconds of each where kernels reach these shares of the ceilings; the host and links have none.
    func reached(_ shares: Roofline.Shares) -> Part {
      Part(
        products: products / shares.products, fusedAttention: fusedAttention / shares.fusedAttention,
        traffic: traffic / shares.bandwidth, host: host, besideComputing: besideComputing, sending: sending)
    }

    /// Seconds of the device, if kernels reached its ceilings.
    var device: Double { products + fusedAttention + traffic }

    /// Seconds that computing takes: the device's or the host's.
    func seconds(_ shares: Roofline.Shares) -> Double { max(reached(shares).device, host) }

    /// Seconds in which the device waits for what is sent: what does not pass beside the computing, and what takes longer.
    ///
    /// - Parameter more: seconds of what else passes beside this computing.
    func waiting(_ shares: Roofline.Shares, beside more: Double = 0) -> Double {
      max(0, besideComputing + more - seconds(shares)) + sending
    }

    static func + (left: Part, right: Part) -> Part {
      Part(
        products: left.products + right.products, fusedAttention: left.fusedAttention + right.fusedAttention,
        traffic: left.traffic + right.traffic, host: left.host + right.host,
        besideComputing: left.besideComputing + right.besideComputing, sending: left.sending + right.sending)
    }

    static func * (factor: Double, right: Part) -> Part {
      Part(
        products: factor * right.products, fusedAttention: factor * right.fusedAttention,
        traffic: factor * right.traffic, host: factor * right.host,
        besideComputing: factor * right.besideComputing, sending: factor * right.sending)
    }
  }

  /// Forward and backward of one micro-batch.
  public let microBatch: Part
  /// The optimizer's step, gradients' norm included.
  public let update: Part
  public let microBatches: Int
  /// Bytes of the whole step.
  public let traffic: StepTraffic
  /// What goes to other devices and to the host; its seconds are in ``microBatch`` and ``update``.
  public let sending: StepSending

  /// The whole step.
  public var whole: Part { Double(microBatches) * microBatch + update }

  init(microBatch: Part, update: Part, microBatches: Int, traffic: StepTraffic, sending: StepSending) {
    self.microBatch = microBatch
    self.update = update
    self.microBatches = microBatches
    self.traffic = traffic
    self.sending = sending
  }

  /// Seconds of the step.
  func seconds(_ shares: Roofline.Shares) -> Double { whole.seconds(shares) + waiting(shares) }

  /// Seconds in which the device waits for what is sent.
  func waiting(_ shares: Roofline.Shares) -> Double {
    let (first, last) = (microBatch.waiting(shares), microBatch.waiting(shares, beside: update.besideComputing))
    return Double(microBatches - 1) * first + last + update.sending
  }

  /// The same where micro-batches differ.
  ///
  /// - Parameter others: the micro-batches before the last one.
  static func waiting(_ others: [Part], last: Part, _ update: Part, _ shares: Roofline.Shares) -> Double {
    others.reduce(0) { $0 + $1.waiting(shares) } + last.waiting(shares, beside: update.besideComputing)
      + update.sending
  }

  /// Reads the books of a step; nothing where its clock is not the one that steps are written by.
  ///
  /// - Parameter ledger: of two micro-batches where the recipe has several, as plans are.
  init(
    _ spec: ModelSpec, _ recipe: Recipe, ledger: Ledger, work: WorkSheet, trainable: Int, on device: Device
  ) {
    let peak = Roofline.rate(of: recipe, on: device).tera * 1e12
    let books = StepTraffic.Books(spec, recipe, ledger)
    let isFused = recipe.attention != .eager
    let attention = work.lines.filter { isFused && $0.isMatrixProduct && $0.operation == "attention" }
    let attentionWork = attention.reduce(0.0) { $0 + Double($1.flops.count) }
    let count = Double(recipe.batch.accumulation)
    let perTensor =
      recipe.usesGradientCheckpointing
      ? StepTime.hostSecondsPerCheckpointedTensor : StepTime.hostSecondsPerTensor
    let inPlace = StepTraffic.inPlaceUpdate(recipe, trainable: trainable)
    let bandwidth = device.bandwidth * 1e9
    let sending = StepSending(spec, recipe, ledger: ledger, trainable: trainable, on: device)
    // No optimizer that is modeled counts matrix products.
    microBatch = Part(
      products: (Double(work.matrixProducts.count) - attentionWork) / peak / count,
      fusedAttention: attentionWork / peak / count, traffic: books.microBatch.total / bandwidth,
      host: Double(books.microBatchTensors) * perTensor,
      besideComputing: sending.seconds(isOnce: false, isHidden: true),
      sending: sending.seconds(isOnce: false, isHidden: false))
    update = Part(
      products: 0, fusedAttention: 0, traffic: (books.update + inPlace) / bandwidth,
      host: Double(books.updateTensors) * StepTime.hostSecondsPerTensor,
      besideComputing: sending.seconds(isOnce: true, isHidden: true),
      sending: sending.seconds(isOnce: true, isHidden: false))
    self.sending = sending
    microBatches = recipe.batch.accumulation
    traffic = StepTraffic(
      tensors: count * books.microBatch.tensors, dequantization: count * books.microBatch.dequantization,
      optimizer: books.update + inPlace)
  }

  /// Host seconds for every tensor that an eager step makes, without and within checkpoints.
  ///
  /// Medians of `Benchmarks/peers/host_time.py`: processor time of a LoRA and of a full step of a tiny Llama of 16
  /// layers, over the tensors it made; torch 2.15, Transformers 5, PEFT, one core of an AMD EPYC of 2024. Checkpoints
  /// double it, since every saved tensor passes hooks written in Python.
  private static let hostSecondsPerTensor = 11e-6
  private static let hostSecondsPerCheckpointedTensor = 20e-6
}

extension Plan {
  /// How long the step takes on the device that was planned for; `nil` where ``throughput`` is.
  public var stepTime: StepTime? {
    guard let target, recipe.stack != .plimsoll else { return nil }
    return StepTime(spec, recipe, ledger: ledger, work: work, trainable: parameters.trainable, on: target)
  }
}

extension Planner {
  /// How long a step takes, without the allocator's part of a plan.
  ///
  /// - Throws: as ``plan(_:_:threads:device:)``.
  static func stepTime(_ spec: ModelSpec, _ recipe: Recipe, on device: Device) throws(PlanError) -> StepTime {
    let short = recipe.withAccumulation(atMost: 2)
    try SizeLimits.check(spec, short)
    let walk = try TorchWalk.journal(spec, short, options: TorchFootprint.options(short, on: device))
    let trainable = ParameterCounts(
      of: spec, method: recipe.method, hasStackedExperts: recipe.choices.experts == .grouped
    ).trainable
    return StepTime(
      spec, recipe, ledger: Ledger(posting: walk.journal), work: StepWork.sheet(spec, recipe), trainable: trainable,
      on: device)
  }
}
