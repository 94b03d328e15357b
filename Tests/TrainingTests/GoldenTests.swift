import Modeling
import Testing
import Training

/// The engine against PyTorch, Transformers, PEFT and bitsandbytes: loss, every gradient, weights after 1 and 5 steps.
@Suite struct `Golden numbers` {
  struct Case: Sendable, CustomTestStringConvertible {
    let file: String
    let base: String
    let model: TinyModel
    let method: Method.Name
    let targets: LoRA.Targets?
    var testDescription: String { file }
  }

  static let queryAndValue = LoRA.Targets.modules(["q_proj", "v_proj"])
  static let cases =
    TinyModel.allCases.map {
      Case(file: "full_\($0)", base: "full_\($0)", model: $0, method: .full, targets: nil)
    } + [
      Case(file: "lora_base_qv", base: "full_base", model: .base, method: .lora, targets: queryAndValue),
      Case(file: "lora_base_all", base: "full_base", model: .base, method: .lora, targets: .allLinear),
      Case(file: "lora_qwen2_all", base: "full_qwen2", model: .qwen2, method: .lora, targets: .allLinear),
      Case(file: "qlora_base_qv", base: "full_base", model: .base, method: .qlora, targets: queryAndValue),
      Case(file: "qlora_base_all", base: "full_base", model: .base, method: .qlora, targets: .allLinear),
    ]

  @Test(arguments: cases, [false, true])
  func `losses, gradients and weights are PyTorch's`(_ golden: Case, checkpointing: Bool) throws {
    let file = try GoldenFile(golden.file + ".safetensors")
    let trainer = try trainer(golden, file, checkpointing: checkpointing)
    let batch = Trainer.MicroBatch(tokens: try file.integers("input_ids"), labels: try file.integers("labels"))
    let rounding = try GoldenRounding(golden.file + ".safetensors")
    let losses = try file.doubles("losses")

    let first = try trainer.accumulateGradients([batch])
    // PyTorch's fp32 losses stand within 1e-6 of fp64; ours may differ by as much again, and a few roundings.
    #expect(abs(first.loss - losses[0]) < 2e-6 * losses[0], "loss \(first.loss), PyTorch \(losses[0])")
    let names = file.names(under: "grad")
    #expect(Set(names) == Set(trainer.trained.map(\.name)))
    for name in names {
      let distance = relativeDistance(try gradient(trainer, name), try file.floats("grad." + name))
      // Both sides round: the distance of PyTorch's fp32 from fp64, four times over.
      #expect(distance < 4 * rounding.gradient + 1e-6, "gradient of \(name): \(distance)")
    }

    for step in 1...5 {
      let result = try self.step(trainer, batch, isFirst: step == 1)
      #expect(abs(result - losses[step - 1]) < 5e-6 * losses[step - 1], "loss \(step): \(result), \(losses[step - 1])")
      if step == 1 || step == 5 { try expectWeights(trainer, file, step, golden, rounding) }
    }
    let last = try trainer.accumulateGradients([batch]).loss
    #expect(abs(last - losses[5]) < 5e-6 * losses[5], "loss after five steps: \(last), \(losses[5])")
  }

  private func trainer(_ golden: Case, _ file: GoldenFile, checkpointing: Bool) throws -> Trainer {
    let base = try GoldenFile(golden.base + ".safetensors")
    let spec = try golden.model.spec
    var values: [String: [Float]] = [:]
    for name in base.names(under: "init") { values[name] = try base.floats("init." + name) }
    let recipe = try engineRecipe(golden.method, targets: golden.targets, checkpointing: checkpointing, for: spec)
    let trainer = try Trainer(spec, recipe, source: GivenWeights(values: values))
    if golden.method != .full {
      for name in file.names(under: "init") { try trainer.set(name, to: try file.floats("init." + name)) }
    }
    return trainer
  }

  /// The gradients are still open the first time, since they were looked at.
  private func step(_ trainer: Trainer, _ batch: Trainer.MicroBatch, isFirst: Bool) throws -> Double {
    if isFirst { for parameter in trainer.trained { parameter.gradient.close() } }
    return try trainer.step([batch]).loss
  }

  private func expectWeights(
    _ trainer: Trainer, _ file: GoldenFile, _ step: Int, _ golden: Case, _ rounding: GoldenRounding
  ) throws {
    for name in file.names(under: "step\(step)") {
      let distance = relativeDistance(
        try trainer.parameter(name).values(), try file.floats("step\(step).\(name)"))
      // AdamW divides a gradient by its own size, so where a gradient is nearly nothing its rounding is magnified: the
      // yardstick is how far PyTorch's own fp32 ends up from fp64, four times over.
      let tolerance = 4 * (step == 1 ? rounding.step1 : rounding.step5) + 2e-6
      #expect(distance < tolerance, "\(name) after \(step) steps: \(distance)")
    }
  }

  private func gradient(_ trainer: Trainer, _ name: String) throws -> [Float] {
    let span = try trainer.parameter(name).gradient.span
    return (0..<span.count).map { span[$0] }
  }
}
