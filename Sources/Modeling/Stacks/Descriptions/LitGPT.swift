import Bookkeeping

extension StackDescription {
  // litgpt/finetune/lora.py and full.py, `setup`: one sequence, AdamW, bf16-true where the device has it.
  private static let scripted = Defaults(
    weightFormat: .bf16, weightFormatReason: "LitGPT's `bf16-true`", adapterFormat: .bf16, precision: .pure,
    usesGradientCheckpointing: false, loss: .chunked, learningRate: 2e-4)

  private static let choices = StackChoices(
    modelCode: .litgpt, sharedHeads: .repeated, convertsOutputs: true, keepsOutputs: true, keepsPreviousOutputs: true,
    fourBitSource: .fp16, quantizesHead: true, optimizerImplementation: .foreach)

  /// LitGPT as it is now.
  static let litgpt = StackDescription(
    stack: .litgpt, title: "LitGPT's fine-tuning scripts on its own models",
    software: ["litgpt 0.5.13", "lightning 2.6", "bitsandbytes 0.49", "torch 2.15"],
    notes: [
      "Queries, keys and values come out of one weight; adapters on some of them are padded with zeros to its width "
        + "(litgpt/lora.py, `LoRAQKVLinear.forward`).",
      "Norms keep an fp32 copy, rotations are fp32, since their tables are made anew for the longest sample "
        + "(litgpt/model.py, `RMSNorm.forward`, `max_seq_length`, `apply_rope`).",
      "The head runs on 128 tokens after the other, and so does the loss "
        + "(litgpt/finetune/lora.py, `fit`; litgpt/utils.py, `chunked_cross_entropy`).",
      "Fabric hands the logits out in fp32 (lightning/fabric/plugins/precision/half.py, `HalfPrecision.convert_output`).",
      "The loop names the logits until the next forward pass has ended (litgpt/finetune/lora.py, `fit`).",
      "Every linear layer is quantized, the head too (lightning/fabric/plugins/precision/bitsandbytes.py, "
        + "`BitsandbytesPrecision`), from fp16, in which it comes back and is then cast (`_quantize_weight`).",
    ],
    full: scripted, lora: scripted, qlora: scripted, choices: choices)

  /// lit-gpt as of late 2023.
  static let litgpt2023 = StackDescription(
    stack: .litgpt2023, title: "lit-gpt's fine-tuning scripts as of late 2023",
    software: ["lit-gpt of 2023-10", "lightning 2.1", "bitsandbytes 0.41", "torch 2.1"],
    notes: [
      "Queries, keys and values are interleaved by group in one weight; shared keys and values are repeated before they "
        + "are rotated (lit_gpt/model.py, `CausalSelfAttention.forward`).",
      "The product with a 4-bit weight keeps its input (bitsandbytes 0.41, autograd/_functions.py, "
        + "`MatMul4Bit.forward`), and weights are quantized from fp16 (nn/modules.py, `Params4bit.cuda`).",
      "Zeros that pad an adapter are filled and then copied (lit_gpt/lora.py, `zero_pad`).",
    ],
    full: scripted, lora: scripted, qlora: scripted,
    choices: choices.with {
      $0.modelCode = .litgpt2023
      $0.fourBitProduct = .keepingInput
    })
}
