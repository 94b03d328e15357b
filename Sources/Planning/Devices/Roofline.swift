import Bookkeeping
public import Modeling

/// How fast a step runs on a device: a range, for kernels reach different shares of what the device can do.
public struct Roofline: Hashable, Sendable {
  /// Tokens a second of one GPU, padding included.
  public let low: Double
  public let expected: Double
  public let high: Double
  /// What the step's seconds are made of.
  public let time: StepTime
  /// Which efficiencies were taken, a sentence each.
  public let assumptions: [String]
  /// The shares behind ``low``, on this device.
  let leastShares: Shares

  /// Shares of a device's ceilings that kernels reach.
  struct Shares: Hashable, Sendable {
    /// Of the dense peak, by matrix products.
    let products: Double
    /// Of the dense peak, by attention in one kernel.
    let fusedAttention: Double
    /// Of the memory bandwidth, by everything else.
    let bandwidth: Double
  }

  /// The best that was measured of each.
  ///
  /// Products: the most that any shape reached in bf16 is 0.86 of the peak on an A100 SXM, 0.82 on its PCIe card, 0.80 on
  /// an H100 (Bekman, "Machine Learning Engineering", compute/accelerator, table of maximum achievable matmul FLOPS).
  /// Attention: up to 0.73 forward and 0.63 backward on an A100 (Dao 2023, "FlashAttention-2",
  /// <https://arxiv.org/abs/2307.08691>). Streaming: 0.8 to 0.9 (Deakin et al. 2018, "Evaluating attainable memory
  /// bandwidth of parallel programming models via BabelStream").
  static let best = Shares(products: 0.86, fusedAttention: 0.66, bandwidth: 0.9)
  /// Shapes of a step aren't the best ones, and attention is short beside the papers' longest.
  static let usual = Shares(products: 0.75, fusedAttention: 0.5, bandwidth: 0.8)
  /// Cards that slow down under load, and small products.
  static let least = Shares(products: 0.4, fusedAttention: 0.2, bandwidth: 0.6)

  /// The least on a device: peaks are counted at the boost clock, and under load a card promises its base clock only.
  static func least(on device: Device) -> Shares {
    guard let clocks = device.clocks else { return least }
    return Shares(
      products: min(least.products, usual.products * clocks.baseShare),
      fusedAttention: min(least.fusedAttention, usual.fusedAttention * clocks.baseShare), bandwidth: least.bandwidth)
  }

  /// What keeps a step from being faster.
  public enum Bound: String, CaseIterable, Hashable, Sendable, Codable {
    /// Matrix products, attention's included.
    case products
    /// The memory's bandwidth.
    case bytes
    /// The host, which asks for kernels more slowly than the device runs them.
    case host
    /// The links to other devices and to the host.
    case links
  }

  /// Seconds of a step in which the device waits for what is sent, as expected.
  public var waiting: Double { time.waiting(Roofline.usual) }

  /// Seconds of the whole step, as expected, by what they go to.
  public var parts: StepTime.Part { time.whole.reached(Roofline.usual) }

  public var bound: Bound {
    let parts = parts
    if waiting > max(parts.host, parts.device) { return .links }
    if parts.host >= parts.device { return .host }
    return parts.traffic > parts.products + parts.fusedAttention ? .bytes : .products
  }

  /// Seconds of a step: as expected, and the least and the most.
  public var seconds: Seconds {
    Seconds(
      low: time.seconds(Roofline.best), expected: time.seconds(Roofline.usual), high: time.seconds(leastShares))
  }

  /// Seconds of a step of these micro-batches on this device; none of nothing.
  func seconds(of microBatches: [StepTime.Part], _ update: StepTime.Part) -> Seconds {
    guard let last = microBatches.last else { return .none }
    let whole = microBatches.reduce(update) { $0 + $1 }
    func seconds(_ shares: Shares) -> Double {
      whole.seconds(shares) + StepTime.waiting(Array(microBatches.dropLast()), last: last, update, shares)
    }
    return Seconds(low: seconds(Roofline.best), expected: seconds(Roofline.usual), high: seconds(leastShares))
  }
}

/// A time that can't be known exactly: at least, most likely and at most.
public struct Seconds: Hashable, Sendable {
  public let low: Double
  public let expected: Double
  public let high: Double

  public init(low: Double, expected: Double, high: Double) {
    self.low = low
    self.expected = expected
    self.high = high
  }

  static let none = Seconds(low: 0, expected: 0, high: 0)

  static func + (left: Seconds, right: Seconds) -> Seconds {
    Seconds(low: left.low + right.low, expected: left.expected + right.expected, high: left.high + right.high)
  }

  static func * (factor: Double, right: Seconds) -> Seconds {
    Seconds(low: factor * right.low, expected: factor * right.expected, high: factor * right.high)
  }
}

extension Plan {
  /// Tokens a second on the device that was planned for; `nil` where none was named, and for the engine, which runs on
  /// the CPU.
  public var throughput: Roofline? {
    guard let target, let stepTime else { return nil }
    return Roofline(recipe, stepTime, on: target)
  }
}

extension Roofline {
  /// How fast a plan's step runs on a device, which need not be the one that was planned for.
  package init(of plan: Plan, on device: Device) {
    let time = StepTime(
      plan.spec, plan.recipe, ledger: plan.ledger, work: plan.work, trainable: plan.parameters.trainable, on: device)
    self.init(plan.recipe, time, on: device)
  }

  init(_ recipe: Recipe, _ time: StepTime, on device: Device) {
    let least = Roofline.least(on: device)
    let tokens = Double(recipe.batch.tokensPerStep)
    let whole = time.whole
    low = tokens / time.seconds(least)
    expected = tokens / time.seconds(Roofline.usual)
    high = tokens / time.seconds(Roofline.best)
    self.time = time
    leastShares = least
    let slowest = least.products < Roofline.least.products
    let clocks = device.clocks.map { "; its base clock is \($0.base) MHz of \($0.boost)" } ?? ""
    assumptions =
      [
        "products run at \(Fixed.text(least.products, decimals: slowest ? 2 : 1)) to 0.86 of \(device.title)'s dense "
          + "\(Roofline.rate(of: recipe, on: device).format) peak, 0.75 expected\(slowest ? clocks : "")",
        "everything between them moves its bytes at 0.6 to 0.9 of its memory bandwidth, 0.8 expected",
        whole.host >= whole.reached(Roofline.usual).device
          ? "the host's Python is slower than the device here, and decides" : "the host keeps ahead of the device",
      ] + Roofline.linkAssumptions(recipe, time, on: device)
  }

  /// The rate of the format that products run in, in 10^12 operations a second.
  ///
  /// Where a device has no units for bf16, products run on those for fp32.
  static func rate(of recipe: Recipe, on device: Device) -> (tera: Double, format: String) {
    switch recipe.productFormat {
    case .bf16:
      if let rate = device.peak.bf16 { return (rate, "bf16") }
      return (device.peak.fp32, "fp32")
    case .fp16: return (device.peak.fp16, "fp16")
    default: return (device.peak.fp32, "fp32")
    }
  }
}

extension Roofline {
  /// Every ceiling with the share of it that kernels reach, and who measured that, a sentence each.
  public static func sources(of recipe: Recipe, on device: Device) -> [String] {
    let rate = rate(of: recipe, on: device)
    let peak = "\(Fixed.text(rate.tera, decimals: 1)) TFLOP/s of dense \(rate.format)"
    return [
      "matrix products: \(peak) (\(device.source)), of which the best shape reaches 0.86 (Bekman, Machine Learning "
        + "Engineering, table of achievable matmul FLOPS), a step's shapes about 0.75",
      "attention in one kernel: the same peak, of which FlashAttention-2 reaches 0.63 to 0.73 at its longest (Dao 2023), "
        + "0.5 at usual lengths",
      "bytes: \(Fixed.text(device.bandwidth, decimals: 0)) GB/s (\(device.source)), of which streaming kernels reach 0.8 "
        + "to 0.9 (Deakin et al. 2018, BabelStream)",
      "the host: 11 µs for every tensor of an eager step, 20 µs within checkpoints (Benchmarks/peers/host_time.py)",
    ] + linkSources(of: recipe, on: device)
  }
}

extension Recipe {
  /// The format of the operands of products.
  var productFormat: ScalarFormat { precision == .autocast && weightFormat == .fp32 ? .bf16 : weightFormat }
}
