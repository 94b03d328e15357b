import Bookkeeping
import Modeling
import Planning
import Testing

/// The words below stand in published tables.
@Suite struct `A measurement in the planner's terms` {
  private static func translated(_ change: [String: String]) throws -> TranslatedMeasurement {
    try MeasurementExamples.row(change).translated()
  }

  private static func refusal(_ change: [String: String]) throws -> Refusal.Reason? {
    let row = try MeasurementExamples.row(change)
    do {
      _ = try row.translated()
      return nil
    } catch { return error.reason }
  }

  @Test(arguments: [
    ("bf16 autocast (AMP)", Precision.autocast, ScalarFormat.fp32), ("bf16 autocast (HF AMP)", .autocast, .fp32),
    ("pure bf16", .pure, .fp32), ("bf16-true", .pure, .fp32), ("bf16-mixed (autocast)", .autocast, .fp32),
    ("fp16, no autocast; adapters fp32", .pure, .fp32), ("pure bf16 (no autocast); adapters bf16", .pure, .bf16),
    ("bf16 (full bf16)", .pure, .fp32), ("fp16/half", .pure, .fp32),
  ])
  func `has its precision`(words: String, precision: Precision, adapters: ScalarFormat) throws {
    let recipe = try Self.translated(["compute_dtype": words]).recipe.recipe
    #expect(recipe.precision == precision)
    #expect(recipe.adapterFormat == adapters)
    #expect(recipe.weightFormat == .bf16)
  }

  // peft/tuners/lora.py of 0.5.0, lora/layer.py of 0.6.0 and 0.7.1, tuners_utils.py of 0.12.0.
  @Test(arguments: [
    ("transformers 4.32.0, peft 0.5.0", "none", ScalarFormat.fp32), ("transformers 4.36, peft 0.6.0", "none", .bf16),
    ("transformers 4.36, peft 0.7.1", "nf4", .fp32), ("transformers 4.43, peft 0.12.0", "none", .fp32),
    ("ms-swift 1.5 (2024-01)", "none", .bf16), ("ms-swift 2.x (2024-09)", "none", .fp32),
    ("Transformers Trainer (2023-08)", "none", .fp32),
  ])
  func `has adapters in the format of its PEFT`(library: String, quant: String, format: ScalarFormat) throws {
    let change = ["library": library, "quant": quant, "compute_dtype": "bf16 autocast (HF AMP)"]
    #expect(try Self.translated(change).recipe.recipe.adapterFormat == format)
  }

  @Test(arguments: [
    ("c_attn c_proj w1 w2 + wte lm_head", ["wte", "lm_head"]), ("c_attn", []), ("c_attn lm_head", ["lm_head"]),
  ])
  func `trains the tables that are named beside the layers`(targets: String, modules: [String]) throws {
    let translated = try Self.translated(["target_modules": targets, "hf_model": "Qwen/Qwen-7B"])
    #expect(translated.recipe.recipe.method.adapter?.modulesToSave == modules)
    #expect(!translated.assumptions.contains { $0.contains("left out") })
  }

  @Test func `has lengths of the stated range and mean, those beyond the cap left out`() throws {
    func lengths(_ words: String, _ sequence: Int) throws -> LengthDistribution? {
      try Self.translated(["seq_kind": words, "seq_len": "\(sequence)"]).recipe.recipe.batch.lengths
    }
    #expect(try lengths("capped (token lengths 91..19548)", 2048)?.source == .uniform(91...2048))
    #expect(try lengths("exact", 2048) == nil)
    // No sample is left out: the mean of many equal shares is the stated one, to their width.
    let whole = try #require(try lengths("capped (token lengths 91..19548, mean 3234)", 20000))
    #expect(whole.shortest < 100 && whole.longest == 19548)
    let mean = (0..<1000).reduce(0.0) { $0 + Double(whole.length(at: (Double($1) + 0.5) / 1000)) } / 1000
    #expect(abs(mean / 3234 - 1) < 0.02)
    let cut = try #require(try lengths("capped (token lengths 91..19548, mean 3234)", 2048))
    #expect(cut.longest == 2048)
    #expect(cut.length(at: 0.5) < (91 + 2048) / 2)
  }

  @Test func `keeps gradients and outputs where the loop does`() throws {
    let loss = "logits freed before the optimizer step; gradients kept between steps (zero_grad(set_to_none=False))"
    let choices = try Self.translated(["loss_impl": loss]).recipe.recipe.choices
    #expect(choices.keepsGradients)
    #expect(choices.keepsOutputs)
  }

  @Test(arguments: [
    ("27.74", "27.74", 0.005), ("16", "16", 0.5), ("139.2G over 2 GPUs", "64.82", 64.82 * 0.05 / 139.2),
    ("7405.8095703125", "7.232", 0.0005), ("", "11.5", 0.05),
  ])
  func `is as exact as it was printed`(printed: String, stored: String, gibibytes: Double) throws {
    let row = try MeasurementExamples.row(["raw_value": printed, "measured_gib": stored])
    #expect(abs(Double(row.reading.rounding.count) / Double(1 << 30) - gibibytes) < 1e-6)
  }

  @Test(arguments: [
    ("adamw_torch (HF default, foreach)", Optimizer.Kind.adamw, Optimizer.Implementation.foreach),
    ("torch AdamW", .adamw, .foreach), ("torch AdamW (fused)", .adamw, .fused),
    ("bitsandbytes PagedAdamW8bit (tensors below 4096 elements fp32)", .pagedAdamw8bit, .foreach),
    ("bnb PagedAdamW (32-bit states)", .pagedAdamw, .foreach), ("bnb AdamW8bit", .adamw8bit, .foreach),
    ("SGD (no momentum)", .sgd, .foreach), ("adafactor", .adafactor, .foreach),
  ])
  func `has its optimizer`(
    words: String, kind: Optimizer.Kind, implementation: Optimizer.Implementation
  ) throws {
    let optimizer = try Self.translated(["optimizer": words]).recipe.recipe.optimizer
    #expect(optimizer.kind == kind)
    #expect(optimizer.implementation == implementation)
  }

  @Test func `steps in backward where torchtune's optimizer does`() throws {
    let change = [
      "library": "torchtune", "method": "full", "target_modules": "all",
      "optimizer": "bnb PagedAdamW, optimizer_in_bwd",
      "loss_impl": "torch CrossEntropyLoss on full logits", "hf_model": "TinyLlama/TinyLlama-1.1B-Chat-v1.0",
    ]
    let recipe = try Self.translated(change).recipe.recipe
    #expect(recipe.stack == .torchtune2024)
    #expect(recipe.choices.stepsInBackward)
    #expect(
      try !Self.translated(change.merging(["optimizer": "torch AdamW"]) { $1 }).recipe.recipe.choices.stepsInBackward)
    #expect(try Self.refusal(["optimizer": "torch AdamW, optimizer_in_bwd"]) == .optimizer)
  }

  @Test(arguments: [
    ("bitsandbytes 0.41.1", StackChoices.FourBitProduct.keepingInput, ScalarFormat.fp16 as ScalarFormat?),
    ("bitsandbytes 0.43.1", .keepingInput, nil), ("bitsandbytes 0.43.2", .current, nil),
    ("bitsandbytes 0.45.0", .current, nil),
  ])
  func `has the 4-bit products of its bitsandbytes`(
    words: String, product: StackChoices.FourBitProduct, source: ScalarFormat?
  ) throws {
    let library = "torch 2.6.0, transformers 5.0.0, peft 0.19.1, " + words
    let choices = try Self.translated(["library": library, "quant": "nf4"]).recipe.recipe.choices
    #expect(choices.fourBitProduct == product)
    #expect(choices.fourBitSource == source)
  }

  @Test(arguments: [
    ("eager", AttentionImplementation.eager), ("eager/torch", .eager), ("flash_attention_2", .flash),
    ("flash_attention (v1; README of 2023-10-07 does not state FA2)", .flash), ("torch sdpa", .sdpa),
    ("torch sdpa (flash-attn 2 if installed)", .sdpa), ("HF sdpa/flash (transformers 4.38)", .sdpa),
    ("sdpa pinned to EFFICIENT_ATTENTION (K/V expanded to all heads)", .sdpa),
  ])
  func `has its attention`(words: String, attention: AttentionImplementation) throws {
    #expect(try Self.translated(["attention": words]).recipe.recipe.attention == attention)
  }

  @Test(arguments: [
    ("q_proj k_proj v_proj o_proj", ["q_proj", "k_proj", "v_proj", "o_proj"]),
    ("q_proj k_proj v_proj o_proj c_attn", ["q_proj", "k_proj", "v_proj", "o_proj"]),
    ("q v", ["q_proj", "v_proj"]), ("c_attn", ["q_proj", "k_proj", "v_proj"]),
    ("query_key_value", ["q_proj", "k_proj", "v_proj"]),
    (
      "k_proj q_proj v_proj up_proj down_proj gate_proj",
      ["q_proj", "k_proj", "v_proj", "gate_proj", "up_proj", "down_proj"]
    ),
    ("all", ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]),
    ("ALL linear", ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]),
    (
      "q_proj k_proj v_proj output_proj mlp",
      ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    ),
    ("", ["q_proj", "v_proj"]),
  ])
  func `has its adapters in their places`(words: String, names: [String]) throws {
    let translated = try Self.translated(["target_modules": words])
    let targets = try #require(translated.recipe.recipe.method.adapter?.targets)
    #expect(translated.spec.linearModules(0).filter(targets.match).map(\.shortName) == names)
  }

  @Test(arguments: [
    ("2 x RTX 3090 24GB", "rtx-3090"), ("Tesla T4 (14912 MiB)", "t4"), ("A100-SXM4-40GB", "a100-40gb"),
    ("A100 80GB", "a100-80gb"), ("RTX 4080 16GB (Windows 11)", "rtx-4080"), ("RTX A6000 48GB", "rtx-a6000"),
    ("A10G 24GB", "a10g"), ("V100 32GB", "v100-32gb"), ("NVIDIA L4", "l4"),
  ])
  func `runs on the card that was meant`(words: String, name: String) throws {
    #expect(try Self.translated(["gpu_kind": words]).device?.name == name)
  }

  @Test(arguments: [
    ("torch 2.4.1, transformers 4.45.2, peft 0.13.2", true), ("transformers==4.49.0", false),
    ("torch 2.6.0, transformers 5.0.0", false), ("transformers 4.57.6", false),
  ])
  func `copies logits where that Transformers did`(library: String, copies: Bool) throws {
    #expect(try Self.translated(["library": library]).recipe.recipe.choices.copiesShiftedLogits == copies)
  }

  @Test func `is built from its own sizes where no preset has its name`() throws {
    let translated = try Self.translated([
      "hf_model": "somebody/Mistral-7B-v0.1-GPTQ", "hidden": "4096", "layers": "32", "heads": "32", "kv_heads": "8",
      "head_dim": "128", "intermediate": "14336", "vocab": "32000", "tied": "no", "mlp": "gated", "params_b": "7.2417",
    ])
    #expect(translated.spec.parameterCount == 7_241_732_096)
    #expect(translated.spec.architecture == .mistral)
    #expect(translated.assumptions.contains { $0.contains("built from the row's sizes") })
    #expect(!translated.assumptions.contains { $0.contains("the row states") })
  }

  @Test func `takes the row's sizes where they are not the preset's`() throws {
    let translated = try Self.translated([
      "hidden": "576", "layers": "2", "heads": "9", "kv_heads": "3", "head_dim": "64", "intermediate": "1536",
      "vocab": "49152",
    ])
    #expect(translated.spec.layerCount == 2)
  }

  @Test func `goes beyond a model's positions where the row does`() throws {
    #expect(try Self.translated(["seq_len": "24576"]).recipe.recipe.batch.sequence == 24576)
  }

  @Test func `keeps outputs alive where the loop does`() throws {
    let loss = "HF cross-entropy on full logits (fp32 upcast); outputs object alive through the optimizer step"
    #expect(try Self.translated(["loss_impl": loss]).recipe.recipe.choices.keepsOutputs)
    #expect(try !Self.translated([:]).recipe.recipe.choices.keepsOutputs)
  }

  @Test func `is prepared for k-bit training where the row says so`() throws {
    let words =
      "fp16, no autocast; adapters fp32; embeddings, norms, lm_head upcast to fp32 by prepare_model_for_kbit_training"
    let recipe = try Self.translated(["method": "qlora", "quant": "nf4", "compute_dtype": words]).recipe.recipe
    #expect(recipe.choices.preparesForKbitTraining)
    #expect(recipe.method.quantization == .nf4(double: false))
  }

  @Test func `says what it assumed`() throws {
    let assumptions = try Self.translated(["grad_accum": "", "gpu_kind": "", "library": "", "optimizer": ""])
      .assumptions
    for word in ["accumulation", "card", "program", "optimizer"] {
      #expect(assumptions.contains { $0.contains(word) }, "\(word)")
    }
  }

  @Test(arguments: [
    (["hf_model": "nobody/knows"], Refusal.Reason.model), (["method": "reincarnation"], .method),
    (["micro_batch": ""], .missingSetting), (["seq_len": ""], .missingSetting),
    (["target_modules": "nothing_here"], .targets), (["quant": "hieroglyphs", "method": "qlora"], .quantization),
    (["optimizer": "a spell"], .optimizer),
    (["gpus": "2", "sharding": "naive model-parallel (device_map=auto)"], .sharding),
    (["gpus": "4", "sharding": "none"], .sharding), (["method": "lora+emb"], .method),
  ])
  func `is refused with a reason`(change: [String: String], reason: Refusal.Reason) throws {
    #expect(try Self.refusal(change) == reason)
  }
}
