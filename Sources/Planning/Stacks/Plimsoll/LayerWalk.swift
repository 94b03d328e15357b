import Bookkeeping
import Modeling

extension EngineWalk {
  /// One decoder layer forward, or again from its checkpoint.
  ///
  /// It keeps for backward only where it is recorded: in a layer that backward comes to, and with checkpointing only
  /// when it is recomputed.
  mutating func forwardLayer(_ index: Int, _ microBatch: Int, as phase: StepClock.Phase) {
    let layer = needs.layers[index]
    let isRecording = layer.takesPart && (phase == .recompute || !recipe.usesGradientCheckpointing)
    let needs = isRecording ? layer : .unrecorded
    for operation in LayerOperation.allCases {
      journal.advance(to: clock[phase, .layer(index, operation), microBatch: microBatch])
      switch operation {
      case .attentionNorm: forwardAttentionNorm(index, needs)
      case .projections: forwardProjections(index, needs, isRecording: isRecording)
      // Turned in place.
      case .rotary: break
      case .attention: forwardAttention(index, needs)
      case .output: forwardOutput(index, needs, isRecording: isRecording)
      case .mlpNorm: forwardMLPNorm(index, needs)
      case .gateUp: forwardGateUp(index, needs, isRecording: isRecording)
      case .activation: forwardActivation(index, needs)
      case .down: forwardDown(index, needs, as: phase, isRecording: isRecording)
      }
    }
  }

  /// One decoder layer backward: its operations in reverse, each closing what it was kept for.
  mutating func backwardLayer(_ index: Int, _ microBatch: Int) {
    let needs = needs.layers[index]
    for operation in LayerOperation.allCases.reversed() {
      journal.advance(to: clock[.backward, .layer(index, operation), microBatch: microBatch])
      switch operation {
      case .down: backwardDown(index, needs)
      case .activation: backwardActivation(needs)
      case .gateUp: backwardGateUp(index, needs)
      case .mlpNorm: backwardMLPNorm(index, needs)
      case .output: backwardOutput(index, needs)
      case .attention: backwardAttention(index, needs)
      // Turned back in place.
      case .rotary: break
      case .projections: backwardProjections(index, needs)
      case .attentionNorm: backwardAttentionNorm(index, needs)
      }
      consumeGradients()
    }
  }
}
