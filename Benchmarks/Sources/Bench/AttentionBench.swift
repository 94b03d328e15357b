import Bookkeeping
import Foundation
import Modeling
import Planning
import Training

// Shape letters here: S tokens of a sequence, A heads.

/// What attention holds and takes at lengths from hundreds to thousands of tokens, planned beside measured.
struct AttentionBench {
  var report = "Reports/attention.md"
  var sequences = [512, 2048, 8192]

  /// The tensors of one layer that are there for attention alone, flows and workspaces included.
  private static let tensors = ["query", "key", "value", "context", "logsumexp", "attention"]

  func run(stamp: [String]) throws {
    let spec = try ModelReference(resolving: "smollm2-135m").spec
    var text = """
      # Attention at 512, 2048 and 8192 tokens

      `Bench attention`: one LoRA step of SmolLM2-135M's shape (9 heads of 64, 30 layers) on one sequence in fp32, layers
      checkpointed. Attention's memory is the most that is live at once of a layer's queries, keys, values, outputs,
      logsumexps, their gradients and the threads' blocks of scores; beside it, what the scores of all pairs of tokens would
      take, which the engine never holds: four times the tokens are four times the bytes.


      """
    func row(_ cells: [String]) { text += "| " + cells.joined(separator: " | ") + " |\n" }
    row([
      "tokens", "planned bytes", "measured bytes", "bytes a token", "of them blocks of scores", "all scores, bytes",
      "whole step, MiB", "attention, s", "step, s",
    ])
    row(Array(repeating: "---:", count: 9))
    for sequence in sequences {
      FileHandle.standardError.write(Data("attention: \(sequence) tokens\n".utf8))
      let resolved = try recipe(spec, sequence)
      let planned = try Planner.plan(spec, resolved, threads: EngineThreads.count).ledger
      let trainer = try Trainer(spec, resolved.recipe, source: SeededWeights(seed: 1))
      let tokens = (0..<sequence).map { Int32(($0 * 7919 + 13) % spec.vocabularySize) }
      var result = try trainer.step([Trainer.MicroBatch(tokens: tokens, labels: tokens)])
      let measured = Self.bytes(of: Self.tensors, in: result.ledger)
      // The second step's time: the first touches memory.
      if sequence < 8192 { result = try trainer.step([Trainer.MicroBatch(tokens: tokens, labels: tokens)]) }
      let attention = result.profile.lines.filter { $0.operation.hasSuffix(".attention") }.map(\.seconds).reduce(0, +)
      let scores = spec.attention.heads * sequence * sequence * 4
      row([
        "\(sequence)", Fixed.grouped(Self.bytes(of: Self.tensors, in: planned).count), Fixed.grouped(measured.count),
        Fixed.text(Double(measured.count) / Double(sequence), decimals: 0),
        Fixed.grouped(Self.bytes(of: ["attention"], in: result.ledger).count), Fixed.grouped(scores),
        trainer.arena.highWater.mebibytes(), Fixed.text(attention, decimals: 2),
        Fixed.text(result.seconds, decimals: 2),
      ])
    }
    text += "\n## Measured with\n\n" + stamp.map { "- \($0)\n" }.joined()
    try FileManager.default.createDirectory(atPath: "Reports", withIntermediateDirectories: true)
    try text.write(toFile: report, atomically: true, encoding: .utf8)
    print(text)
  }

  private func recipe(_ spec: ModelSpec, _ sequence: Int) throws -> ResolvedRecipe {
    var request = RecipeRequest()
    request.stack = .plimsoll
    request.method = .lora
    request.sequence = sequence
    request.usesGradientCheckpointing = true
    return try request.resolved(for: spec)
  }

  /// The most bytes of a layer's tensors of these names that are live at one moment.
  private static func bytes(of names: [String], in ledger: Ledger) -> Bytes {
    let prefix = "layers.3."
    let own = ledger.entries.filter { entry in
      guard entry.name.hasPrefix(prefix) else { return false }
      let parts = entry.name.dropFirst(prefix.count).split(separator: ".").map(String.init)
      return parts.first.map(names.contains) == true
    }
    // Whatever opens makes the most of what is live then.
    return own.map { opening in
      own.filter { entry in
        entry.opened <= opening.opened && (entry.closed.map { $0 >= opening.opened } ?? true)
      }.reduce(Bytes.zero) { $0 + $1.bytes }
    }.max() ?? .zero
  }
}
