import Bookkeeping
import Foundation
import Kernels
import Modeling
import Texts
import Training

/// Trains the real SmolLM2-135M in full, on the same tokens again and again at a small learning rate, in every way to
/// keep its weights, and writes the loss curves side by side.
struct PrecisionBench {
  var model = TuneBench.defaultModel
  var data = "Benchmarks/data/fine-tuning-memory.jsonl"
  var report = "Reports/precision"
  var steps = 8
  var sequence = 256
  var learningRate = 1e-5

  /// How weights are kept and what is calculated in.
  enum Way: CaseIterable {
    case fp32, masters, stochastic, halves, nearest

    var name: String {
      switch self {
      case .fp32: "fp32"
      case .masters: "fp32 weights, bf16 arithmetic"
      case .stochastic: "bf16 weights, stochastic rounding"
      case .halves: "the same, partial sums in fp16"
      case .nearest: "bf16 weights, rounding to nearest"
      }
    }

    /// What the commands are told; the last is no recipe of the engine.
    var flags: String {
      switch self {
      case .fp32: "`--dtype fp32`"
      case .masters: "`--dtype fp32 --precision autocast`"
      case .stochastic: "`--dtype bf16`"
      case .halves: "`--dtype bf16 --partial-sums fp16`"
      case .nearest: "none: weights rounded between steps"
      }
    }
  }

  /// A curve and what it cost.
  struct Curve {
    let way: Way
    var losses: [Double] = []
    var rates: [Double] = []
    var peak = Bytes.zero

    /// The last loss is of the weights after all but one of the steps.
    var drop: Double { (losses.first ?? .nan) - (losses.last ?? .nan) }
  }

  func run(stamp: [String]) throws {
    let spec = try ModelReference(resolving: model).spec
    let batch = try batch()
    var curves: [Curve] = []
    for way in Way.allCases where way != .halves || PartialSums.fp16.isAvailable {
      PartialSums.use(way == .halves ? .fp16 : .fp32)
      defer { PartialSums.use(.fp32) }
      FileHandle.standardError.write(Data("training: \(way.name)\n".utf8))
      curves.append(try curve(way, spec, batch))
    }
    let markdown = text(curves, stamp)
    try FileManager.default.createDirectory(atPath: "Reports", withIntermediateDirectories: true)
    try markdown.write(toFile: report + ".md", atomically: true, encoding: .utf8)
    var csv = stamp.map { "# \($0)\n" }.joined() + "way,step,loss\n"
    for curve in curves {
      for (step, loss) in curve.losses.enumerated() { csv += "\"\(curve.way.name)\",\(step + 1),\(loss)\n" }
    }
    try csv.write(toFile: report + ".csv", atomically: true, encoding: .utf8)
    print(markdown)
  }

  private func curve(_ way: Way, _ spec: ModelSpec, _ batch: Trainer.MicroBatch) throws -> Curve {
    var request = RecipeRequest()
    request.stack = .plimsoll
    request.method = .full
    request.sequence = sequence
    request.loss = .chunked
    request.learningRate = learningRate
    request.weightFormat = way == .stochastic || way == .halves ? .bf16 : .fp32
    request.precision = way == .masters || way == .nearest ? .autocast : .pure
    let trainer = try Trainer(
      spec, request.resolved(for: spec).recipe, source: CheckpointWeights.open(model, for: spec), seed: 1)
    var curve = Curve(way: way)
    if way == .nearest { try roundToNearest(trainer) }
    for _ in 0..<steps {
      let result = try trainer.step([batch], learningRate: learningRate, maximumGradientNorm: 1)
      curve.losses.append(result.loss)
      curve.rates.append(result.tokensPerSecond)
      if way == .nearest { try roundToNearest(trainer) }
    }
    curve.peak = trainer.arena.highWater
    return curve
  }

  /// What bf16 without masters and without stochastic rounding does to the update that was just made.
  private func roundToNearest(_ trainer: Trainer) throws {
    for parameter in trainer.trained {
      try trainer.set(parameter.name, to: parameter.values().map { BFloat16(nearest: $0).single })
    }
  }

  /// The first examples that fill a sequence, every token of which is learned.
  private func batch() throws -> Trainer.MicroBatch {
    let tokenizer = try Tokenizer(path: model)
    let text = try String(contentsOfFile: data, encoding: .utf8)
    let tokens = tokenizer.encode(String(text.prefix(8 * sequence))).prefix(sequence)
    return Trainer.MicroBatch(tokens: Array(tokens), labels: Array(tokens))
  }

  private func text(_ curves: [Curve], _ stamp: [String]) -> String {
    func row(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |\n" }
    let reference = curves.first?.drop ?? .nan
    var text = """
      # Full fine-tuning in bf16: what becomes of small updates

      `Bench precision`: SmolLM2-135M with its real weights, 1 × \(sequence) tokens of \(data), the same in every step,
      AdamW at a constant \(learningRate), gradients clipped to a norm of 1. AdamW moves each weight by about the rate; a
      weight of 0.1 has its bf16 neighbors at a distance of 2⁻⁴ · 2⁻⁷ = 4.9e-4. To the nearest such an update is lost in
      every step; rounded at random it arrives in one step of fifty.

      The checkpoint's weights are bf16 numbers. Where products read masters rounded to bf16, a weight therefore stays what
      it was until its updates have come to half a step, and many do in the same step: that curve comes down in jumps.


      """
    text += row(["loss before step"] + curves.map(\.way.name))
    text += row(["---:"] + curves.map { _ in "---:" })
    for step in 0..<steps {
      text += row(["\(step + 1)"] + curves.map { Fixed.text($0.losses[step], decimals: 4) })
    }
    text += row(["in all"] + curves.map { "−" + Fixed.text($0.drop, decimals: 4) })
    text += row(["of fp32's"] + curves.map { Fixed.text($0.drop / reference * 100, decimals: 0) + " %" })
    text += row(["peak MiB"] + curves.map { $0.peak.mebibytes() })
    text += row(["flags"] + curves.map(\.way.flags))
    return text + "\n## Measured with\n\n" + stamp.map { "- \($0)\n" }.joined()
  }
}
