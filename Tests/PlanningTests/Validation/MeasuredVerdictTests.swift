import Bookkeeping
import Modeling
import Planning
import Testing

/// Whether a run fits its card, told for runs that finished and for those that ran out of memory.
@Suite struct `Verdicts on measured runs` {
  private static func prediction(_ change: [String: String]) throws -> Prediction {
    try Prediction(of: MeasurementExamples.row(change))
  }

  @Test(arguments: [
    (["gpu_kind": "A100 80GB"], true), (["gpu_kind": "A100 80GB", "outcome": "oom", "measured_gib": ""], false),
    (["gpu_kind": "T4", "hf_model": "meta-llama/Llama-2-7b-hf", "method": "full"], false),
    (
      [
        "gpu_kind": "T4", "hf_model": "meta-llama/Llama-2-7b-hf", "method": "full", "outcome": "oom",
        "measured_gib": "",
      ], true
    ),
  ])
  func `are right or wrong both ways`(change: [String: String], isRight: Bool) throws {
    #expect(try Self.prediction(change).tellsOutcome == isRight)
  }

  @Test func `are not given where the card is unknown`() throws {
    #expect(try Self.prediction(["gpu_kind": ""]).tellsOutcome == nil)
  }

  @Test func `count runs of confidence A and B`() throws {
    let file = try MeasurementExamples.file([
      ["id": "T1"], ["id": "T2", "confidence": "C"], ["id": "T3", "outcome": "oom", "measured_gib": ""],
      ["id": "T4", "gpu_kind": ""],
    ])
    let verdicts = Validation(file.measurements, problems: file.problems).verdicts
    #expect(verdicts.finished.right == 1 && verdicts.finished.of == 1)
    #expect(verdicts.outOfMemory.right == 0 && verdicts.outOfMemory.of == 1)
  }

  /// The allocator gives cached segments back before a request fails, so that a card bounds what it keeps; pages of an
  /// optimizer's managed memory give way.
  @Test func `know that a full card bounds the cache, not the step`() throws {
    let change = [
      "hf_model": "mistralai/Mistral-7B-v0.1", "method": "full", "target_modules": "all", "micro_batch": "8",
      "seq_len": "4096", "attention": "flash_attention_2", "compute_dtype": "pure bf16", "gpu_kind": "A100 80GB",
    ]
    let prediction = try Self.prediction(change)
    let free = try Self.prediction(change.merging(["gpu_kind": ""]) { $1 })
    let card = try #require(prediction.device)
    #expect(free.reserved.expected + card.context.expected > card.usable)
    #expect(prediction.allocated.expected == free.allocated.expected)
    #expect(prediction.tellsOutcome == true)
    let paged = try Self.prediction(
      change.merging(["optimizer": "bnb PagedAdamW", "micro_batch": "1"]) { $1 })
    #expect(paged.tellsOutcome == true && paged.onDevice.expected <= card.usable)
  }
}
