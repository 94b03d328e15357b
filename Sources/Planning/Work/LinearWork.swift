import Bookkeeping
import Modeling

// Shape letters here: T tokens, r rank.

extension StepWork {
  /// A linear layer of the decoder with its bias, its dequantization and its adapter.
  mutating func linear(
    _ role: Parameter.Linear, _ phase: WorkSheet.Phase, inputNeedsGradient: Bool, _ training: LayerTraining
  ) {
    let module = spec.module(role, layer: 0)
    // The engine's recomputation ends before the last product of a layer, whose result nothing reads.
    let runsBase = !(phase == .recompute && role == .down && recipe.stack == .plimsoll)
    if runsBase {
      product(
        role.rawValue, phase, rows: tokens, input: module.input, output: module.output,
        inputNeedsGradient: inputNeedsGradient, trains: training.weights.contains(role))
      dequantization(phase, module.input * module.output, inputNeedsGradient: inputNeedsGradient)
      let trainsBias = training.biases.contains(role)
      if module.hasBias, phase != .backward || trainsBias {
        book.elements(
          role.rawValue, phase, share(trains: trainsBias), tokens * module.output, cost: ElementCost.bias)
      }
    }
    if training.wrapped.contains(role) { wrapping(module, phase, inputNeedsGradient: inputNeedsGradient) }
  }

  /// y = x·Wᵀ; in backward dx = dy·W where the input needs it and dW = dyᵀ·x where the weight trains.
  mutating func product(
    _ name: String, _ phase: WorkSheet.Phase, rows: Int, input: Int, output: Int, inputNeedsGradient: Bool,
    trains: Bool
  ) {
    guard phase == .backward else {
      book.product(name, phase, share(trains: trains), rows, output, input)
      return
    }
    if inputNeedsGradient { book.product(name, .backward, share(trains: trains), rows, input, output) }
    if trains { book.product(name, .backward, .trained, output, input, rows) }
  }

  package static let dequantizationName = "dequantization"

  /// A quantized weight made whole: once a product with it, so once for each of forward, recomputation and the
  /// input's gradient.
  ///
  /// LLM.int8() multiplies codes and scales its result forward, and makes the weight whole only in backward (Dettmers
  /// et al. 2022, section 2, <https://arxiv.org/abs/2208.07339>).
  mutating func dequantization(_ phase: WorkSheet.Phase, _ count: Int, inputNeedsGradient: Bool) {
    guard let quantization = recipe.method.quantization, phase != .backward || inputNeedsGradient else { return }
    book.elements(StepWork.dequantizationName, phase, .frozen, count, cost: ElementCost.dequantization)
    guard let blocks = quantization.blocks, blocks.isDouble else { return }
    let scales = (count + blocks.blockSize - 1) / blocks.blockSize
    book.elements(StepWork.dequantizationName, phase, .frozen, scales, cost: ElementCost.nestedAbsmax)
  }

  /// The two products of an adapter, B·(A·x).
  ///
  /// Forward takes 2·T·r·(in + out) operations. Backward has A's and B's gradients and that of A·x, and the input's where
  /// it needs one: 2·T·r·(in + 2·out), or 4·T·r·(in + out).
  mutating func adapter(
    _ adapter: LoRA, on module: LinearModule, _ phase: WorkSheet.Phase, inputNeedsGradient: Bool
  ) {
    let name = "lora"
    let rank = adapter.rank
    if phase == .backward {
      book.product(name, .backward, .trained, module.output, rank, tokens)
      book.product(name, .backward, .trained, tokens, rank, module.output)
      book.product(name, .backward, .trained, rank, module.input, tokens)
      if inputNeedsGradient { book.product(name, .backward, .trained, tokens, module.input, rank) }
    } else {
      book.product(name, phase, .trained, tokens, rank, module.input)
      book.product(name, phase, .trained, tokens, module.output, rank)
    }
    if adapter.dropout > 0, phase != .backward || inputNeedsGradient {
      book.elements("lora dropout", phase, .weightless, tokens * module.input, cost: ElementCost.dropout)
    }
  }
}
