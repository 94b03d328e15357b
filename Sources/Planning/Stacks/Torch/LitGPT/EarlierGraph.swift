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
    for layer in 0..<spec.layerCount {
      tape.layer = layer
      let norms = weights.layers[layer].norms
      let names = [LayerTensor.attentionNormed] + (norms[.mlp] == nil ? [] : [LayerTensor.mlpNormed])
      for name in names { open("layers.\(layer).\(name.rawValue)", spec.hiddenSize, &tape) }
      open("layers.\(layer).context", spec.attention.queryWidth, &tape)
      open("layers.\(layer).product", spec.feedForward.intermediateSize, &tape)
    }
    tape.layer = nil
    open("final_norm", spec.hiddenSize, &tape)
    return inputs
  }
}
