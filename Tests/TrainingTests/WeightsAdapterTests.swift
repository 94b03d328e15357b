import Bookkeeping
import Foundation
import Modeling
import Testing
import Training

/// Adapters against one that PEFT made and saved (`Golden/weights.py`); PEFT reads ours in `check_adapter.py`.
@Suite struct `Adapter files` {
  private static let targets = LoRA.Targets.modules(["q_proj", "down_proj"])

  private func trainer(rank: Int = 3, alpha: Double = 12, targets: LoRA.Targets = targets) throws -> Trainer {
    let source = try CheckpointWeights.open(StoredModel.llama.safetensorsPath, for: StoredModel.llama.spec)
    return try StoredModel.llama.trainer(.lora, source: source, rank: rank, alpha: alpha, targets: targets)
  }

  @Test func `an adapter of PEFT's has PEFT's loss here`() throws {
    let trainer = try trainer()
    let expected = try ExpectedWeights.named("llama")
    let before = try trainer.evaluate([expected.batch]).loss
    #expect(abs(before - expected.loss) < 1e-6 * expected.loss)
    let adapter = try AdapterFile(folder: goldenPath("peft_adapter"))
    #expect(adapter.config.lora.rank == 3)
    #expect(adapter.config.lora.scale == 4)
    try adapter.load(into: trainer)
    let after = try trainer.evaluate([expected.batch]).loss
    let peft = try #require(expected.peft_loss)
    // PEFT computed in fp64; see the loss of the base.
    #expect(abs(after - peft) < 1e-6 * peft, "\(after), PEFT \(peft)")
    #expect(abs(after - before) > 1e-3)
  }

  @Test func `an adapter is written as PEFT would, and training goes on from it`() throws {
    let folder = try TestFolder()
    let first = try trainer()
    let batch = try ExpectedWeights.named("llama").batch
    for _ in 0..<3 { _ = try first.step([batch]) }
    try AdapterFile.write(first, baseModel: "somebody/tiny", to: folder.path)
    #expect(try folder.names == ["adapter_config.json", "adapter_model.safetensors"])
    let names = Set(try SafetensorsHeader(path: folder["adapter_model.safetensors"]).tensors.map(\.name))
    let theirs = Set(
      try SafetensorsHeader(path: goldenPath("peft_adapter/adapter_model.safetensors")).tensors.map(\.name))
    #expect(names == theirs)

    let adapter = try AdapterFile(folder: folder.path)
    #expect(adapter.config.lora == (try LoRA(rank: 3, alpha: 12, targets: .modules(["down_proj", "q_proj"]))))
    #expect(adapter.config.baseModel == "somebody/tiny")
    let second = try trainer()
    try adapter.load(into: second)
    for (ours, theirs) in zip(first.trained, second.trained) { #expect(ours.numbers == theirs.numbers) }
    #expect(try second.evaluate([batch]).loss == first.evaluate([batch]).loss)
  }

  @Test func `targets by a word are written as the names that PEFT matches`() throws {
    let folder = try TestFolder()
    try AdapterFile.write(trainer(targets: .attention), baseModel: nil, to: folder.path)
    #expect(
      try AdapterFile(folder: folder.path).config.lora.targets
        == .modules(["k_proj", "o_proj", "q_proj", "v_proj"]))
  }

  @Test func `a merged checkpoint has the adapter's loss without it`() throws {
    let folder = try TestFolder()
    let spec = try StoredModel.llama.spec
    let base = try CheckpointWeights.open(StoredModel.llama.ggufPath, for: spec)
    let adapter = try AdapterFile(folder: goldenPath("peft_adapter"))
    var written = 0
    try MergedCheckpoint.write(spec, weights: base, adapter: adapter, to: folder.path) { done, _ in written = done }
    #expect(written == spec.parameters.count)
    let merged = try StoredModel.llama.trainer(.full, source: CheckpointWeights.open(folder.path, for: spec))
    let expected = try ExpectedWeights.named("llama")
    let loss = try merged.evaluate([expected.batch]).loss
    let peft = try #require(expected.peft_loss)
    // One more rounding of every merged weight than with the adapter beside it.
    #expect(abs(loss - peft) < 2e-6 * peft, "\(loss), PEFT \(peft)")
    for parameter in spec.parameters
    where !parameter.name.contains("q_proj.weight") && !parameter.name.contains("down_proj") {
      #expect(try merged.parameter(parameter.name).numbers == base.values(parameter), "\(parameter.name)")
    }
  }

  // MARK: Refusals

  @Test func `another rank, scale or choice of modules is refused`() throws {
    let adapter = try AdapterFile(folder: goldenPath("peft_adapter"))
    func refusal(_ trainer: Trainer) -> AdapterError? {
      do { try adapter.load(into: trainer) } catch { return error as? AdapterError }
      return nil
    }
    guard case .differs("rank", "3", "4", _) = try refusal(trainer(rank: 4)) else {
      Issue.record("another rank was not refused")
      return
    }
    guard case .differs("alpha", "12.0", "6.0", _) = try refusal(trainer(alpha: 6)) else {
      Issue.record("another scale was not refused")
      return
    }
    guard case .missingTensors(let missing, _) = try refusal(trainer(targets: .allLinear)) else {
      Issue.record("missing modules were not refused")
      return
    }
    #expect(missing.count == 2 * 2 * 5)
    guard case .unexpectedTensors(let unexpected, _) = try refusal(trainer(targets: .modules(["q_proj"]))) else {
      Issue.record("modules too many were not refused")
      return
    }
    #expect(unexpected.count == 2 * 2)
    let full = try StoredModel.llama.trainer(.full, source: SeededWeights())
    #expect(refusal(full) == .noAdapter(method: "full"))
  }

  /// The configuration of PEFT's adapter with one field changed.
  private func config(_ field: String, _ value: JSONValue) throws -> AdapterConfig {
    let folder = try TestFolder()
    let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: goldenPath("peft_adapter/adapter_config.json"))))
    var members = try #require(try JSONValue(parsing: bytes).objectValue)
    members[field] = value
    try Data(JSONValue.object(members).text().utf8).write(to: URL(fileURLWithPath: folder["c.json"]))
    return try AdapterConfig(path: folder["c.json"])
  }

  @Test(
    arguments: [
      ("use_dora", true), ("bias", "all"), ("lora_bias", true), ("fan_in_fan_out", true),
      ("modules_to_save", ["lm_head"]), ("rank_pattern", ["q_proj": 8]), ("alpha_pattern", ["q_proj": 8]),
      ("init_lora_weights", "pissa_niter_16"),
    ] as [(String, JSONValue)])
  func `a kind of adapter that computes something else is refused by its field`(
    _ field: String, _ value: JSONValue
  ) throws {
    #expect { try config(field, value) } throws: { error in
      guard case AdapterError.unsupported(field, _, _, _) = error else { return false }
      return true
    }
  }

  @Test(
    arguments: [
      ("peft_type", "IA3"), ("r", nil), ("r", "eight"), ("lora_alpha", nil), ("target_modules", nil),
      ("target_modules", [1]), ("target_modules", ".*q_proj"),
    ] as [(String, JSONValue)])
  func `a field of the wrong kind is refused by its name`(_ field: String, _ value: JSONValue) throws {
    #expect { try config(field, value) } throws: { error in
      guard case AdapterError.wrongField(field, _, _, _) = error else { return false }
      return true
    }
  }

  @Test func `rank stabilization is a scale of alpha over the root of the rank`() throws {
    let scale = try config("use_rslora", true).lora.scale
    #expect(abs(scale - 12 / 3.0.squareRoot()) < 1e-12)
    #expect(throws: AdapterError.self) { try config("r", 0) }
    #expect(throws: AdapterError.self) { try config("r", -4) }
  }
}
