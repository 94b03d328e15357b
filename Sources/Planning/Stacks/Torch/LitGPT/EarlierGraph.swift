import Bookkeeping
import Modeling

// Shape letters here: b sequences, s tokens of one, H hidden, I intermediate, q width of all queries.

extension TorchModel {
  /// The inputs of 4-bit products that the graph of the micro-batch before still holds.
  ///
  /// Each is a plain attribute of its node, which freeing the graph's buffers in backward leaves alone, and the logits'
  /// name keeps the graph until the next forward pass has ended. Sources: bitsandbytes 0.42 autograd/_functions.py,
  /// `MatMul4Bit.forward`; litgpt/finetune/lora.py, `fit`.
  func openEarlierInputs(_ tape: inout Tape) -> [Tensor] {
    guard policy.choices.keepsPreviousOutputs, policy.choices.fourBitProduct == .keepingInput,
      policy.quantization?.blocks != nil
    else { return [] }
    var inputs: [Tensor] = []
    func open(_ name: String, _ width: Int, _ tape: inout Tape) {
      inputs.append(
        tape.openNamed(name + ".previous", [microBatch, sequence, width], policy.computeFormat, .activations))
    }
    // A product whose input needs no gradient keeps none: below the first adapter nothing does.
    var stream = false
    for layer in 0..<spec.layerCount {
      tape.layer = layer
      func wraps(_ role: Parameter.Linear) -> Bool { weights.layers[layer].linears[role]?.isWrapped ?? false }
      let attends = stream || wraps(.queryKeyValue)
      let middle = attends || wraps(.output)
      let network = spec.normalization.isParallel ? stream : middle
      let product = network || wraps(.gate) || wraps(.up)
      let prefix = "layers.\(layer)."
      if stream { open(prefix + LayerTensor.attentionNormed.rawValue, spec.hiddenSize, &tape) }
      if attends { open(prefix + "context", spec.attention.queryWidth, &tape) }
      if network, weights.layers[layer].norms[.mlp] != nil {
        open(prefix + LayerTensor.mlpNormed.rawValue, spec.hiddenSize, &tape)
      }
      if product { open(prefix + "product", spec.feedForward.intermediateSize, &tape) }
      stream = middle || product || wraps(.down)
    }
    tape.layer = nil
    if stream { open("final_norm", spec.hiddenSize, &tape) }
    return inputs
  }
}
