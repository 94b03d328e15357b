import Bookkeeping
import Foundation
import Kernels
import Machine
import Training

/// Times what the project promises to be fast: an answer of the planner, an estimate of its search, a sweep, and a step
/// of the engine.
///
///     swift run -c release --package-path Benchmarks Bench [fit] [estimate] [sweep] [step] [tune] [PATH-TO-PLIMSOLL]
///     swift run -c release --package-path Benchmarks Bench precision
///     swift run -c release --package-path Benchmarks Bench attention
///     swift run -c release --package-path Benchmarks Bench flagship [qlora-7b] [lora-7b] [qlora-13b] [full-7b]
///
/// Prints Markdown: the stamp, then medians with their spread. Machines are noisy: compare ratios of one run.
@main
struct Bench {
  static func main() throws {
    let words = CommandLine.arguments.dropFirst()
    let program = words.first { $0.contains("/") } ?? ".build/release/plimsoll"
    let wanted = Set(words.filter { !$0.contains("/") })
    let topology = try Topology.load()
    EngineThreads.configure(topology.processor.recommendedThreads)
    let stamp = try Stamp.now(
      topology: topology, threads: EngineThreads.count,
      linearAlgebra: Stamp.LinearAlgebra(version: BLAS.version, core: BLAS.core),
      commit: Build.commitFromEnvironment())
    if wanted.contains("precision") { return try PrecisionBench().run(stamp: stamp.lines) }
    if wanted.contains("attention") { return try AttentionBench().run(stamp: stamp.lines) }
    if wanted.contains("tune") { return try TuneBench(program: program).run(stamp: stamp.lines) }
    if wanted.contains("flagship") {
      let checkpoint = ProcessInfo.processInfo.environment["PLIMSOLL_CHECKPOINT"].flatMap { $0.isEmpty ? nil : $0 }
      let bench = FlagshipBench(program: program, checkpoint: checkpoint)
      return try bench.run(wanted.subtracting(["flagship"]), stamp: stamp.lines)
    }
    print("# Benchmarks\n")
    for line in stamp.lines { print("- \(line)") }
    if wanted.isEmpty || wanted.contains("fit") { try FitBench(program: program).run() }
    if wanted.isEmpty || wanted.contains("estimate") { try EstimateBench().run() }
    if wanted.isEmpty || wanted.contains("sweep") { try SweepBench(program: program).run() }
    if wanted.isEmpty || wanted.contains("step") { try StepBench().run() }
  }
}

/// Repeated figures: what is quoted is the median, beside the least and the most.
struct Sample {
  let values: [Double]

  init(_ values: [Double]) { self.values = values.sorted() }

  var median: Double { values.isEmpty ? .nan : values[values.count / 2] }

  func cells(decimals: Int) -> String {
    [median, values.first ?? .nan, values.last ?? .nan].map { Fixed.text($0, decimals: decimals) }
      .joined(separator: " | ")
  }
}
