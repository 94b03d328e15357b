import Bookkeeping
import Modeling

// Shape letters here: T tokens, H hidden, I intermediate.

extension EngineWalk {
  private var intermediate: Int { spec.feedForward.intermediateSize }

  /// Gate and up, `[T, I]` each, from the normed stream, which stays if either trains.
  mutating func forwardGateUp(_ layer: Int, _ needs: LayerGradients, isRecording: Bool) {
    open(.gate, of: layer, perToken(intermediate))
    forwardLinear(.gate, of: layer, isRecording: isRecording)
    open(.up, of: layer, perToken(intermediate))
    forwardLinear(.up, of: layer, isRecording: isRecording)
    if needs.trained.isDisjoint(with: [.gate, .up]) { close(.mlpNormed, of: layer) }
  }

  /// The gradients of gate and up lie where gate and up were.
  mutating func backwardGateUp(_ layer: Int, _ needs: LayerGradients) {
    if needs.mlpNormed { openFlow(.mlpNormed, of: layer, perToken(hidden)) }
    if needs.gate { backwardLinear(.gate, of: layer, inputNeedsGradient: needs.mlpNormed) }
    if needs.product { close(.gate, of: layer) }
    if needs.up { backwardLinear(.up, of: layer, inputNeedsGradient: needs.mlpNormed) }
    if needs.product { close(.up, of: layer) }
    if !needs.trained.isDisjoint(with: [.gate, .up]) { close(.mlpNormed, of: layer) }
  }

  /// silu(gate)·up, `[T, I]`: gate and up stay if the product needs a gradient, silu(gate) is made again.
  mutating func forwardActivation(_ layer: Int, _ needs: LayerGradients) {
    open(.product, of: layer, perToken(intermediate))
    guard !needs.product else { return }
    close(.gate, of: layer)
    close(.up, of: layer)
  }

  /// Overwrites gate and up with their gradients.
  mutating func backwardActivation(_ needs: LayerGradients) {
    if needs.product { closeFlow(.product) }
  }

  /// The projection back to the hidden size and the residual sum, `[T, H]`: the stream that leaves the layer.
  ///
  /// The last layer of a recomputation stops short of the product: nothing after it is looked at again but what the adapter keeps.
  mutating func forwardDown(_ layer: Int, _ needs: LayerGradients, as phase: StepClock.Phase, isRecording: Bool) {
    if phase == .recompute, endsSegment(layer) {
      if let module = modules[layer][.down] { forwardAdapter(module, .down, isRecording: isRecording) }
    } else {
      openStream(leaving: layer)
      forwardLinear(.down, of: layer, isRecording: isRecording)
    }
    if !needs.trained.contains(.down) { close(.product, of: layer) }
    if !needs.mlpNormed { close(.middle, of: layer) }
  }

  mutating func backwardDown(_ layer: Int, _ needs: LayerGradients) {
    if needs.product { openFlow(.product, of: layer, perToken(intermediate)) }
    backwardLinear(.down, of: layer, inputNeedsGradient: needs.product)
    if needs.trained.contains(.down) { close(.product, of: layer) }
  }
}
