import Bookkeeping
import Modeling

/// What the libraries under a program do at the versions that a row states.
enum SoftwareDefaults {
  typealias Version = SoftwareVersions.Version

  /// The version of Transformers: stated, or the one of the month that the library's date names.
  static func transformers(_ software: SoftwareVersions) -> (version: Version, assumption: String?) {
    if let version = software["transformers"] { return (version, nil) }
    guard let date = software.date else {
      return (Version(5, 0), "software: Transformers 5, since no version is stated")
    }
    // The newest release of that month, by the dates on PyPI.
    let version = releases.last { $0.month <= date }?.version ?? Version(4, 30)
    return (version, "software: Transformers \(version), the newest of the stated date")
  }

  private static let releases: [(month: Int, version: Version)] = [
    (202306, Version(4, 30)), (202307, Version(4, 31)), (202308, Version(4, 32)), (202309, Version(4, 33)),
    (202310, Version(4, 34)), (202311, Version(4, 35)), (202312, Version(4, 36)), (202401, Version(4, 37)),
    (202403, Version(4, 38)), (202404, Version(4, 40)), (202405, Version(4, 41)), (202406, Version(4, 42)),
    (202407, Version(4, 43)), (202408, Version(4, 44)), (202409, Version(4, 45)), (202410, Version(4, 46)),
    (202412, Version(4, 47)), (202501, Version(4, 48)), (202502, Version(4, 49)), (202503, Version(4, 50)),
    (202504, Version(4, 51)), (202505, Version(4, 52)), (202506, Version(4, 53)), (202507, Version(4, 54)),
    (202508, Version(4, 55)), (202509, Version(4, 56)), (202510, Version(4, 57)), (202512, Version(5, 0)),
  ]

  /// The stack's choices, with those of the library at its version.
  ///
  /// Sources: transformers/loss/loss_utils.py, `ForCausalLMLoss`, pads labels since 4.49; models/llama/modeling_llama.py
  /// returned fp32 logits up to 4.45; integrations/sdpa_attention.py lays operands out anew from 4.48 to 4.56 and knows
  /// groups since 4.54; modeling_utils.py, `gradient_checkpointing_enable`, re-enters up to 4.57.
  static func choices(
    of stack: Stack, program: TrainingProgram, transformers: Version, _ software: SoftwareVersions
  ) -> StackChoices {
    stack.choices.with { choices in
      choices.returnsCastLogits = transformers < Version(4, 46)
      choices.copiesShiftedLogits = transformers < Version(4, 49)
      // fsdp_qlora's checkpoints are torch's own, and it turns the cache off.
      choices.reentersCheckpoints = transformers < Version(5, 0) && program != .fsdpQLoRA
      choices.checkpointsWrappedLayers = transformers < Version(4, 52) && program != .fsdpQLoRA
      choices.keepsKeysAndValues = (transformers < Version(5, 0) || program == .loop) && program != .fsdpQLoRA
      let knowsGroups = transformers >= Version(4, 54) && software["torch"].map { $0 >= Version(2, 5) } ?? true
      choices.sharedHeads =
        knowsGroups ? .grouped : transformers < Version(4, 48) ? .repeated : .contiguous
      readBitsAndBytes(program, software, &choices)
      // What a row doesn't name, its program is not taken to have: fms-acceleration's kernels are plugins.
      if stack == .fmsAcceleration {
        (choices.norm, choices.rotary, choices.adapters, choices.crossEntropy) = (
          .composed, .composed, .peft, .composed
        )
      }
    }
  }
}

extension SoftwareDefaults {
  /// bitsandbytes' product with a 4-bit weight kept its input up to 0.43.1 (autograd/_functions.py,
  /// `MatMul4Bit.forward`), and weights were quantized from fp16 up to 0.42 (nn/modules.py, `Params4bit.cuda`).
  ///
  /// LitGPT asked for 0.42.0 exactly from 0.3 to 0.5.0, April to September 2024 (its metadata on PyPI).
  private static func readBitsAndBytes(
    _ program: TrainingProgram, _ software: SoftwareVersions, _ choices: inout StackChoices
  ) {
    let isPinned = program == .litGPT && software.date.map { $0 < 202410 } ?? false
    guard let version = software["bitsandbytes"] ?? (isPinned ? Version(0, 42) : nil) else { return }
    choices.fourBitProduct = version < Version(0, 43, 2) ? .keepingInput : .current
    if version < Version(0, 43) { choices.fourBitSource = .fp16 }
  }
}

extension TrainingProgram {
  /// The stack that stands for the program at these versions.
  ///
  /// - Throws: ``Refusal/Reason/software`` for a program whose own model code has no rule.
  func stack(
    transformers: SoftwareVersions.Version, _ software: SoftwareVersions, loss: String?
  ) throws(Refusal) -> Stack {
    let trl = software["trl"]
    let isOld = transformers < SoftwareVersions.Version(5, 0)
    switch self {
    case .trl: return trl.map { $0 < SoftwareVersions.Version(1, 0) } ?? isOld ? .trl0 : .trl
    case .trainer: return isOld ? .transformers4 : .transformers
    case .loop: return .peftLoop
    case .fmsTuning: return .fmsAcceleration
    case .swift: return .msSwift
    case .llamaFactory: return .llamaFactory
    case .axolotl: return .axolotl
    case .unsloth: return .unsloth
    case .fsdpQLoRA: return .fsdpQLoRA
    case .litGPT: return try ownCode("litgpt", software, early: "litgpt-2023", before: 202402)
    case .torchtune:
      // Its configs name `CEWithChunkedOutputLoss` from 0.3 on, `torch.nn.CrossEntropyLoss` before.
      if software.date == nil, FreeText(loss).has("full logits") { return .torchtune2024 }
      return try ownCode("torchtune", software, early: "torchtune-2024", before: 202408)
    case .megatron: return try ownCode("megatron", software, early: "megatron", before: 0)
    }
  }

  /// Found by name, so that a stack is planned here from the day on which it has rules.
  private func ownCode(
    _ name: String, _ software: SoftwareVersions, early: String, before month: Int
  ) throws(Refusal) -> Stack {
    let isEarly = software.date.map { $0 < month } ?? false
    guard let stack = Stack(rawValue: isEarly ? early : name) ?? Stack(rawValue: name) else {
      throw Refusal(.software, "\(title) runs models in code of its own, which has no rule")
    }
    return stack
  }
}
