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
      let (seconds, processor) = try time(flags)
      print(
        "| \(question.name) | \(Fixed.text(seconds, decimals: 1)) | \(Fixed.text(processor, decimals: 1)) "
          + "| \(Fixed.text(10_000 / seconds, decimals: 0)) |")
    }
  }

  private func time(_ arguments: [String]) throws -> (seconds: Double, processor: Double) {
    var files = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&files)
    defer { posix_spawn_file_actions_destroy(&files) }
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
    var words = ([program] + arguments).map { strdup($0) }
    words.append(nil)
    defer { for word in words { free(word) } }
    let start = ContinuousClock.now
    var child: pid_t = 0
    let code = posix_spawn(&child, program, &files, nil, words, environ)
    guard code == 0 else { throw BenchError.cannotStart(program, code) }
    var status: Int32 = 0
    var usage = rusage()
    wait4(child, &status, 0, &usage)
    guard status == 0 else { throw BenchError.runFailed("sweep", status) }
    let (whole, fraction) = (ContinuousClock.now - start).components
    let processor = [usage.ru_utime, usage.ru_stime].reduce(0.0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) * 1e-6 }
    return (Double(whole) + Double(fraction) * 1e-18, processor)
  }
}
