import Modeling

/// The program that ran a measured step, as far as a row lets one tell.
enum TrainingProgram: String, CaseIterable, Hashable {
  /// TRL's `SFTTrainer`.
  case trl
  /// Transformers' `Trainer`, or a script on it.
  case trainer
  /// A hand-written loop over Transformers' models, without accelerate.
  case loop
  /// A loop of its own that takes the loss out of the output at once: GaLore's `torchrun_main.py`, llama-recipes.
  case script
  /// The QLoRA paper's `qlora.py`, on Transformers' `Seq2SeqTrainer`.
  case qloraScript
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
    let source = FreeText(row.source)
    if let named = named(library) ?? named(source) { return (named, true) }
    if library.saysAny("trl", "sfttrainer", "sft trainer") { return (.trl, true) }
    // Sources that are named after the libraries that they measure stand behind what the library column says.
    if library.isEmpty, source.saysAny("trl", "sfttrainer", "sft trainer") { return (.trl, true) }
    let loss = FreeText(row.setting.loss)
    let isTrainer =
      library.saysAny(
        "trainer", "accelerate", "deepspeed", "finetune py", "alpaca lora", "stanford alpaca", "fastchat", "lmflow",
        "run clm", "finetune hf py", "autotrain")
      || FreeText(row.setting.computeFormat).says("hf amp") || FreeText(row.setting.optimizer).says("hf default")
    // A loop names the libraries that it calls, and nothing that trains for it.
    if !isTrainer, software.names("transformers"), loss.hasAny("alive", "freed", "zero grad") { return (.loop, true) }
    return (.trainer, isTrainer || software.names("transformers"))
  }

  private static func named(_ words: FreeText) -> TrainingProgram? {
    if words.has("unsloth") { return .unsloth }
    if words.hasAny("litgpt", "lit gpt", "lit llama") { return .litGPT }
    if words.has("torchtune") { return .torchtune }
    if words.has("megatron") || words.saysAny("nemo", "nemo framework") { return .megatron }
    if words.has("axolotl") { return .axolotl }
    if words.hasAny("llama factory", "llamafactory", "llama efficient tuning", "chatglm efficient tuning") {
      return .llamaFactory
    }
    if words.hasAny("ms swift", "modelscope swift") || words.says("swift") { return .swift }
    if words.says("fsdp qlora") { return .fsdpQLoRA }
    if words.hasAny("fms acceleration", "fms hf tuning") { return .fmsTuning }
    if words.saysAny("qlora py", "artidoro qlora") { return .qloraScript }
    // peft method_comparison/MetaMathQA/run.py, `train`: `outputs` is named until the next step.
    if words.has("method comparison") { return .loop }
    if words.hasAny("torchrun main", "galore", "llama recipes", "llama cookbook", "open instruct") { return .script }
    return nil
  }

  /// Whether accelerate's mixed precision is around the model where autocast is on.
  var usesAccelerate: Bool {
    switch self {
    case .trl, .trainer, .qloraScript, .fmsTuning, .swift, .llamaFactory, .axolotl, .unsloth: true
    case .loop, .script, .litGPT, .torchtune, .megatron, .fsdpQLoRA: false
    }
  }

  var title: String {
    switch self {
    case .trl: "TRL's SFTTrainer"
    case .trainer: "Transformers' Trainer"
    case .loop: "a hand-written loop over Transformers"
    case .script: "a loop of its own over Transformers"
    case .qloraScript: "the QLoRA paper's qlora.py"
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
