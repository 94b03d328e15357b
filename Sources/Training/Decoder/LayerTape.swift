// Shape letters here: T tokens, H hidden, q and k query and key/value widths, I intermediate, B batch, A heads, S sequence.

/// What one decoder layer keeps between its forward and its backward.
///
/// Forward fills it, backward reads it and closes each tensor at its last use. What a layer doesn't need stays closed.
final class LayerTape {
  /// The stream that enters the layer, `[T, H]`; with gradient checkpointing all that is kept of the layer.
  var input = Tensor<Float>()
  var attentionNormed = Tensor<Float>()  // [T, H]
  var attentionReciprocalRMS = Tensor<Float>()  // [T]
  var query = Tensor<Float>()  // [T, q]
  var key = Tensor<Float>()  // [T, k]
  var value = Tensor<Float>()  // [T, k]
  // Only of models that normalize queries and keys.
  var queryNormed = Tensor<Float>()  // [T, q]
  var keyNormed = Tensor<Float>()  // [T, k]
  var queryReciprocalRMS = Tensor<Float>()  // [T·A]
  var keyReciprocalRMS = Tensor<Float>()
  var context = Tensor<Float>()  // [T, q]
  var logsumexp = Tensor<Float>()  // [B, A, S]
  var middle = Tensor<Float>()  // [T, H]
  var mlpNormed = Tensor<Float>()  // [T, H]
  var mlpReciprocalRMS = Tensor<Float>()  // [T]
  /// The gate's projection; its gradient, once backward has passed the activation.
  var gate = Tensor<Float>()  // [T, I]
  var up = Tensor<Float>()  // [T, I]
  var product = Tensor<Float>()  // [T, I]

  let queryAdapter = LoRAAdapter.Tape()
  let keyAdapter = LoRAAdapter.Tape()
  let valueAdapter = LoRAAdapter.Tape()
  let outputAdapter = LoRAAdapter.Tape()
  let gateAdapter = LoRAAdapter.Tape()
  let upAdapter = LoRAAdapter.Tape()
  let downAdapter = LoRAAdapter.Tape()
}
