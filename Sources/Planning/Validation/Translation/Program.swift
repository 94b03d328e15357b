import Modeling

/// The program that ran a measured step, as far as a row lets one tell.
enum TrainingProgram: String, CaseIterable, Hashable {
  /// TRL's `SFTTrainer`.
  case trl
  /// Transformers' `Trainer`, or a script on it.
  case trainer
  /// A hand-written loop over Transformers' models, without accelerate.
  case loop
  /// fms-hf-tuning with fms-acceleration, on TRL.
  case fmsTuning
  case swift
  case llamaFactory
  case axolotl
  case unsloth
  case litGPT
  case torchtune
  case megatron
  /// Answer.AI's fsdp_qlora script.
  case fsdpQLoRA

  /// Finds the program by the words of the row's library, then of its source.
  ///
  /// - Returns: the program, and whether anything named it.
  static func of(_ row: Measurement, _ software: SoftwareVersions) -> (program: TrainingProgram, isNamed: Bool) {
    let library = software.words
    // What stands on TRL names TRL too, so that the programs above it are asked for first, in the source as well.
    if let named = named(library) ?? named(FreeText(row.source)) { return (named, true) }
    if library.saysAny("trl", "sfttrainer") { return (.trl, true) }
    let loss = FreeText(row.setting.loss)
    let isTrainer =
      library.saysAny("trainer", "accelerate", "deepspeed", "finetune.py", "finetune py")
      || FreeText(row.setting.computeFormat).says("hf amp") || FreeText(row.setting.optimizer).says("hf default")
    // A loop names the libraries that it calls, and nothing that trains for it.
    if !isTrainer, software.names("transformers"), loss.hasAny("alive", "freed", "zero grad") { return (.loop, true) }
    return (.trainer, isTrainer || software.names("transformers"))
  }

  private static func named(_ words: FreeText) -> TrainingProgram? {
    if words.has("unsloth") { return .unsloth }
    if words.hasAny("litgpt", "lit gpt") { return .litGPT }
    if words.has("torchtune") { return .torchtune }
    if words.hasAny("megatron", "nemo") { return .megatron }
    if words.has("axolotl") { return .axolotl }
    if words.hasAny("llama factory", "llamafactory", "llama efficient tuning") { return .llamaFactory }
    if words.hasAny("ms swift", "modelscope swift") { return .swift }
    if words.says("fsdp qlora") { return .fsdpQLoRA }
    if words.hasAny("fms acceleration", "fms hf tuning") { return .fmsTuning }
    return nil
  }

  /// Whether accelerate's mixed precision is around the model where autocast is on.
  var usesAccelerate: Bool {
    switch self {
    case .trl, .trainer, .fmsTuning, .swift, .llamaFactory, .axolotl, .unsloth: true
    case .loop, .litGPT, .torchtune, .megatron, .fsdpQLoRA: false
    }
  }

  var title: String {
    switch self {
    case .trl: "TRL's SFTTrainer"
    case .trainer: "Transformers' Trainer"
    case .loop: "a hand-written loop over Transformers"
    case .fmsTuning: "fms-hf-tuning on TRL"
    case .swift: "ms-swift"
    case .llamaFactory: "LLaMA-Factory"
    case .axolotl: "axolotl"
    case .unsloth: "Unsloth"
    case .litGPT: "LitGPT"
    case .torchtune: "torchtune"
    case .megatron: "Megatron"
    case .fsdpQLoRA: "fsdp_qlora"
    }
  }
}
