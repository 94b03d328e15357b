public import Bookkeeping
import Kernels
import Modeling

/// Where the time of a step went, by operation: wall-clock, and the part of it inside matrix products.
public struct StepProfile: Sendable {
  public struct Line: Sendable {
    /// `forward.qkv`, `backward.attention`, `optimizer`.
    public let operation: String
    public fileprivate(set) var seconds: Double
    public fileprivate(set) var productSeconds: Double
  }

  private var current: StepClock.Instant?
  private var started = ContinuousClock.now
  private var productsAtStart = MatrixProductMeter.reading()
  private var totals: [String: Line] = [:]

  public init() {}

  /// In the order of cost.
  public var lines: [Line] { totals.values.sorted { ($0.seconds, $0.operation) > ($1.seconds, $1.operation) } }
  /// Operations done in matrix products.
  public private(set) var productFLOPs = FLOPs.zero
  public var seconds: Double { totals.values.reduce(0) { $0 + $1.seconds } }
  public var productSeconds: Double { totals.values.reduce(0) { $0 + $1.productSeconds } }
  /// The share of the time inside matrix products.
  public var productShare: Double { seconds > 0 ? productSeconds / seconds : 0 }

  /// Books the time since the last call to the operation that ran meanwhile, and starts on the next.
  mutating func enter(_ instant: StepClock.Instant?) {
    let now = ContinuousClock.now
    let products = MatrixProductMeter.reading()
    if let current {
      let (whole, fraction) = (now - started).components
      let seconds = Double(whole) + Double(fraction) * 1e-18
      let name = current.operation
      totals[name, default: Line(operation: name, seconds: 0, productSeconds: 0)].seconds += seconds
      // Wrapping, since the meter is the process's and somebody else may set it back.
      let spent = products.nanoseconds &- productsAtStart.nanoseconds
      totals[name]?.productSeconds += Double(Int64(truncatingIfNeeded: spent)) * 1e-9
      productFLOPs += FLOPs(Int(truncatingIfNeeded: products.flops &- productsAtStart.flops))
    }
    current = instant
    started = now
    productsAtStart = products
  }
}

extension StepClock.Instant {
  /// What runs at this instant, whichever the layer and micro-batch.
  fileprivate var operation: String {
    switch self {
    case .load: return "load"
    case .optimizer: return "optimizer"
    case .zeroGrad: return "zero_grad"
    case .step(let phase, let place, _):
      switch place {
      case .embedding: return "\(phase.rawValue).embedding"
      case .layer(_, let operation): return "\(phase.rawValue).\(operation.rawValue)"
      case .finalNorm: return "\(phase.rawValue).final_norm"
      case .head: return "\(phase.rawValue).head"
      case .loss: return "\(phase.rawValue).loss"
      }
    }
  }
}
