/// What turns gradients into updates, with its settings.
public struct Optimizer: Hashable, Sendable {
  /// How an update walks over the parameters (torch.optim's `fused` and `foreach`).
  public enum Implementation: String, CaseIterable, Hashable, Sendable, Codable {
    /// One kernel for everything.
    case fused
    /// One operation over all parameters after the other, with temporaries as large as they.
    case foreach
    /// One parameter after the other.
    case single
  }

  public let kind: Kind
  public let implementation: Implementation
  public let learningRate: Double
  public let beta1: Double
  public let beta2: Double
  public let epsilon: Double
  public let weightDecay: Double
  /// Momentum of ``Kind/sgdMomentum``.
  public let momentum: Double
  /// Rank of the projections of GaLore and APOLLO; the Trainer's `optim_args` say `rank=128` unless told otherwise.
  public let rank: Int

  public init(
    kind: Kind, implementation: Implementation = .fused, learningRate: Double, beta1: Double = 0.9,
    beta2: Double = 0.999, epsilon: Double = 1e-8,
    weightDecay: Double = 0, momentum: Double = 0.9, rank: Int = Optimizer.defaultRank
  ) throws(RecipeError) {
    guard learningRate.isFinite, learningRate >= 0 else {
      throw .outOfRange("learning-rate", "\(learningRate)", "a number from 0 up")
    }
    guard (0..<1).contains(beta1), (0..<1).contains(beta2) else {
      throw .outOfRange("betas", "\(beta1), \(beta2)", "at least 0 and below 1")
    }
    guard epsilon.isFinite, epsilon > 0 else { throw .outOfRange("epsilon", "\(epsilon)", "a positive number") }
    guard weightDecay.isFinite, weightDecay >= 0 else {
      throw .outOfRange("weight-decay", "\(weightDecay)", "a number from 0 up")
    }
    guard (0..<1).contains(momentum) else { throw .outOfRange("momentum", "\(momentum)", "at least 0 and below 1") }
    guard (1...65536).contains(rank) else { throw .outOfRange("optimizer-rank", "\(rank)", "between 1 and 65536") }
    self.kind = kind
    self.implementation = implementation
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.momentum = momentum
    self.rank = rank
  }

  /// transformers/trainer_optimizer.py, `_get_galore_optimizer` and `_get_apollo_optimizer`.
  public static let defaultRank = 128
}
