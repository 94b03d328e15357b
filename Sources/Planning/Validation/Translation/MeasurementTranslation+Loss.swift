import Modeling

// How head and loss are computed, and what of them stays alive.

extension MeasurementTranslation {
  mutating func readLoss() throws(Refusal) {
    let words = FreeText(row.setting.loss)
    request.loss = .full
    if words.hasAny("chunked lm head", "chunked head") {
      throw Refusal(.software, "\(row.setting.loss ?? ""): a head in chunks with an autograd of its own has no rule")
    }
    if words.hasAny("fused linear cross entropy", "flce", "cut cross entropy", "cce", "fused ce liger") {
      throw Refusal(.software, "\(row.setting.loss ?? "") has no rule")
    }
    if words.hasAny("triton fused", "fast loss", "fast cross entropy") {
      throw Refusal(.software, "\(row.setting.loss ?? "") has no rule")
    }
    if words.has("chunked") { request.loss = .chunked }
    readLogits(words)
  }

  private mutating func readLogits(_ words: FreeText) {
    let transformers = software["transformers"]
    // transformers/loss/loss_utils.py, `ForCausalLMLoss`: labels are padded since 4.50; before it, and in every model's
    // forward up to 4.45, logits were copied without each sequence's last row.
    let isOld = transformers.map { $0 < SoftwareVersions.Version(4, 50) } ?? isBeforePaddedLabels
    choices.copiesShiftedLogits = isOld
    if isOld, transformers == nil {
      assume("loss: logits are copied without their last row, as Transformers did before 4.50")
    }
    choices.keepsOutputs = words.hasAny("outputs object alive", "outputs alive", "outputs kept")
    if request.precision == .autocast { choices.convertsOutputs = program.usesAccelerate }
  }

  /// Transformers 4.50 is of March 2025.
  private var isBeforePaddedLabels: Bool { software.date.map { $0 < 202503 } ?? false }
}
