import Bookkeeping
import Modeling

// Shape letters here: T tokens, K input width, N output width, r rank, w width of a block.

extension StepWork {
  /// What a method computes around a linear layer.
  mutating func wrapping(_ module: LinearModule, _ phase: WorkSheet.Phase, inputNeedsGradient: Bool) {
    switch recipe.method {
    case .lora(let lora), .qlora(let lora, _):
      adapter(lora, on: module, phase, inputNeedsGradient: inputNeedsGradient)
      if lora.decomposesWeights { decomposition(lora, on: module, phase) }
    case .wrapped(let wrapper, _): wrapped(wrapper, module, phase, inputNeedsGradient: inputNeedsGradient)
    case .full, .partial, .prompted: break
    }
  }

  /// DoRA makes B·A whole through an identity [K, K], adds it to the weight and takes the norms of the rows; backward
  /// has products of the results alone.
  private mutating func decomposition(_ lora: LoRA, on module: LinearModule, _ phase: WorkSheet.Phase) {
    let isBackward = phase == .backward
    if !isBackward {
      book.product("dora", phase, .trained, module.input, lora.rank, module.input)
      book.product("dora", phase, .trained, module.input, module.output, lora.rank)
      book.elements(
        "dora", phase, .trained, module.input * module.output, cost: ElementCost.weightNorm)
    }
    book.elements("dora", phase, .trained, tokens * module.output, cost: isBackward ? 6 : 4)
  }

  private mutating func wrapped(
    _ wrapper: Wrapper, _ module: LinearModule, _ phase: WorkSheet.Phase, inputNeedsGradient: Bool
  ) {
    let isBackward = phase == .backward
    let (input, output) = (module.input, module.output)
    switch wrapper {
    case .lnTuning: break
    case .ia3:
      let width = IA3.scalesInput(of: module) ? input : output
      book.elements("ia3", phase, .trained, tokens * width, cost: isBackward ? 3 : 1)
    case .vera(let vera):
      factors("vera", [input, vera.rank, output], phase, inputNeedsGradient: inputNeedsGradient, trains: false)
      book.elements("vera", phase, .trained, tokens * (vera.rank + output), cost: isBackward ? 3 : 1)
    case .adalora(let adalora):
      factors(
        "adalora", [input, adalora.rank, output], phase, inputNeedsGradient: inputNeedsGradient, trains: true)
    case .oft(let oft):
      let size = oft.blockSize(of: module)
      let blocks = oft.blocks(of: module)
      // All blocks at once: their products have as many operations as one with so many rows.
      product(
        "oft", phase, rows: blocks * tokens, input: size, output: size, inputNeedsGradient: inputNeedsGradient,
        trains: true)
      // Three powers of the generator, both of whose factors need gradients.
      for _ in 0..<3 {
        product("oft", phase, rows: blocks * size, input: size, output: size, inputNeedsGradient: true, trains: true)
      }
    case .boft:
      product(
        "boft", phase, rows: tokens, input: input, output: input, inputNeedsGradient: inputNeedsGradient,
        trains: true)
      for _ in 0..<3 {
        product("boft", phase, rows: input, input: input, output: input, inputNeedsGradient: true, trains: false)
      }
      book.elements("boft", phase, .trained, tokens * output, cost: isBackward ? 3 : 1)
    case .loha(let loha):
      // Backward makes both products again, and each factor's gradient.
      for _ in 0..<(isBackward ? 6 : 2) { book.product("loha", phase, .trained, output, input, loha.rank) }
      changeProduct("loha", module, phase, inputNeedsGradient: inputNeedsGradient)
    case .lokr(let lokr):
      let large = lokr.factorShapes(of: module).large.extents
      if lokr.isLargeFactored(of: module) {
        book.product("lokr", phase, .trained, large[0], large[1], (isBackward ? 2 : 1) * lokr.rank)
      }
      book.elements("lokr", phase, .trained, input * output, cost: isBackward ? 5 : 2)
      changeProduct("lokr", module, phase, inputNeedsGradient: inputNeedsGradient)
    }
  }

  /// A chain of products, each with a trained or fixed right side.
  private mutating func factors(
    _ name: String, _ widths: [Int], _ phase: WorkSheet.Phase, inputNeedsGradient: Bool, trains: Bool
  ) {
    for (index, (from, to)) in zip(widths, widths.dropFirst()).enumerated() {
      product(
        name, phase, rows: tokens, input: from, output: to, inputNeedsGradient: index > 0 || inputNeedsGradient,
        trains: trains)
    }
  }

  /// The input times a whole change of weight.
  private mutating func changeProduct(
    _ name: String, _ module: LinearModule, _ phase: WorkSheet.Phase, inputNeedsGradient: Bool
  ) {
    product(
      name, phase, rows: tokens, input: module.input, output: module.output,
      inputNeedsGradient: inputNeedsGradient, trains: true)
  }
}
