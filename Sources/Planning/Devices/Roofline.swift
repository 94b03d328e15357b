import Bookkeeping
import Modeling

/// How fast a step could run on a device: a range, from what the device can do at most.
///
/// Products run at a share of the device's peak; dequantization and the optimizer's update run at memory bandwidth,
/// since each does next to nothing with a byte.
public struct Roofline: Hashable, Sendable {
  /// Tokens a second, padding included.
  public let low: Double
  public let expected: Double
  public let high: Double
  /// Which efficiencies were taken, a sentence each.
  public let assumptions: [String]

  /// The share of a device's dense peak that a step's products reach, all else between them included.
  ///
  /// Of 59 published bf16 runs on A100 and H100 (mosaicml/llm-foundry, scripts/train/benchmarking/README.md at 8c8dd48)
  /// nine of ten lie between 0.37 and 0.64 of the peak, half of them above 0.49.
  public static let matrixEfficiency = (low: 0.35, expected: 0.5, high: 0.65)
  /// The share of the memory bandwidth that streaming kernels reach.
  ///
  /// Copies on GPUs reach 0.8 to 0.9 of it (Deakin et al. 2018, "Evaluating attainable memory bandwidth of parallel
  /// programming models via BabelStream").
  public static let bandwidthEfficiency = 0.85
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
  init(of plan: Plan, on device: Device) {
    let (rate, format) = Roofline.rate(of: plan.recipe, on: device)
    let products = Double(plan.work.matrixProducts.count)
    let bytes = Roofline.streamedBytes(plan)
    let streaming = bytes / (device.bandwidth * 1e9 * Roofline.bandwidthEfficiency)
    let tokens = Double(plan.recipe.batch.tokensPerStep)
    func tokensPerSecond(_ efficiency: Double) -> Double {
      tokens / (products / (rate * 1e12 * efficiency) + streaming)
    }
    low = tokensPerSecond(Roofline.matrixEfficiency.low)
    expected = tokensPerSecond(Roofline.matrixEfficiency.expected)
    high = tokensPerSecond(Roofline.matrixEfficiency.high)
    assumptions = [
      "products run at 0.35 to 0.65 of \(device.title)'s dense \(format) peak, 0.5 expected",
      "dequantization and optimizer run at 0.85 of its memory bandwidth",
    ]
  }

  /// The rate of the format that products run in.
  ///
  /// Where a device has no units for bf16, products run on those for fp32.
  private static func rate(of recipe: Recipe, on device: Device) -> (Double, String) {
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

  /// Bytes that dequantization and optimizer move in a step.
  ///
  /// A weight's code is read (half a byte), its value written and read again by the product (2 bytes each). An update
  /// reads a gradient and reads and writes a parameter and its states.
  private static func streamedBytes(_ plan: Plan) -> Double {
    let dequantized = plan.work.lines.filter { $0.operation == StepWork.dequantizationName }
    let elements = dequantized.reduce(0.0) { $0 + Double($1.flops.count) / Double(ElementCost.dequantization) }
    let recipe = plan.recipe
    let format = recipe.method.addsParameters ? recipe.adapterFormat : recipe.weightFormat
    let parameter = format.bytesPerElement
    let states = Roofline.stateBytes(recipe.optimizer.kind, parameter: parameter)
    return elements * 4.5 + Double(plan.parameters.trainable) * (3 * parameter + 2 * states)
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
