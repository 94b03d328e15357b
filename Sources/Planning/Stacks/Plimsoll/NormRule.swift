import Bookkeeping
import Modeling

// Shape letters here: T tokens, H hidden.

extension EngineWalk {
  /// y = x · w / rms(x) before attention: y `[T, H]` and the reciprocal of rms `[T]`.
  ///
  /// Backward needs x and the reciprocal if x or w needs a gradient; y belongs to the projections that read it.
  mutating func forwardAttentionNorm(_ layer: Int, _ needs: LayerGradients) {
    open(.attentionNormed, of: layer, perToken(hidden))
    open(.attentionReciprocalRMS, of: layer, [tokens], .fp32)
    if !needs.attentionNormed { close(.attentionReciprocalRMS, of: layer) }
  }

  /// The stream's gradient takes the norm's in; below the lowest trained parameter it is not wanted any more.
  mutating func backwardAttentionNorm(_ layer: Int, _ needs: LayerGradients) {
    if needs.trainsNorms { openGradient(spec.normName(.attention, layer: layer), [hidden]) }
    if needs.attentionNormed {
      closeFlow(.attentionNormed)
      close(.attentionReciprocalRMS, of: layer)
    }
    if needs.attentionNormed || streams[layer]?.isCheckpoint == true { closeStream(entering: layer) }
    if !needs.input { closeStreamFlow() }
  }

  /// As before attention, on the stream between attention and feed-forward network.
  mutating func forwardMLPNorm(_ layer: Int, _ needs: LayerGradients) {
    open(.mlpNormed, of: layer, perToken(hidden))
    open(.mlpReciprocalRMS, of: layer, [tokens], .fp32)
    if !needs.mlpNormed { close(.mlpReciprocalRMS, of: layer) }
  }

  mutating func backwardMLPNorm(_ layer: Int, _ needs: LayerGradients) {
    if needs.trainsNorms { openGradient(spec.normName(.mlp, layer: layer), [hidden]) }
    guard needs.mlpNormed else { return }
    closeFlow(.mlpNormed)
    close(.mlpReciprocalRMS, of: layer)
    close(.middle, of: layer)
  }

  /// The norm before the head.
  mutating func forwardFinalNorm() {
    final.normed = journal.open(TensorName.finalNormed, .activations, perToken(hidden), activations)
    final.reciprocalRMS = journal.open(TensorName.finalReciprocalRMS, .activations, [tokens], .fp32)
    if !(needs.lastStream || needs.trainsBase) {
      closeStream(entering: spec.layerCount)
      final.reciprocalRMS.take().map { journal.close($0) }
    }
  }

  /// Opens the one gradient of the stream that goes all the way down, `[T, H]`.
  mutating func backwardFinalNorm() {
    streamFlow = journal.open(
      TensorName.flow(TensorName.hidden), .activations, perToken(hidden), activations)
    if needs.trainsBase { openGradient(spec.normName(.final, layer: nil), [hidden]) }
    final.normedFlow.take().map { journal.close($0) }
    closeStream(entering: spec.layerCount)
    final.reciprocalRMS.take().map { journal.close($0) }
  }

  mutating func closeStream(entering layer: Int) {
    streams[layer].take().map { journal.close($0.id) }
  }

  mutating func closeStreamFlow() {
    streamFlow.take().map { journal.close($0) }
  }
}
