import Bookkeeping

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// `plimsoll sweep` over ten thousand planned points, as a whole process with two threads.
struct SweepBench {
  let program: String

  /// Ranks and lengths that are all different: nothing is planned twice.
  private let questions: [(name: String, flags: [String])] = [
    ("llama-2-7b, LoRA", ["llama-2-7b", "--method", "lora"]),
    ("llama-2-7b, QLoRA", ["llama-2-7b", "--method", "qlora"]),
    ("smollm2-135m, LoRA", ["smollm2-135m", "--method", "lora"]),
  ]

  func run() throws {
    print("\n## `plimsoll sweep`, 100 ranks × 100 lengths, the whole process with --jobs 2\n")
    print("| sweep | seconds | processor seconds | points a second |\n| --- | ---: | ---: | ---: |")
    for question in questions {
      let flags =
        ["sweep"] + question.flags
        + ["--over", "rank=1..100", "--over", "seq=20..2000+20", "--jobs", "2", "--format", "csv"]
      let timed = try TimedProcess(program, flags)
      guard timed.status == 0 else { throw BenchError.runFailed("sweep", timed.status) }
      print(
        "| \(question.name) | \(Fixed.text(timed.seconds, decimals: 1)) | \(Fixed.text(timed.processorSeconds, decimals: 1)) "
          + "| \(Fixed.text(10_000 / timed.seconds, decimals: 0)) |")
    }
  }
}
