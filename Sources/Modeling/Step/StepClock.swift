public import Bookkeeping

/// The order of a training step: the clock that planner and engine both write their books by.
///
/// A step is `load`, then for each micro-batch forward, loss and backward, then `optimizer` and `zero_grad`. Every
/// operation of every layer is a moment of its own. With gradient checkpointing the forward operations of the layers that
/// share a checkpoint come again, as `recompute`, right before their backward.
public struct StepClock: Hashable, Sendable {
  public let clock: Clock
  /// What every moment of the clock is, in order.
  public let instants: [Instant]
  private let moments: [Instant: Moment]

  public init(layers: Int, accumulation: Int, usesGradientCheckpointing: Bool, layersPerCheckpoint: Int = 1) {
    var instants: [Instant] = [.load]
    for microBatch in 0..<accumulation {
      func add(_ phase: Phase, _ place: Place) { instants.append(.step(phase, place, microBatch: microBatch)) }
      add(.forward, .embedding)
      for layer in 0..<layers {
        for operation in LayerOperation.allCases { add(.forward, .layer(layer, operation)) }
      }
      for place in [Place.finalNorm, .head, .loss] { add(.forward, place) }
      for place in [Place.loss, .head, .finalNorm] { add(.backward, place) }
      for first in stride(from: 0, to: layers, by: layersPerCheckpoint).reversed() {
        let segment = first..<min(first + layersPerCheckpoint, layers)
        if usesGradientCheckpointing {
          for layer in segment {
            for operation in LayerOperation.allCases { add(.recompute, .layer(layer, operation)) }
          }
        }
        for layer in segment.reversed() {
          for operation in LayerOperation.allCases.reversed() { add(.backward, .layer(layer, operation)) }
        }
      }
      add(.backward, .embedding)
    }
    instants += [.optimizer, .zeroGrad]
    clock = Clock(labels: instants.map { $0.label(isAccumulating: accumulation > 1) })
    moments = Dictionary(uniqueKeysWithValues: instants.enumerated().map { ($1, Moment($0)) })
    self.instants = instants
  }

  public init(spec: ModelSpec, recipe: Recipe) {
    self.init(
      layers: spec.layerCount, accumulation: recipe.batch.accumulation,
      usesGradientCheckpointing: recipe.usesGradientCheckpointing,
      layersPerCheckpoint: recipe.choices.layersPerCheckpoint)
  }

  public enum Phase: String, CaseIterable, Hashable, Sendable { case forward, recompute, backward }

  /// Where in the model an operation stands.
  public enum Place: Hashable, Sendable {
    case embedding
    case layer(Int, LayerOperation)
    case finalNorm, head, loss
  }

  /// One instant of the step.
  public enum Instant: Hashable, Sendable {
    /// Weights, optimizer states and whatever else is there before the first token.
    case load
    case step(Phase, Place, microBatch: Int)
    case optimizer
    /// Gradients are given back.
    case zeroGrad
  }

  /// The moment of an instant that this clock has.
  public subscript(instant: Instant) -> Moment {
    guard let moment = moments[instant] else { preconditionFailure("\(instant) is not on this clock") }
    return moment
  }

  public subscript(phase: Phase, place: Place, microBatch microBatch: Int) -> Moment {
    self[.step(phase, place, microBatch: microBatch)]
  }
}

/// The operations of a decoder layer, in forward order.
public enum LayerOperation: String, CaseIterable, Hashable, Sendable {
  case attentionNorm = "attention_norm"
  /// The projections to queries, keys and values, and their norms where a model has them.
  case projections = "qkv"
  case rotary
  case attention
  /// The projection out of attention, with the residual sum.
  case output
  case mlpNorm = "mlp_norm"
  case gateUp = "gate_up"
  case activation
  /// The projection back to the hidden size, with the residual sum.
  case down
}

extension StepClock.Instant {
  fileprivate func label(isAccumulating: Bool) -> String {
    switch self {
    case .load: return "load"
    case .optimizer: return "optimizer"
    case .zeroGrad: return "zero_grad"
    case .step(let phase, let place, let microBatch):
      let prefix = isAccumulating ? "micro_batch.\(microBatch)." : ""
      return prefix + "\(phase.rawValue).\(place.label)"
    }
  }
}

extension StepClock.Place {
  fileprivate var label: String {
    switch self {
    case .embedding: "embedding"
    case .layer(let index, let operation): "layer.\(index).\(operation.rawValue)"
    case .finalNorm: "final_norm"
    case .head: "head"
    case .loss: "loss"
    }
  }
}
