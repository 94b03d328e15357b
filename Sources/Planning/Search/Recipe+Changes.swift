package import Bookkeeping
package import Modeling

/// What a search may change about a recipe; what stays `nil` stays as it is.
package struct RecipeChange: Hashable, Sendable {
  package var method: Method?
  package var weightFormat: ScalarFormat?
  package var adapterFormat: ScalarFormat?
  package var optimizer: Optimizer.Kind?
  package var implementation: Optimizer.Implementation?
  package var microBatch: Int?
  package var sequence: Int?
  package var accumulation: Int?
  package var usesGradientCheckpointing: Bool?
  package var attention: AttentionImplementation?
  package var loss: LossImplementation?
  package var parallelism: Parallelism?
  package var runtime: RuntimeSettings?

  package init(
    method: Method? = nil, weightFormat: ScalarFormat? = nil, adapterFormat: ScalarFormat? = nil,
    optimizer: Optimizer.Kind? = nil, implementation: Optimizer.Implementation? = nil, microBatch: Int? = nil,
    sequence: Int? = nil, accumulation: Int? = nil, usesGradientCheckpointing: Bool? = nil,
    attention: AttentionImplementation? = nil, loss: LossImplementation? = nil, parallelism: Parallelism? = nil,
    runtime: RuntimeSettings? = nil
  ) {
    self.method = method
    self.weightFormat = weightFormat
    self.adapterFormat = adapterFormat
    self.optimizer = optimizer
    self.implementation = implementation
    self.microBatch = microBatch
    self.sequence = sequence
    self.accumulation = accumulation
    self.usesGradientCheckpointing = usesGradientCheckpointing
    self.attention = attention
    self.loss = loss
    self.parallelism = parallelism
    self.runtime = runtime
  }
}

extension Recipe {
  /// The recipe with `change` made to it, or `nil` if there is no such recipe.
  package func changed(_ change: RecipeChange) -> Recipe? {
    do {
      return try Recipe(
        method: change.method ?? method, weightFormat: change.weightFormat ?? weightFormat,
        adapterFormat: change.adapterFormat ?? adapterFormat, precision: precision,
        optimizer: optimizer.changed(to: change.optimizer, change.implementation),
        batch: BatchShape(
          microBatch: change.microBatch ?? batch.microBatch, sequence: change.sequence ?? batch.sequence,
          accumulation: change.accumulation ?? batch.accumulation, lengths: batch.lengths),
        usesGradientCheckpointing: change.usesGradientCheckpointing ?? usesGradientCheckpointing,
        attention: change.attention ?? attention, loss: change.loss ?? loss, stack: stack,
        choices: choices, parallelism: change.parallelism ?? parallelism, runtime: change.runtime ?? runtime)
    } catch {
      return nil
    }
  }

  /// The recipe with no more micro-batches than `limit`.
  func withAccumulation(atMost limit: Int) -> Recipe {
    guard batch.accumulation > limit else { return self }
    return changed(RecipeChange(accumulation: limit)) ?? self
  }
}

extension Optimizer {
  /// The same settings for another optimizer or another walk; they were checked when this one was made.
  fileprivate func changed(to kind: Kind?, _ implementation: Implementation?) -> Optimizer {
    guard kind != nil || implementation != nil else { return self }
    do {
      return try Optimizer(
        kind: kind ?? self.kind, implementation: implementation ?? self.implementation, learningRate: learningRate,
        beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay, momentum: momentum, rank: rank)
    } catch {
      return self
    }
  }
}
