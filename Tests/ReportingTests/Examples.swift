import Bookkeeping
import Modeling
import Planning
import Reporting
import Testing

/// A plan written by hand, so that no rule of the planner decides what a report looks like.
enum Examples {
  static let spec: ModelSpec = {
    do {
      return try ModelSpec(
        name: "toy|llama", architecture: .llama, layerCount: 2, hiddenSize: 64,
        attention: AttentionSpec(heads: 4, keyValueHeads: 2, headDimension: 16),
        feedForward: FeedForwardSpec(intermediateSize: 128), vocabularySize: 1000, tiesEmbeddings: false,
        normalization: Normalization(kind: .rms, epsilon: 1e-5), positions: .rotary(RotarySpec(theta: 10000)),
        maximumPositions: 512, checkpointFormat: .bf16)
    } catch { preconditionFailure("\(error)") }
  }()

  static let resolved: ResolvedRecipe = {
    var request = RecipeRequest()
    request.method = .qlora
    request.stack = .plimsoll
    request.sequence = 128
    do { return try request.resolved(for: spec) } catch { preconditionFailure("\(error)") }
  }()

  static let clock = Clock(labels: ["load", "forward.layer.0", "backward.layer.0", "optimizer"])

  /// Two big tensors that live on, and a smaller one that makes the peak in `backward.layer.0`.
  static func journal(workspace: Int = 1 << 20) -> Journal {
    var journal = Journal(clock: clock)
    _ = journal.open("model.embed_tokens.weight", .weights, [1000, 65536], .fp32)
    _ = journal.open("layers.0.q_proj.lora_A.weight", .adapters, [16, 64], .fp32)
    journal.advance(to: Moment(1))
    let output = journal.open("layers.0.output", .activations, [32768, 1024], .fp32)
    journal.advance(to: Moment(2))
    let workspace = journal.open("layers.0.attention.workspace", .workspace, [workspace], .fp32)
    journal.close(workspace)
    journal.close(output)
    return journal
  }

  /// - Parameters:
  ///   - low: MiB less than expected that it may be.
  ///   - high: MiB more than expected that it may be.
  static func plan(low: Int = 20, high: Int = 80) -> Plan {
    let journal = journal()
    let ledger = Ledger(posting: journal)
    var work = WorkSheet()
    for (phase, count) in [(WorkSheet.Phase.forward, 2_000_000_000), (.backward, 3_500_000_000), (.optimizer, 12_000)] {
      work.record(
        WorkSheet.Line(
          operation: "all", phase: phase, share: .trained, isMatrixProduct: true, flops: FLOPs(count)))
    }
    let expected = ledger.peak.bytes + 100 * Bytes.mebi
    return Plan(
      spec: spec, recipe: resolved.recipe, assumptions: resolved.assumptions, journal: journal, ledger: ledger,
      work: work, parameters: ParameterCounts(of: spec, method: resolved.recipe.method),
      allocated: Interval(exactly: ledger.peak.bytes), reserved: Interval(exactly: ledger.peak.bytes + Bytes.mebi),
      device: Interval(
        low: expected - low * Bytes.mebi, expected: expected, high: expected + high * Bytes.mebi,
        causes: low + high == 0 ? [] : ["nobody named the device, and a context takes 80 to 180 MiB"]),
      target: nil)
  }

  static func report(budget: Bytes) -> FitReport {
    FitReport(verdict: Verdict.judge(plan(), budget: budget), remedies: nil)
  }

  /// A method that was planned, one that was refused, and a card for the first.
  static func comparison(budget: Bytes?) throws -> Comparison {
    let device = try #require(DeviceCatalog.named("rtx-4060"))
    let (lora, dora) = (try #require(ComparedMethod.named("lora")), try #require(ComparedMethod.named("dora")))
    let verdict = Verdict.judge(plan(), budget: budget ?? device.usable)
    let card = SmallestCard(device: device, bytes: verdict.plan.device, answer: .yes)
    let refusal = PlanError.notModeled(what: "DoRA", stack: .plimsoll, advice: "plan --stack trl")
    return Comparison(
      spec: spec,
      rows: [
        Comparison.Row(
          method: lora,
          outcome: .planned(
            Comparison.Planned(verdict: verdict, smallest: card, speed: nil, speedDevice: nil))),
        Comparison.Row(method: dora, outcome: .refused(refusal)),
      ], device: nil, budget: budget, assumptions: ["rank: 16"])
  }

  /// 20 samples, three of them cut, without a card.
  static func data() throws -> DataStudy {
    let samples = SampleLengths(
      lengths: Array(repeating: 20, count: 12) + [40, 41, 60, 90, 128, 130, 200, 400],
      basis: .bytes(BytesPerToken(vocabularySize: 32_000)), notes: ["a line was left out"])
    return try DataStudy(
      name: "data.jsonl", samples, spec, resolved.recipe, sequence: 128, order: .random, passes: 2, on: nil)
  }

  static func check(balanced: Bool) -> CheckSummary {
    let planned = Ledger(posting: journal())
    let measured = balanced ? planned : Ledger(posting: journal(workspace: (1 << 20) + 64))
    return CheckSummary(
      title: "toy|llama with QLoRA", reconciliation: Reconciliation(planned: planned, measured: measured),
      plannedMoment: "backward.layer.0", measuredMoment: "backward.layer.0",
      resident: CheckSummary.ResidentBytes(
        baseline: 30 * Bytes.mebi, peak: 420 * Bytes.mebi, explained: 418 * Bytes.mebi),
      tokensPerSecond: 1234.5, loss: 6.907755, flopsPerSecond: 150e9, productPeak: 200e9,
      profile: CheckSummary.Profile(
        lines: [
          CheckSummary.Profile.Line(operation: "forward.down", seconds: 0.0125, productSeconds: 0.012),
          CheckSummary.Profile.Line(operation: "forward.norm", seconds: 0.0005, productSeconds: 0),
        ], productShare: 0.923), stamp: ["date: 2026-01-31T23:59:59Z", "processor: Example | 4 cores"])
  }
}
