import Bookkeeping
import Modeling
import Planning
import Testing

/// Steps of mixtures that torch 2.15 really ran on a CPU (transformers 5.23, peft 0.21.2), traced as in
/// `Torch walk: traced steps`: two layers of eight experts, two a token, 320 tokens, bf16.
@Suite struct `Torch walk: traced mixtures` {
  struct Case: CustomTestStringConvertible, Sendable {
    let architecture: Architecture
    let kind: TorchFixture.Kind
    let targets: LoRA.Targets
    let checkpoints: Bool
    let afterForward: Int
    let peak: Int
    let trained: Int

    init(
      _ architecture: Architecture, _ kind: TorchFixture.Kind, _ targets: LoRA.Targets, _ checkpoints: Bool,
      _ afterForward: Int, _ peak: Int, trained: Int
    ) {
      self.architecture = architecture
      self.kind = kind
      self.targets = targets
      self.checkpoints = checkpoints
      self.afterForward = afterForward
      self.peak = peak
      self.trained = trained
    }

    var testDescription: String { "\(architecture) \(kind) \(targets.text) \(checkpoints)" }
  }

  /// 160 bytes, for the offsets of the groups and the loss.
  ///
  /// With adapters on the router 34 000 bytes a layer more: on a CPU PEFT makes its product in fp32 and casts it, and
  /// keeps fp32 copies of both factors (peft/tuners/lora/layer.py, `get_delta_weight`, `cast_to_fp32`).
  @Test(arguments: [
    Case(.mixtral, .full, .allLinear, false, 27_055_440, 80_812_840, trained: 37_235_200),
    Case(.mixtral, .lora, .attention, false, 18_944_080, 22_048_072, trained: 114_688),
    Case(.mixtral, .lora, .allLinear, false, 93_803_600, 105_492_808, trained: 2_326_784),
    Case(.mixtral, .lora, .allLinear, true, 2_709_776, 62_602_280, trained: 2_326_784),
    Case(.qwen2MoE, .full, .allLinear, false, 27_701_840, 52_991_784, trained: 24_262_144),
    Case(.qwen2MoE, .full, .allLinear, true, 3_365_136, 53_322_024, trained: 24_262_144),
    Case(.qwen2MoE, .lora, .attention, false, 19_590_480, 22_209_352, trained: 114_688),
    Case(.qwen2MoE, .lora, .allLinear, false, 22_130_000, 24_748_872, trained: 315_424),
    Case(.qwen3MoE, .full, .allLinear, false, 22_823_760, 45_896_488, trained: 19_933_952),
    Case(.qwen3MoE, .lora, .attention, false, 15_531_600, 18_150_472, trained: 114_688),
    Case(.qwen3MoE, .lora, .allLinear, false, 53_985_872, 59_006_792, trained: 1_425_664),
  ])
  func `a mixture's step holds what torch held`(_ row: Case) throws {
    let fixture = TorchFixture {
      $0.method = row.kind
      $0.targets = row.targets
      $0.checkpoints = row.checkpoints
    }
    let spec = try `Torch walk: families`.spec(row.architecture, traced: true)
    let recipe = try fixture.recipe()
    let books = Books(ledger: Ledger(posting: try TorchWalk.journal(spec, recipe, options: fixture.options).journal))
    let wrapsRouter = row.targets == .allLinear && row.kind == .lora && row.architecture != .qwen2MoE
    let tolerance = wrapsRouter ? 2 * 34_000 + 160 : 160
    #expect(abs(books.afterForward - row.afterForward) <= tolerance)
    #expect(abs(books.peak - row.peak) <= tolerance)
    #expect(ParameterCounts(of: spec, method: recipe.method).trainable == row.trained)
  }
}
