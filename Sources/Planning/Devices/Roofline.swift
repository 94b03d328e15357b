import Bookkeeping
import Modeling

/// How fast a step runs on a device: a range, for kernels reach different shares of what the device can do.
public struct Roofline: Hashable, Sendable {
  /// Tokens a second of one GPU, padding included.
  public let low: Double
  public let expected: Double
  public let high: Double
  /// Which efficiencies were taken, a sentence each.
  public let assumptions: [String]

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
}

extension Plan {
  /// Tokens a second on the device that was planned for; `nil` where none was named, and for the engine, which runs on
  /// the CPU.
  public var throughput: Roofline? {
    guard let target, recipe.stack != .plimsoll else { return nil }
    return Roofline(of: self, on: target)
  }
}

extension Roofline {
  package init(of plan: Plan, on device: Device) {
    let rate = Roofline.rate(of: plan.recipe, on: device).0
    self.init(StepTime(of: plan, peak: rate * 1e12, on: device), of: plan.recipe, on: device)
  }

  init(_ time: StepTime, of recipe: Recipe, on device: Device) {
    let format = Roofline.rate(of: recipe, on: device).1
    let tokens = Double(recipe.batch.tokensPerStep)
    func tokensPerSecond(_ shares: Shares) -> Double { tokens / time.seconds(shares) }
    low = tokensPerSecond(Roofline.least)
    expected = tokensPerSecond(Roofline.usual)
    high = tokensPerSecond(Roofline.best)
    assumptions = [
      "products run at 0.4 to 0.86 of \(device.title)'s dense \(format) peak, 0.75 expected",
      "everything between them moves its bytes at 0.6 to 0.9 of its memory bandwidth, 0.8 expected",
      time.host >= time.seconds(Roofline.usual)
        ? "the host's Python is slower than the device here, and decides" : "the host keeps ahead of the device",
    ]
  }

  /// The rate of the format that products run in.
  ///
  /// Where a device has no units for bf16, products run on those for fp32.
  static func rate(of recipe: Recipe, on device: Device) -> (Double, String) {
    let format: ScalarFormat =
      recipe.precision == .autocast && recipe.weightFormat == .fp32 ? .bf16 : recipe.weightFormat
    switch format {
    case .bf16:
      if let rate = device.peak.bf16 { return (rate, "bf16") }
      return (device.peak.fp32, "fp32")
    case .fp16: return (device.peak.fp16, "fp16")
    default: return (device.peak.fp32, "fp32")
    }
  }
}
