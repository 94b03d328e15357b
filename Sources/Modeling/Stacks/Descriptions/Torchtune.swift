import Bookkeeping

extension StackDescription {
  // recipes/configs/llama2/7B_lora_single_device.yaml and 7B_full_low_memory.yaml: bf16, two sequences, checkpointing.
  private static let configured = Defaults(
    weightFormat: .bf16, weightFormatReason: "the `dtype` of torchtune's configs", adapterFormat: .bf16,
    precision: .pure, usesGradientCheckpointing: true, loss: .chunked, learningRate: 3e-4, microBatch: 2)

  private static let choices = StackChoices(
    modelCode: .torchtune, sharedHeads: .repeated, convertsOutputs: false, nf4Layout: .torchao)

  /// torchtune as it is now.
  static let torchtune = StackDescription(
    stack: .torchtune, title: "torchtune's single-device recipes on its own models",
    software: ["torchtune 0.6.1", "torchao 0.10", "torch 2.15"],
    notes: [
      "Norms are torch's `rms_norm` of an fp32 copy, composed of its parts where weight and input differ in format "
        + "(torchtune/modules/rms_norm.py; aten/native/layer_norm.cpp, `rms_norm_symint`).",
      "Queries and keys are rotated in fp32, pair by pair (modules/position_embeddings.py, "
        + "`RotaryPositionalEmbeddings.forward`).",
      "Shared keys and values are repeated for every query head (modules/attention.py, `MultiHeadAttention.forward`).",
      "The head runs on eight chunks of each sequence, and so does the loss (modules/transformer.py, `chunked_output`; "
        + "modules/loss/ce_chunked_output_loss.py).",
      "NF4 weights are torchao's; they are made whole operation by operation, with two int64 indices a byte "
        + "(torchao/dtypes/nf4tensor.py, `get_original_weight`).",
      "Adapters run in the model's format (modules/peft/lora.py, `LoRALinear.forward`).",
      "Full fine-tuning on one device steps in backward with paged AdamW "
        + "(recipes/configs/llama2/7B_full_low_memory.yaml, `optimizer_in_bwd`); that file's activation offloading is "
        + "not planned.",
    ],
    full: configured.with {
      $0.optimizer = .pagedAdamw
      $0.learningRate = 1e-5
      $0.stepsInBackward = true
    }, lora: configured, qlora: configured, choices: choices)

  /// torchtune as of early 2024.
  static let torchtune2024 = StackDescription(
    stack: .torchtune2024, title: "torchtune's single-device recipes as of early 2024",
    software: ["torchtune 0.0.1", "torchao 0.1", "torch 2.2"],
    notes: [
      "Norms are written out in Python: only the normalized tensor is cast back before the weight is applied "
        + "(torchtune/modules/rms_norm.py of 0.0.1).",
      "Every layer holds a table of rotations of its own (modules/transformer.py of 0.0.1, `_get_clones`).",
      "All logits become fp32 and are copied without each sequence's last row for the loss "
        + "(recipes/lora_finetune_single_device.py of 0.0.1, `train`).",
    ],
    full: configured.with {
      $0.loss = .full
      $0.optimizer = .pagedAdamw
      $0.learningRate = 2e-5
      $0.stepsInBackward = true
    }, lora: configured.with { $0.loss = .full }, qlora: configured.with { $0.loss = .full },
    choices: choices.with {
      $0.modelCode = .torchtune2024
      $0.copiesShiftedLogits = true
      $0.keepsOutputs = true
      $0.keepsPreviousOutputs = true
    })
}
