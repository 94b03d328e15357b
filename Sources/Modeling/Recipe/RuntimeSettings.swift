public import Bookkeeping

/// What a process is started with that decides memory beside the recipe's own arithmetic.
public struct RuntimeSettings: Hashable, Sendable {
  /// `PYTORCH_CUDA_ALLOC_CONF`.
  public var allocator: AllocatorSettings
  /// `CUBLAS_WORKSPACE_CONFIG` in bytes; `nil` for torch's own choice by device.
  public var cublasWorkspace: Bytes?
  /// `torch_empty_cache_steps`: every so many steps the cache is emptied between forward and backward; `nil` for never.
  public var emptyCacheSteps: Int?

  /// - Throws: ``RecipeError/outOfRange(_:_:_:)`` for an interval that is not at least one step.
  public init(
    allocator: AllocatorSettings = .standard, cublasWorkspace: Bytes? = nil, emptyCacheSteps: Int? = nil
  ) throws(RecipeError) {
    if let emptyCacheSteps, emptyCacheSteps < 1 {
      throw .outOfRange("empty-cache-steps", "\(emptyCacheSteps)", "at least 1")
    }
    self.allocator = allocator
    self.cublasWorkspace = cublasWorkspace
    self.emptyCacheSteps = emptyCacheSteps
  }

  private init() {
    allocator = .standard
    cublasWorkspace = nil
    emptyCacheSteps = nil
  }

  /// Nothing set.
  public static let standard = RuntimeSettings()

  /// Bytes of a `CUBLAS_WORKSPACE_CONFIG` such as `:4096:2:16:8`: sizes in KiB, each with its count.
  ///
  /// Source: torch aten/src/ATen/cuda/CublasHandlePool.cpp, `parseChosenWorkspaceSize`, which takes its own choice
  /// where nothing matches; here that is an error.
  public static func cublasWorkspace(parsing text: String) throws(RecipeError) -> Bytes {
    let wrong = RecipeError.outOfRange("cublas-workspace", text, "pairs of KiB and count, such as :4096:8")
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).dropFirst()
    let numbers = parts.compactMap { Int($0) }
    guard text.hasPrefix(":"), numbers.count == parts.count, !numbers.isEmpty, numbers.count.isMultiple(of: 2),
      numbers.allSatisfy({ (0...1 << 30).contains($0) })
    else { throw wrong }
    var kibibytes = 0
    for pair in stride(from: 0, to: numbers.count, by: 2) {
      let (product, overflows) = numbers[pair].multipliedReportingOverflow(by: numbers[pair + 1])
      guard !overflows, product < 1 << 40 else { throw wrong }
      kibibytes += product
    }
    return kibibytes * Bytes.kibi
  }
}
