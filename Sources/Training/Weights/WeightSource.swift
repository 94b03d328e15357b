public import Bookkeeping
public import Kernels
public import Modeling

/// Where the numbers of a model come from: a file, or a seed.
public protocol WeightSource {
  /// Fills `values`, which has the parameter's element count, row-major, with the nearest numbers of its format.
  ///
  /// No second copy of the whole parameter is made on the way.
  func fill<W: Number>(_ parameter: Parameter, into values: consuming MutableSpan<W>) throws

  /// Where the parameter's numbers lie in this very format, row-major; `nil` if they have to be converted.
  func numbers(of parameter: Parameter, in format: ScalarFormat) throws -> MappedNumbers?
}

extension WeightSource {
  public func numbers(of parameter: Parameter, in format: ScalarFormat) throws -> MappedNumbers? { nil }
}

/// Numbers in a file, in the processor's byte order and at a multiple of their size.
public struct MappedNumbers: Sendable {
  let file: MappedFile
  let bytes: Range<Int>
}

/// Weights drawn from a seed, for runs that need a shape and no knowledge.
///
/// Linear layers and tables are normal with standard deviation 0.02, norms are one and biases zero, as Transformers
/// initializes Llama (`modeling_llama.py`, `_init_weights`). A tensor's numbers depend on the seed and its name only.
public struct SeededWeights: WeightSource {
  public let seed: UInt64

  public init(seed: UInt64 = 0) { self.seed = seed }

  public func fill<W: Number>(_ parameter: Parameter, into values: consuming MutableSpan<W>) {
    switch parameter.role {
    case .norm: Elementwise.fill(values, with: 1)
    case .normBias, .linearBias, .headBias: Elementwise.fill(values, with: 0)
    case .embedding, .positionEmbedding, .linear, .router, .expert, .head:
      RandomFill.normal(standardDeviation: 0.02, seed: seed, stream: streamNumber(of: parameter.name), into: values)
    }
  }
}

/// A stream of random numbers for a name: FNV-1a, 64 bits (<https://www.rfc-editor.org/rfc/rfc9923>).
func streamNumber(of name: String) -> UInt64 {
  name.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
}
