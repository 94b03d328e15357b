import Modeling

// What else the program does to the model before it trains.

extension MeasurementTranslation {
  mutating func readSoftware() {
    guard case .some(.some) = request.quantization else { return }
    let compute = FreeText(row.setting.computeFormat)
    let text = FreeText([row.setting.computeFormat, row.notes].compactMap(\.self).joined(separator: " "))
    if text.hasAny("no prepare", "without prepare", "not prepared") {
      choices.preparesForKbitTraining = false
    } else if compute.hasAny("prepare model for kbit", "upcast to fp32") || text.has("prepare model for kbit") {
      choices.preparesForKbitTraining = true
      choices.castsTablesBack = false
    } else if program == .fmsTuning, FreeText(row.source).says("baseline peft bnb"), (row.setting.gpus ?? 1) == 1 {
      // `no_peft_model` leaves the preparation to TRL, which does without it where weights are to be divided
      // (fms_acceleration_peft/framework_plugin_bnb.py; trl 0.13, trainer/sft_trainer.py, `is_sharded_qlora`).
      choices.preparesForKbitTraining = true
      choices.castsTablesBack = true
      assume("the benchmark's baseline prepares for k-bit training as TRL does")
    } else {
      let isPrepared = choices.preparesForKbitTraining
      assume(
        "\(program.title) \(isPrepared ? "calls" : "does not call") prepare_model_for_kbit_training, or undoes it")
    }
  }
}
