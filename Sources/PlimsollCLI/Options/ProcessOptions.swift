import ArgumentParser
import Bookkeeping
import Modeling

/// How the process that trains is started, and what data it meets.
struct ProcessOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "PYTORCH_CUDA_ALLOC_CONF of the process, such as expandable_segments:True.", valueName: "settings"))
  var allocConf: String?

  @Option(
    help: ArgumentHelp(
      "CUBLAS_WORKSPACE_CONFIG of the process: pairs of KiB and count, such as :4096:8.", valueName: "pairs"))
  var cublasWorkspace: String?

  @Option(
    name: .long, parsing: .unconditional,
    help: "Steps after which the cache is emptied, as the Trainer's torch_empty_cache_steps. (default: never)",
    transform: Number.whole)
  var emptyCacheSteps: Int?

  @Option(
    help: ArgumentHelp(
      "Lengths of samples: uniform:200-2048, or a file with one number of tokens a line. (default: all of one length)",
      valueName: "rule|file"))
  var lengths: String?

  /// Puts what was said into a request.
  func fill(_ request: inout RecipeRequest) throws {
    if let lengths {
      request.lengths = try LengthDistribution(rule: lengths) ?? LengthDistribution(contentsOf: lengths)
    }
    let said = request.runtime ?? .standard
    request.runtime = try RuntimeSettings(
      allocator: allocConf.map { try AllocatorSettings(parsing: $0) } ?? said.allocator,
      cublasWorkspace: cublasWorkspace.map { try RuntimeSettings.cublasWorkspace(parsing: $0) } ?? said.cublasWorkspace,
      emptyCacheSteps: emptyCacheSteps ?? said.emptyCacheSteps)
  }
}
