import Bookkeeping
import Modeling

// Shape letters here: T tokens, r rank.

extension EngineWalk {
  /// y = x·Wᵀ + s·B·A·drop(x), y being opened by the operation.
  ///
  /// A frozen weight keeps nothing, and a quantized one borrows nothing either: it is decoded inside the product. An
  /// adapter keeps A·x, `[T, r]`, which B's gradient needs; with dropout also the mask, `[T, in]` bytes, from which
  /// backward makes the dropped input again. The input itself is the operation's to keep.
  mutating func forwardLinear(_ role: Parameter.Linear, of layer: Int, isRecording: Bool) {
    guard let module = modules[layer][role] else { return }
    forwardAdapter(module, role, isRecording: isRecording)
  }

  /// The adapter's share of a linear layer's forward.
  mutating func forwardAdapter(_ module: EngineModule, _ role: Parameter.Linear, isRecording: Bool) {
    guard let adapter = module.adapter else { return }
    let input = perToken(module.module.input)
    var mask: Journal.ID?
    var dropped: Journal.ID?
    if adapter.dropout > 0 {
      mask = journal.open(module.maskName, .activations, input, .uint8)
      dropped = journal.open(module.droppedName, .activations, input, .fp32)
    }
    let down = journal.open(module.loraDownName, .activations, perToken(adapter.rank), .fp32)
    if let dropped { journal.close(dropped) }
    if isRecording {
      kept[module.layer][role] = AdapterTensors(down: down, mask: mask)
    } else {
      journal.close(down)
      if let mask { journal.close(mask) }
    }
  }

  /// The gradients of a linear layer's input and parameters, the input's being opened by the operation.
  ///
  /// The input's gradient takes W once more, and borrows as little. A trained weight's gradient comes with the first
  /// micro-batch and stays; so do A's and B's. In between, the gradient of A·x is there, and with dropout the dropped
  /// input, then its gradient.
  mutating func backwardLinear(_ role: Parameter.Linear, of layer: Int, inputNeedsGradient: Bool) {
    guard let module = modules[layer][role] else { return }
    if module.weightTrains {
      openGradient(module.weightName, module.weightShape)
      if module.module.hasBias { openGradient(module.biasName, [module.module.output]) }
    }
    guard let adapter = module.adapter, let tensors = kept[layer].removeValue(forKey: role) else { return }
    let downFlow = journal.open(
      TensorName.flow(module.loraDownName), .activations, perToken(adapter.rank), .fp32)
    openGradient(module.loraBName, module.loraBShape(adapter))
    journal.close(tensors.down)
    if let mask = tensors.mask {
      let input = perToken(module.module.input)
      let dropped = journal.open(module.droppedName, .activations, input, .fp32)
      openGradient(module.loraAName, module.loraAShape(adapter))
      journal.close(dropped)
      if inputNeedsGradient { borrow(TensorName.flow(module.droppedName), .activations, input) }
      journal.close(mask)
    } else {
      openGradient(module.loraAName, module.loraAShape(adapter))
    }
    journal.close(downFlow)
  }
}
