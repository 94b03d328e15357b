// Shape letters here: T tokens, H hidden, q and k query and key/value widths, I intermediate, B batch, A heads, S sequence.

/// What one decoder layer keeps between its forward and its backward.
///
/// Forward fills it, backward reads it and closes each tensor at its last use. What a layer doesn't need stays closed.
/// Statistics are fp32 whatever activations are stored in.
final class LayerTape<X: StoredNumber> {
  /// The stream that enters the layer, `[T, H]`; with gradient checkpointing all that is kept of the layer.
  var input = Tensor<X>()
  var attentionNormed = Tensor<X>()  // [T, H]
  var attentionReciprocalRMS = Tensor<Float>()  // [T]
  var query = Tensor<X>()  // [T, q]
  var key = Tensor<X>()  // [T, k]
  var value = Tensor<X>()  // [T, k]
  // Only of models that normalize queries and keys.
  var queryNormed = Tensor<X>()  // [T, q]
  var keyNormed = Tensor<X>()  // [T, k]
  var queryReciprocalRMS = Tensor<Float>()  // [T·A]
  var keyReciprocalRMS = Tensor<Float>()
  var context = Tensor<X>()  // [T, q]
  var logsumexp = Tensor<Float>()  // [B, A, S]
  var middle = Tensor<X>()  // [T, H]
  var mlpNormed = Tensor<X>()  // [T, H]
  var mlpReciprocalRMS = Tensor<Float>()  // [T]
  /// The gate's projection; its gradient, once backward has passed the activation.
  var gate = Tensor<X>()  // [T, I]
  var up = Tensor<X>()  // [T, I]
  var product = Tensor<X>()  // [T, I]

  let queryAdapter = LoRATape<X>()
  let keyAdapter = LoRATape<X>()
  let valueAdapter = LoRATape<X>()
  let outputAdapter = LoRATape<X>()
  let gateAdapter = LoRATape<X>()
  let upAdapter = LoRATape<X>()
  let downAdapter = LoRATape<X>()
}
