// Shape letters here: M, N, K the extents of a product C [M, N] = A [M, K] · B [K, N].

import CKernels

/// What this machine reaches at most, measured now: arithmetic in registers, matrix products, and memory.
///
/// Every figure is the best of several tries, because whatever else runs only takes away.
public enum Ceilings {
  /// What arithmetic instructions are timed.
  public enum Loop: Sendable, CaseIterable {
    /// The widest multiply-adds of fp32 numbers.
    case multiplyAdd
    /// Dot products of bf16 pairs, summed in fp32.
    case dotProduct
    /// Multiply-adds of halves, summed in halves.
    case halfMultiplyAdd

    fileprivate var instructions: Int32? {
      switch self {
      case .multiplyAdd: min(ProductInstructions.best, .avx512).rawValue
      case .dotProduct: ProductInstructions.best == .avx512BF16 ? ProductInstructions.avx512BF16.rawValue : nil
      case .halfMultiplyAdd: PartialSums.fp16.isAvailable ? Int32(PLK_AVX512_FP16) : nil
      }
    }
  }

  /// How memory is streamed through.
  public enum Stream: Sendable, CaseIterable {
    case read
    case write
    /// a = b + s·c: two reads and a write, the write counted once.
    case triad
  }

  /// Floating-point operations a second over registers alone, nil where the processor has no such instruction.
  public static func rate(of loop: Loop, threads: Int) -> Double? {
    guard let instructions = loop.instructions else { return nil }
    let rounds: Int64 = 2_000_000
    return best { () -> Double in
      var operations = 0.0
      let seconds = time {
        Parallelism.forEachTask(threads, limit: threads) { _, _ in
          plk_instruction_loop(instructions, rounds)
        }
        operations = Double(threads) * plk_instruction_operations(instructions, rounds)
      }
      return operations / seconds
    }
  }

  /// Floating-point operations a second of the products of a linear layer's forward pass, all operands in one format;
  /// nil where the processor has no such sums.
  public static func productRate<Element: Number>(
    of format: Element.Type, sums: PartialSums = .fp32, m: Int, n: Int, k: Int, threads: Int
  ) -> Double? {
    guard sums.isAvailable else { return nil }
    let before = PartialSums.used
    PartialSums.use(sums)
    defer { PartialSums.use(before) }
    let x = [Element](repeating: Element(nearest: 0.5), count: m * k)
    let weight = [Element](repeating: Element(nearest: 0.25), count: n * k)
    var y = [Element](repeating: Element(nearest: 0), count: m * n)
    return withThreads(threads) {
      best {
        let seconds = time {
          MatrixProduct.forward(x: x.span, weight: weight.span, rows: m, input: k, output: n, into: y.mutableSpan)
        }
        return 2 * Double(m) * Double(n) * Double(k) / seconds
      }
    }
  }

  /// Bytes a second through `bytes` of memory for every operand, which should be more than the caches hold.
  public static func bandwidth(of stream: Stream, bytes: Int, threads: Int) -> Double {
    let count = bytes / MemoryLayout<Float>.stride / 2 * 2
    var a = [Float](repeating: 1, count: count)
    let b = stream == .triad ? [Float](repeating: 2, count: count) : []
    let c = stream == .triad ? [Float](repeating: 3, count: count) : []
    return withThreads(threads) {
      best {
        let seconds = time { pass(stream, over: &a, b, c) }
        return Double(count * MemoryLayout<Float>.stride * (stream == .triad ? 3 : 1)) / seconds
      }
    }
  }

  private static func pass(_ stream: Stream, over a: inout [Float], _ b: [Float], _ c: [Float]) {
    // Bound before the threads start, so that they share addresses and not the array.
    var span = a.mutableSpan
    let count = span.count
    guard let target = span.address else { return }
    let (left, right) = (b.span.address, c.span.address)
    Parallelism.forEachRange(count, grain: 1 << 18) { range in
      let start = target + range.lowerBound
      switch stream {
      case .read:
        let words = UnsafeRawPointer(start).assumingMemoryBound(to: UInt64.self)
        keep(plk_stream_read(words, Int64(range.count / 2)))
      case .write: plk_stream_write(start, 4, Int64(range.count))
      case .triad:
        guard let left, let right else { return }
        plk_stream_triad(start, left + range.lowerBound, right + range.lowerBound, 0.5, Int64(range.count))
      }
    }
  }

  @inline(never) private static func keep(_ bits: UInt64) { withExtendedLifetime(bits) {} }

  /// The best of at least four tries, and of as many as go into a sixth of a second.
  private static func best(_ body: () -> Double) -> Double {
    let first = ContinuousClock.now
    var (most, count) = (0.0, 0)
    while count < 4 || (count < 1000 && ContinuousClock.now - first < .milliseconds(160)) {
      most = max(most, body())
      count += 1
    }
    return most
  }

  private static func time(_ body: () -> Void) -> Double {
    let start = plk_now()
    body()
    return Double(max(1, plk_now() - start)) * 1e-9
  }

  private static func withThreads<Result>(_ threads: Int, _ body: () -> Result) -> Result {
    let before = Parallelism.threads
    Parallelism.configure(threads: threads)
    defer { Parallelism.configure(threads: before) }
    return body()
  }
}

extension ProductInstructions: Comparable {
  package static func < (a: ProductInstructions, b: ProductInstructions) -> Bool { a.rawValue < b.rawValue }
}
