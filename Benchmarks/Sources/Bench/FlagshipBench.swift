import Bookkeeping
import Foundation
import Kernels

/// Runs models of 7 and 13 billion parameters under limits that the system enforces, and writes what came of it beside
/// the plans made before.
///
/// What a run came to is kept in `flagship.json`, so that parts can be run one at a time; report and table are made of
/// all that is there.
struct FlagshipBench {
  let program: String
  /// A folder with a real checkpoint of Llama-2-7B; without one, weights are drawn from a seed.
  let checkpoint: String?
  var report = "Reports/flagship"

  /// One model to train in so much memory.
  struct Part {
    let name: String
    let title: String
    let model: String
    let recipe: [String]
    let limit: String
    let steps: Int
    /// Whether it is only planned, because nobody here could run it.
    var isPlanOnly = false
    /// Whether bf16 products are summed up in fp16 first, where the processor can; no plan depends on it.
    var usesHalfSums = false

    private static let steady = ["--batch", "1", "--seq", "512", "--checkpointing", "--optimizer", "adamw-8bit"]
    private static let adapter = ["--rank", "16", "--targets", "all-linear", "--learning-rate", "1e-3"]

    static let all = [
      Part(
        name: "qlora-7b", title: "Llama-2-7B, QLoRA, in 8 GiB", model: "llama-2-7b",
        recipe: ["--method", "qlora", "--quant", "nf4", "--double-quant"] + adapter + steady, limit: "8GB", steps: 4),
      Part(
        name: "qlora-7b-bf16", title: "Llama-2-7B, QLoRA in bf16 with partial sums in fp16, in 8 GiB",
        model: "llama-2-7b",
        recipe: ["--method", "qlora", "--quant", "nf4", "--double-quant", "--dtype", "bf16"] + adapter + steady,
        limit: "8GB", steps: 4, usesHalfSums: true),
      Part(
        name: "lora-7b", title: "Llama-2-7B, LoRA on weights in bf16", model: "llama-2-7b",
        recipe: ["--method", "lora", "--dtype", "bf16"] + adapter + steady, limit: "18GB", steps: 3),
      Part(
        name: "qlora-13b", title: "Llama-2-13B, QLoRA", model: "llama-2-13b",
        recipe: ["--method", "qlora", "--quant", "nf4", "--double-quant"] + adapter + steady, limit: "12GB", steps: 2),
      Part(
        name: "full-7b", title: "Llama-2-7B, every parameter: only planned", model: "llama-2-7b",
        recipe: ["--method", "full", "--optimizer-in-backward"] + steady, limit: "24GB", steps: 0, isPlanOnly: true),
    ]
  }

  /// Runs the named parts, all of them where none is named.
  func run(_ names: Set<String>, stamp: [String]) throws {
    var results = try read()
    for part in Part.all where names.isEmpty || names.contains(part.name) {
      guard !part.usesHalfSums || PartialSums.fp16.isAvailable else {
        say("\(part.name): this processor has no arithmetic in fp16")
        continue
      }
      say("\(part.name): planning")
      let plan = try start(
        ["fit", model(part)] + part.recipe + ["--stack", "plimsoll", "--vram", part.limit], ends: [0, 1])
      var result: [String: Any] = ["plan": plan, "stamp": stamp]
      if !part.isPlanOnly {
        result["check"] = try start(["check", model(part)] + flags(part), ends: [0, 1])
        result["ceiling"] = ProductCeiling.measure(usesHalfSums: part.usesHalfSums)
      }
      results[part.name] = result
      try JSONSerialization.data(withJSONObject: results, options: [.prettyPrinted, .sortedKeys])
        .write(to: URL(fileURLWithPath: report + ".json"))
    }
    let (markdown, csv) = FlagshipReport(results: results, command: command).rendered()
    try markdown.write(toFile: report + ".md", atomically: true, encoding: .utf8)
    try csv.write(toFile: report + ".csv", atomically: true, encoding: .utf8)
    print(markdown)
  }

  private func model(_ part: Part) -> String { part.model == "llama-2-7b" ? checkpoint ?? part.model : part.model }

  private func flags(_ part: Part) -> [String] {
    let weights = model(part) == part.model ? [] : ["--no-random-weights"]
    let sums = part.usesHalfSums ? ["--partial-sums", "fp16"] : []
    return part.recipe + sums + ["--steps", "\(part.steps)", "--repeat-data", "--limit", part.limit] + weights
  }

  private func command(_ part: Part) -> String {
    part.isPlanOnly
      ? "plimsoll fit \(model(part)) \(part.recipe.joined(separator: " ")) --stack plimsoll --vram \(part.limit)"
      : "plimsoll check \(model(part)) \(flags(part).joined(separator: " "))"
  }

  private func read() throws -> [String: Any] {
    guard let data = FileManager.default.contents(atPath: report + ".json") else { return [:] }
    return try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
  }

  /// One command of the program in a process of its own, and the object that it prints.
  private func start(_ arguments: [String], ends: Set<Int32>) throws -> [String: Any] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments + ["--format", "json"]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard ends.contains(process.terminationStatus),
      let object = try JSONSerialization.jsonObject(with: data) as? [String: Any]
    else { throw BenchError.commandFailed(arguments.joined(separator: " "), process.terminationStatus) }
    return FlagshipBench.withoutEntries(object)
  }

  /// The object without its lists of tensors, which are megabytes, and which no table shows.
  private static func withoutEntries(_ object: [String: Any]) -> [String: Any] {
    object.filter { $0.key != "entries" }.mapValues { value in
      (value as? [String: Any]).map(withoutEntries) ?? value
    }
  }

  private func say(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
}

/// The most operations a second that products of a 7B layer's shapes reach, with nothing around them.
enum ProductCeiling {
  /// The best of five products `[512, 4096] · [4096, 11008]` in fp32, or in bf16 with partial sums in fp16, after one that
  /// starts threads and touches memory.
  static func measure(usesHalfSums: Bool) -> Double {
    guard usesHalfSums else { return measure(Float.self) }
    PartialSums.use(.fp16)
    defer { PartialSums.use(.fp32) }
    return measure(BFloat16.self)
  }

  private static func measure<X: Number>(_ format: X.Type) -> Double {
    let (rows, input, output) = (512, 4096, 11008)
    let x = [X](repeating: X(nearest: 0.5), count: rows * input)
    let weight = [X](repeating: X(nearest: 0.25), count: output * input)
    var y = [X](repeating: X(nearest: 0), count: rows * output)
    var best = 0.0
    for round in 0...5 {
      let start = ContinuousClock.now
      MatrixProduct.forward(
        x: x.span, weight: weight.span, rows: rows, input: input, output: output, into: y.mutableSpan)
      let (whole, fraction) = (ContinuousClock.now - start).components
      let seconds = Double(whole) + Double(fraction) * 1e-18
      if round > 0 { best = max(best, Double(2 * rows * input * output) / seconds) }
    }
    return best
  }
}
