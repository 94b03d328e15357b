import Modeling

// How head and loss are computed, and what of them stays alive.

extension MeasurementTranslation {
  mutating func readLoss() throws(Refusal) {
    let words = FreeText(row.setting.loss)
    request.loss = .full
    // Code of its own has a loss of its own: the stack's, for the method at hand.
    if program == .litGPT || program == .torchtune || program == .megatron {
      request.loss = nil
      return
    }
    if words.hasAny("cut cross entropy", "cce") {
      throw Refusal(.software, "\(row.setting.loss ?? "") has no rule")
    }
    if words.hasAny(
      "fused linear cross entropy", "flce", "fused ce liger", "fused head", "chunked logprob", "fused linear")
    {
      request.loss = .fused
      if words.has("liger") || program != .trl { choices.fusedHead = program == .unsloth ? .unsloth : .liger }
    } else if words.hasAny(
      "triton fused", "fast loss", "fast cross entropy", "liger cross entropy", "fused cross entropy")
    {
      choices.crossEntropy = program == .unsloth ? .unsloth : .inPlace
    }
    if words.has("chunked") { request.loss = .chunked }
    readLogits(words)
  }

  private mutating func readLogits(_ words: FreeText) {
    if words.hasAny("no upcast", "not upcast", "bf16 logits") { choices.castsLogits = false }
    if words.hasAny("gradients kept between steps", "set to none false") { choices.keepsGradients = true }
    if program == .fsdpQLoRA
      || words.hasAny("outputs object alive", "outputs alive", "outputs kept", "freed before the optimizer")
    {
      choices.keepsOutputs = true
    } else if words.hasAny("freed", "dropped", "deleted") || program != .loop {
      choices.keepsOutputs = false
    }
    if request.precision == .autocast { choices.convertsOutputs = program.usesAccelerate }
  }
}
