public import Bookkeeping

extension Device {
  /// Bytes that torch reserves for cuBLAS for each handle and stream, through its own allocator.
  ///
  /// Two blocks of 4 MiB and eight of 16 KiB, or 32 MiB from compute capability 9.0 on
  /// (aten/src/ATen/cuda/CublasHandlePool.cpp, `parseChosenWorkspaceSize`).
  public var cublasWorkspace: Bytes { Device.cublasWorkspace(for: computeCapability) }

  static func cublasWorkspace(for capability: ComputeCapability?) -> Bytes {
    guard let capability, capability.major >= 9 else { return Bytes(2 * 4_194_304 + 8 * 16_384) }
    return Bytes(32 << 20)
  }

  /// Handles that a training process makes: the main thread's and autograd's.
  public static let cublasHandles = 2

  /// What the allocator can get: the usable memory less the context, as it is expected.
  var memoryForTensors: Bytes { max(.zero, usable - context.expected) }
}
