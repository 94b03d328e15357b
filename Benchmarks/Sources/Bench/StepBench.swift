import Bookkeeping
import Machine
import Modeling
import Training

/// Training steps of the engine at the shape of SmolLM2-135M, one method after the other.
struct StepBench {
  var steps = 5

  func run() throws {
    let spec = try ModelReference(resolving: "smollm2-135m").spec
    print("\n## A step of the engine at SmolLM2-135M's shape, 1 × 512 tokens, fp32, \(steps) steps after 2 warm-ups\n")
    print("| method | median tokens/s | least | most | in products % | GFLOP/s in products | peak MiB |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    var profiles: [(String, StepProfile)] = []
    for method in [Method.Name.full, .lora, .qlora] {
      for checkpointing in [false, true] {
        let name = method.rawValue + (checkpointing ? ", checkpointing" : "")
        profiles.append((name, try time(spec, method, checkpointing, name)))
      }
    }
    for (name, profile) in profiles where !name.contains("checkpointing") {
      print(
        "\n### Where the time of a step goes: \(name)\n\n| operation | ms | in products, ms |\n| --- | ---: | ---: |")
      for line in profile.lines.prefix(12) {
        print(
          "| \(line.operation) | \(Fixed.text(line.seconds * 1e3, decimals: 1)) | "
            + "\(Fixed.text(line.productSeconds * 1e3, decimals: 1)) |")
      }
    }
  }

  private func time(
    _ spec: ModelSpec, _ method: Method.Name, _ checkpointing: Bool, _ name: String
  ) throws -> StepProfile {
    var request = RecipeRequest()
    request.stack = .plimsoll
    request.method = method
    request.sequence = 512
    request.usesGradientCheckpointing = checkpointing
    let recipe = try request.resolved(for: spec).recipe
    let trainer = try Trainer(spec, recipe, source: SeededWeights(seed: 1))
    let tokens = (0..<512).map { Int32(($0 * 7919 + 13) % spec.vocabularySize) }
    var rates: [Double] = []
    var shares: [Double] = []
    var speeds: [Double] = []
    var profile = StepProfile()
    for step in 0..<steps + 2 {
      let result = try trainer.step([Trainer.MicroBatch(tokens: tokens, labels: tokens)])
      profile = result.profile
      guard step >= 2 else { continue }
      rates.append(result.tokensPerSecond)
      shares.append(profile.productShare * 100)
      speeds.append(Double(profile.productFLOPs.count) / profile.productSeconds / 1e9)
    }
    print(
      "| \(name) | \(Sample(rates).cells(decimals: 1)) | \(Fixed.text(Sample(shares).median, decimals: 1)) | "
        + "\(Fixed.text(Sample(speeds).median, decimals: 1)) | \(trainer.arena.highWater.mebibytes()) |")
    return profile
  }
}
