import CKernels

/// GGUF's block formats: so many elements in so many bytes, scales inside.
///
/// A block of 32 elements has an fp16 scale d, in some formats an fp16 minimum m, and codes q of 4, 5 or 8 bits; an
/// element is d·q, or d·q + m. A block of 256 (the K formats) has small integer scales for groups of its elements, which
/// are scaled by fp16 numbers in turn.
///
/// - SeeAlso: ggml, `ggml-common.h`, `struct block_*`, for the layouts; `ggml-quants.c`, `dequantize_row_*`, for the
///   formulas, which are followed bit for bit.
public enum BlockFormat: String, CaseIterable, Hashable, Sendable {
  case q4_0, q4_1, q5_0, q5_1, q8_0
  case q4_K, q5_K, q6_K

  /// Elements of a block.
  public var blockElements: Int {
    switch self {
    case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0: 32
    case .q4_K, .q5_K, .q6_K: 256
    }
  }

  /// Bytes of a block.
  public var blockBytes: Int {
    switch self {
    case .q4_0: 2 + 16
    case .q4_1: 2 + 2 + 16
    case .q5_0: 2 + 4 + 16
    case .q5_1: 2 + 2 + 4 + 16
    case .q8_0: 2 + 32
    case .q4_K: 2 + 2 + 12 + 128
    case .q5_K: 2 + 2 + 12 + 32 + 128
    case .q6_K: 128 + 64 + 16 + 2
    }
  }

  /// Fills `y` with the elements of whole blocks.
  ///
  /// - Parameters:
  ///   - blocks: ``blockBytes`` for every ``blockElements`` of `y`; they need not be aligned.
  ///   - y: a multiple of ``blockElements``.
  public func dequantize(_ blocks: Span<UInt8>, into y: consuming MutableSpan<Float>) {
    let elements = blockElements
    let bytes = blockBytes
    let count = y.count / elements
    precondition(y.count.isMultiple(of: elements), "\(y.count) elements are no whole blocks of \(elements)")
    expect("blocks", count: blocks.count, is: count * bytes)
    guard let source = blocks.address, let target = y.address else { return }
    let kernel = kernel
    Parallelism.forEachRange(count, grain: max(1, Parallelism.elementGrain / elements)) { range in
      kernel(target + range.lowerBound * elements, source + range.lowerBound * bytes, Int64(range.count))
    }
  }

  private typealias Kernel = (UnsafeMutablePointer<Float>?, UnsafePointer<UInt8>?, Int64) -> Void

  private var kernel: Kernel {
    switch self {
    case .q4_0: plk_dequantize_q4_0
    case .q4_1: plk_dequantize_q4_1
    case .q5_0: plk_dequantize_q5_0
    case .q5_1: plk_dequantize_q5_1
    case .q8_0: plk_dequantize_q8_0
    case .q4_K: plk_dequantize_q4_k
    case .q5_K: plk_dequantize_q5_k
    case .q6_K: plk_dequantize_q6_k
    }
  }
}
