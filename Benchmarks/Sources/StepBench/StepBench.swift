import Bookkeeping
import Machine
import Modeling
import Planning
import Training

// Times training steps at the shape of SmolLM2-135M, prints where the time goes and how planned and measured memory agree.
//
//   swift run -c release StepBench [full|lora|qlora] [sequence] [steps] [checkpointing]

@main
struct StepBench {
  static func main() throws {
    let arguments = CommandLine.arguments.dropFirst()
    let words = Array(arguments)
    let method = Method.Name(rawValue: words.first ?? "full") ?? .full
    let sequence = words.count > 1 ? Int(words[1]) ?? 512 : 512
    let steps = words.count > 2 ? Int(words[2]) ?? 5 : 5
    let spec = try smolLM2()
    var request = RecipeRequest()
    request.stack = .plimsoll
    request.method = method
    request.sequence = sequence
    request.usesGradientCheckpointing = words.contains("checkpointing")
    let resolved = try request.resolved(for: spec)
    let plan = try Planner.plan(spec, resolved, threads: EngineThreads.count)

    EngineThreads.warmUp()
    let canReset = ResidentSet.resetPeak()
    let baseline = try ResidentSet.read().current
    let trainer = try Trainer(spec, resolved.recipe, source: SeededWeights(seed: 1))
    var rates: [Double] = []
    print("after load: live \(trainer.arena.live.count), rss \(try ResidentSet.read().current.count - baseline.count)")
    for step in 1...steps {
      print(
        "rss-live at start \(try ResidentSet.read().current.count - baseline.count - trainer.arena.live.count) peak \(try ResidentSet.read().peak.count - baseline.count)"
      )
      var generator = SystemRandomNumberGenerator()
      let tokens = (0..<sequence).map { _ in Int32.random(in: 0..<Int32(spec.vocabularySize), using: &generator) }
      let result = try trainer.step([Trainer.MicroBatch(tokens: tokens, labels: tokens)])
      rates.append(result.tokensPerSecond)
      print(
        "step \(step): loss \(Fixed.text(result.loss, decimals: 4)), \(Fixed.text(result.tokensPerSecond, decimals: 1)) "
          + "tokens/s, products \(Fixed.text(result.profile.productShare * 100, decimals: 1)) %, "
          + "balanced \(result.ledger.peak.bytes == plan.ledger.peak.bytes)")
      if step == steps {
        for line in result.profile.lines.prefix(16) {
          print(
            "  \(line.operation): \(Fixed.text(line.seconds * 1e3, decimals: 1)) ms, "
              + "products \(Fixed.text(line.productSeconds * 1e3, decimals: 1)) ms")
        }
      }
    }
    let peak = try ResidentSet.read().peak - baseline
    let planned = plan.ledger.peak.bytes
    print(
      "occupied \(trainer.arena.occupiedHighWater.count - planned.count) over planned; rest \(peak.count - trainer.arena.occupiedHighWater.count)"
    )
    print("median \(Fixed.text(rates.sorted()[rates.count / 2], decimals: 1)) tokens/s")
    print(
      "planned peak \(planned), arena \(trainer.arena.highWater), RSS growth \(peak) (reset \(canReset)), "
        + "ratio \(Fixed.text(Double(peak.count) / Double(planned.count), decimals: 4))")
  }

  static func smolLM2() throws -> ModelSpec {
    try ModelSpec(
      name: "smollm2-135m", architecture: .llama, layerCount: 30, hiddenSize: 576,
      attention: AttentionSpec(heads: 9, keyValueHeads: 3, headDimension: 64),
      feedForward: FeedForwardSpec(intermediateSize: 1536), vocabularySize: 49152, tiesEmbeddings: true,
      normalization: Normalization(kind: .rms, epsilon: 1e-5), positions: .rotary(RotarySpec(theta: 100_000)),
      maximumPositions: 8192)
  }
}
