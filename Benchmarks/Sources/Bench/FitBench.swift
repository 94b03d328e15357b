#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// `plimsoll fit` as a whole process, from start to exit.
struct FitBench {
  let program: String
  var runs = 20

  /// What people ask, and the largest model they ask it of.
  private let questions: [[String]] = [
    ["fit", "llama-2-7b", "--method", "qlora", "--vram", "8GB"],
    ["fit", "llama-2-70b", "--method", "qlora", "--vram", "80GB"],
    ["fit", "llama-2-70b", "--method", "full", "--vram", "80GB"],
    ["fit", "llama-2-70b", "--method", "lora", "--vram", "80GB", "--format", "json"],
  ]

  func run() throws {
    print("\n## `plimsoll fit`, the whole process, \(runs) runs after 2 warm-ups\n")
    print("| command | median ms | least | most |\n| --- | ---: | ---: | ---: |")
    for question in questions {
      var times: [Double] = []
      for run in 0..<runs + 2 {
        let seconds = try TimedProcess(program, question).seconds
        if run >= 2 { times.append(seconds * 1e3) }
      }
      print("| `plimsoll \(question.joined(separator: " "))` | \(Sample(times).cells(decimals: 1)) |")
    }
  }
}

/// Why a benchmark could not run.
enum BenchError: Error, CustomStringConvertible {
  case cannotStart(String, Int32)
  case runFailed(String, Int32)
  case commandFailed(String, Int32)
  case unknownModel(String)

  var description: String {
    switch self {
    case .unknownModel(let name): "\(name) is not in the catalog"
    case .commandFailed(let command, let status): "plimsoll \(command) ended with \(status)"
    case .runFailed(let name, let status):
      "training \(name) ended with \(status): is the model there? make model fetches it"
    case .cannotStart(let program, let code):
      "\(program) cannot be started (\(String(cString: strerror(code)))): build it first, with make build"
    }
  }
}
