import Bookkeeping
import Kernels
import Modeling
import Training

/// The four tiny models of the golden numbers, and one with query and key norms.
enum TinyModel: String, CaseIterable, Sendable {
  case base, tied, qwen2, llama3rope

  var spec: ModelSpec {
    get throws {
      let isBase = self == .base
      let rope: RotarySpec =
        switch self {
        case .base: RotarySpec(theta: 10_000)
        case .tied: RotarySpec(theta: 100_000)
        case .qwen2: RotarySpec(theta: 1_000_000)
        case .llama3rope:
          RotarySpec(
            theta: 500_000,
            scaling: .llama3(factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalPositions: 64))
        }
      return try ModelSpec(
        name: rawValue, architecture: self == .qwen2 ? .qwen2 : .llama, layerCount: 2, hiddenSize: isBase ? 64 : 32,
        attention: AttentionSpec(
          heads: 4, keyValueHeads: self == .llama3rope ? 1 : 2,
          headDimension: isBase || self == .llama3rope ? 16 : 8, hasProjectionBias: self == .qwen2),
        feedForward: FeedForwardSpec(intermediateSize: isBase ? 172 : 88), vocabularySize: isBase ? 257 : 97,
        tiesEmbeddings: self == .tied || self == .qwen2,
        normalization: Normalization(kind: .rms, epsilon: self == .qwen2 ? 1e-6 : 1e-5), positions: .rotary(rope),
        maximumPositions: 256)
    }
  }
}

/// A recipe for the engine on 2 sequences of 16 tokens, AdamW at 1e-3 with 0.01 decay, as the golden numbers have it.
func engineRecipe(
  _ method: Method.Name, rank: Int = 4, alpha: Double = 8, dropout: Double? = nil, targets: LoRA.Targets? = nil,
  optimizer: Optimizer.Kind = .adamw, microBatch: Int = 2, sequence: Int = 16, accumulation: Int = 1,
  checkpointing: Bool = false, quantization: Quantization? = nil, weights: ScalarFormat = .fp32,
  adapters: ScalarFormat = .fp32, precision: Precision = .pure, loss: LossImplementation = .full, for spec: ModelSpec
) throws -> Recipe {
  var request = RecipeRequest()
  request.stack = .plimsoll
  request.method = method
  if method != .full {
    request.rank = rank
    request.alpha = alpha
    request.loraDropout = dropout
    request.targets = targets
  }
  if let quantization { request.quantization = .some(.some(quantization)) }
  request.optimizer = optimizer
  request.learningRate = 1e-3
  request.weightDecay = 0.01
  request.microBatch = microBatch
  request.sequence = sequence
  request.accumulation = accumulation
  request.usesGradientCheckpointing = checkpointing
  request.weightFormat = weights
  request.adapterFormat = adapters
  request.precision = precision
  request.loss = loss
  return try request.resolved(for: spec).recipe
}

/// Weights from a dictionary, by parameter name.
struct GivenWeights: WeightSource {
  let values: [String: [Float]]

  func fill<W: Number>(_ parameter: Parameter, into target: consuming MutableSpan<W>) throws {
    let given = values[parameter.name] ?? []
    guard given.count == target.count else {
      throw TrainingError.shapeMismatch(name: parameter.name, expected: target.count, given: given.count)
    }
    var target = target
    for index in given.indices { target[index] = W(nearest: given[index]) }
  }
}

/// Tokens of a vocabulary of 97 or more that do not repeat in step with anything.
func variedTokens(_ count: Int) -> [Int32] {
  (0..<count).map { (index: Int) -> Int32 in
    let token: Int = (index * 7 + index / 5) % 97
    return Int32(token)
  }
}
