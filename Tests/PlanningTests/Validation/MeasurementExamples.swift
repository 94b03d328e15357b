import Modeling
import Planning
import Testing

/// Rows of measurements, made up where a test needs one.
enum MeasurementExamples {
  static let columns = [
    "id", "source", "hf_model", "params_b", "hidden", "layers", "heads", "kv_heads", "head_dim", "intermediate",
    "vocab",
    "tied", "method", "target_modules", "rank", "quant", "double_quant", "weight_dtype", "compute_dtype", "optimizer",
    "micro_batch", "seq_len", "grad_accum", "grad_ckpt", "attention", "loss_impl", "gpus", "sharding", "gpu_kind",
    "library", "metric", "measured_gib", "tokens_per_s", "confidence", "notes", "seq_kind", "outcome", "alt_metric",
    "alt_gib", "mlp", "experts", "flag", "source_key", "model_key", "raw_value",
  ]

  /// A LoRA run of a small model, every setting stated.
  static let plain: [String: String] = [
    "id": "T1", "source": "made up", "hf_model": "HuggingFaceTB/SmolLM2-135M", "method": "lora",
    "target_modules": "q_proj k_proj v_proj o_proj", "rank": "8", "quant": "none", "double_quant": "n/a",
    "weight_dtype": "bf16", "compute_dtype": "bf16, no autocast; adapters fp32",
    "optimizer": "torch AdamW (foreach default)", "micro_batch": "1", "seq_len": "512", "grad_accum": "1",
    "grad_ckpt": "yes", "attention": "sdpa", "loss_impl": "HF cross-entropy on full logits", "gpus": "1",
    "sharding": "none", "gpu_kind": "A100 80GB", "library": "torch 2.6.0, transformers 5.0.0, peft 0.19.1",
    "metric": "max_allocated", "measured_gib": "1", "confidence": "A", "seq_kind": "exact", "outcome": "ok",
    "source_key": "made-up", "model_key": "smollm2",
  ]

  /// A file of rows, each ``plain`` with some of it changed.
  static func text(_ changes: [[String: String]]) -> String {
    let rows = changes.map { change in
      let row = plain.merging(change) { _, new in new }
      return columns.map { "\"" + (row[$0] ?? "").replacing("\"", with: "\"\"") + "\"" }.joined(separator: ",")
    }
    return ([columns.joined(separator: ",")] + rows).map { $0 + "\n" }.joined()
  }

  static func file(_ changes: [[String: String]]) throws -> MeasurementFile {
    try MeasurementFile(text: text(changes), path: "made-up.csv")
  }

  static func row(_ change: [String: String] = [:]) throws -> Measurement {
    let file = try file([change])
    return try #require(file.measurements.first, "\(file.problems)")
  }
}
