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
    } else {
      choices.preparesForKbitTraining = program.preparesForKbitTraining
      assume(
        "\(program.title) \(program.preparesForKbitTraining ? "calls" : "does not call") "
          + "prepare_model_for_kbit_training")
    }
  }
}

extension TrainingProgram {
  /// Whether everything that is not quantized goes to fp32 before training.
  ///
  /// TRL did so up to 0.2x (trl/trainer/sft_trainer.py), ms-swift does (swift/llm/sft.py), and PEFT's guides tell scripts
  /// to.
  var preparesForKbitTraining: Bool {
    switch self {
    case .trl, .trainer, .loop, .swift, .axolotl, .fmsTuning: true
    case .llamaFactory, .unsloth, .litGPT, .torchtune, .megatron, .fsdpQLoRA: false
    }
  }
}
