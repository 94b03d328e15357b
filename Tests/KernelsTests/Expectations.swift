import Kernels
import Testing

/// The parent of every suite here: they set the number of threads, so they take turns.
@Suite(.serialized) enum KernelTests {}

/// Reproducible test values: a small multiplicative generator, so that no kernel is tested with its own random numbers.
struct TestValues {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
  }

  /// Uniform in -1 ..< 1, times scale.
  mutating func next(scale: Float = 1) -> Float {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return (Float(state >> 40) / Float(1 << 23) - 1) * scale
  }

  mutating func array(_ count: Int, scale: Float = 1) -> [Float] {
    (0..<count).map { _ in next(scale: scale) }
  }
}

extension [Float] {
  var doubles: [Double] { map(Double.init) }
}

/// The largest difference, relative to the largest expected magnitude or to `floor`, if that is larger.
func relativeError(_ seen: [Float], _ expected: [Double], floor: Double = .leastNormalMagnitude) -> Double {
  guard seen.count == expected.count else { return .infinity }
  let scale = expected.reduce(floor) { max($0, abs($1)) }
  return zip(seen, expected).reduce(0) { worst, pair in
    let error = abs(Double(pair.0) - pair.1) / scale
    return error.isNaN ? .infinity : max(worst, error)
  }
}

/// Expects every element within `tolerance` of the tensor's largest magnitude.
///
/// The default is 16 roundings of 2⁻²⁴, half of what the golden gradients allow. Where a tensor is a difference of terms
/// that cancel, `floor` is the magnitude of the terms.
func expectClose(
  _ seen: [Float], _ expected: [Double], tolerance: Double = 1e-6, floor: Double = .leastNormalMagnitude,
  _ what: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let error = relativeError(seen, expected, floor: floor)
  #expect(error <= tolerance, "\(what) is off by \(error)", sourceLocation: sourceLocation)
}

/// Runs `body` once on one thread and once on two, and gives both results.
func onOneAndTwoThreads<Result>(_ body: () -> Result) -> (one: Result, two: Result) {
  let before = Parallelism.threads
  defer { Parallelism.configure(threads: before) }
  Parallelism.configure(threads: 1)
  let one = body()
  Parallelism.configure(threads: 2)
  return (one, body())
}
