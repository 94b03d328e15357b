import Bookkeeping
import Foundation

/// Trains the real SmolLM2-135M with every method on our own examples, and writes what came of it in one table.
struct TuneBench {
  let program: String
  /// Holds the model, as `make model` leaves it.
  var model = TuneBench.defaultModel
  var data = "Benchmarks/data/fine-tuning-memory.jsonl"
  var report = "Reports/fine-tuning"
  var epochs = 2

  /// One way to train; the learning rates are the usual ones of each method, not searched for.
  struct Setting {
    let name: String
    let flags: [String]

    static let all: [Setting] =
      [Setting(name: "full", flags: ["--method", "full", "--learning-rate", "5e-5"])]
      + [4, 8, 16, 32, 64].map { rank in
        Setting(
          name: "lora, rank \(rank)",
          flags: ["--method", "lora", "--rank", "\(rank)", "--alpha", "\(2 * rank)", "--learning-rate", "5e-4"])
      }
      + [
        Setting(
          name: "qlora, rank 16",
          flags: ["--method", "qlora", "--rank", "16", "--alpha", "32", "--learning-rate", "5e-4"])
      ]
  }

  func run(stamp: [String]) throws {
    var markdown = """
      # Fine-tuning SmolLM2-135M on our own examples

      `make tune`: \(data), \(epochs) epochs, 1 × 512 tokens packed, linear schedule with 4 warm-up steps, a tenth of the
      examples kept for evaluation, the same ones for every method.

      | method | evaluation loss before | after | perplexity after | peak MiB planned | measured | tokens/s | balanced |
      | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |

      """
    var csv = "method,loss_before,loss_after,planned_peak_bytes,measured_peak_bytes,tokens_per_second,balanced\n"
    var losses: [String: Double] = [:]
    for setting in Setting.all {
      FileHandle.standardError.write(Data("training: \(setting.name)\n".utf8))
      let outcome = try train(setting)
      losses[setting.name] = outcome.after
      let perplexity = Fixed.text(exp(outcome.after), decimals: 3)
      markdown +=
        "| \(setting.name) | \(Fixed.text(outcome.before, decimals: 4)) | \(Fixed.text(outcome.after, decimals: 4)) | "
        + "\(perplexity) | \(Bytes(outcome.planned).mebibytes()) | \(Bytes(outcome.measured).mebibytes()) | "
        + "\(Fixed.text(outcome.rate, decimals: 1)) | \(outcome.isBalanced ? "yes" : "no") |\n"
      csv +=
        "\"\(setting.name)\",\(outcome.before),\(outcome.after),\(outcome.planned),\(outcome.measured),"
        + "\(outcome.rate),\(outcome.isBalanced)\n"
    }
    if let lora = losses["lora, rank 16"], let qlora = losses["qlora, rank 16"] {
      markdown +=
        "\nQLoRA's evaluation loss is \(Fixed.text((qlora / lora - 1) * 100, decimals: 2)) % off LoRA's at rank 16.\n"
    }
    markdown += "\n## Measured with\n\n" + stamp.map { "- \($0)\n" }.joined()
    try markdown.write(toFile: report + ".md", atomically: true, encoding: .utf8)
    try (stamp.map { "# \($0)\n" }.joined() + csv).write(toFile: report + ".csv", atomically: true, encoding: .utf8)
    print(markdown)
  }

  private struct Outcome {
    let before: Double
    let after: Double
    let planned: Int
    let measured: Int
    let rate: Double
    let isBalanced: Bool
  }

  private func train(_ setting: Setting) throws -> Outcome {
    let output = FileManager.default.temporaryDirectory.appendingPathComponent("plimsoll-tune-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: output) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments =
      ["run", model, "--data", data, "--epochs", "\(epochs)", "--seq", "512", "--packing", "--warmup-steps", "4"]
      + ["--save-every", "0", "--seed", "1", "--output", output.path, "--format", "json"] + setting.flags
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try process.run()
    let text = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0, let last = text.split(separator: UInt8(ascii: "\n")).last,
      let summary = try JSONSerialization.jsonObject(with: Data(last)) as? [String: Any],
      let evaluations = summary["evaluations"] as? [[String: Any]],
      let before = evaluations.first?["loss"] as? Double, let after = evaluations.last?["loss"] as? Double,
      let planned = summary["planned_peak_bytes"] as? Int, let measured = summary["peak_bytes"] as? Int,
      let rate = summary["tokens_per_second"] as? Double, let isBalanced = summary["balanced"] as? Bool
    else { throw BenchError.runFailed(setting.name, process.terminationStatus) }
    return Outcome(
      before: before, after: after, planned: planned, measured: measured, rate: rate, isBalanced: isBalanced)
  }

  static var defaultModel: String {
    let folder = ProcessInfo.processInfo.environment["PLIMSOLL_MODELS"] ?? NSHomeDirectory() + "/.cache/plimsoll/models"
    return folder + "/smollm2-135m-instruct-q4_1.gguf"
  }
}
