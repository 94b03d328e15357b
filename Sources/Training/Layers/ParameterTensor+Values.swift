import Bookkeeping
import Kernels
import Modeling

// What reads or writes a parameter's numbers, whichever format they are in.
// Shape letters here: T rows (tokens), I input width, O output width, for a weight [O, I].

extension ParameterTensor {
  private var input: Int { shape.extents.last ?? 0 }
  private var output: Int { shape.extents.first ?? 0 }

  /// All numbers, in fp32.
  public func values() -> [Float] {
    var copy = [Float](repeating: 0, count: shape.count)
    if format == .bf16 {
      Elementwise.copy(narrowValue.span, to: copy.mutableSpan)
    } else {
      Elementwise.copy(value.span, to: copy.mutableSpan)
    }
    return copy
  }

  /// Overwrites all numbers, with the nearest that the format has.
  func set(_ values: Span<Float>) {
    if format == .bf16 {
      Elementwise.copy(values, to: narrowValue.mutableSpan)
    } else {
      Elementwise.copy(values, to: value.mutableSpan)
    }
  }

  /// Sets all numbers to one.
  func fill(with number: Float) {
    if format == .bf16 {
      Elementwise.fill(narrowValue.mutableSpan, with: number)
    } else {
      Elementwise.fill(value.mutableSpan, with: number)
    }
  }

  /// Draws numbers that depend on the seed and the parameter's name alone.
  func fillUniformly(low: Float, high: Float, seed: UInt64) {
    let stream = streamNumber(of: name)
    if format == .bf16 {
      RandomFill.uniform(low: low, high: high, seed: seed, stream: stream, into: narrowValue.mutableSpan)
    } else {
      RandomFill.uniform(low: low, high: high, seed: seed, stream: stream, into: value.mutableSpan)
    }
  }

  /// Fills the numbers from a source.
  func fill(_ parameter: Parameter, from source: some WeightSource) throws {
    if format == .bf16 {
      try source.fill(parameter, into: narrowValue.mutableSpan)
    } else {
      try source.fill(parameter, into: value.mutableSpan)
    }
  }

  /// y `[T, O]` (+)= scale · x `[T, I]`·Wᵀ, or that of some of W's rows, `outputs`.
  func multiply<X: Number, Y: Number>(
    _ x: Span<X>, rows: Int, outputs: Range<Int>? = nil, scale: Float = 1, accumulate: Bool = false,
    into y: consuming MutableSpan<Y>
  ) {
    let outputs = outputs ?? 0..<output
    let elements = outputs.lowerBound * input..<outputs.upperBound * input
    if format == .bf16 {
      MatrixProduct.forward(
        x: x, weight: narrowValue.span.extracting(elements), rows: rows, input: input, output: outputs.count,
        scale: scale, accumulate: accumulate, into: y)
    } else {
      MatrixProduct.forward(
        x: x, weight: value.span.extracting(elements), rows: rows, input: input, output: outputs.count, scale: scale,
        accumulate: accumulate, into: y)
    }
  }

  /// dx `[T, I]` (+)= scale · dy `[T, O]`·W, or that of some of W's rows, `outputs`.
  func multiplyTransposed<X: Number, Y: Number>(
    _ dy: Span<Y>, rows: Int, outputs: Range<Int>? = nil, scale: Float = 1, accumulate: Bool = false,
    into dx: consuming MutableSpan<X>
  ) {
    let outputs = outputs ?? 0..<output
    let elements = outputs.lowerBound * input..<outputs.upperBound * input
    if format == .bf16 {
      MatrixProduct.inputGradient(
        dy: dy, weight: narrowValue.span.extracting(elements), rows: rows, input: input, output: outputs.count,
        scale: scale, accumulate: accumulate, into: dx)
    } else {
      MatrixProduct.inputGradient(
        dy: dy, weight: value.span.extracting(elements), rows: rows, input: input, output: outputs.count, scale: scale,
        accumulate: accumulate, into: dx)
    }
  }

  /// y `[T, O]` (+)= x `[T, I]`·Wᵀ and the path of an adapter beside it, whose inner product goes to `inner` `[T, r]`.
  func multiply<X: StoredNumber>(
    _ x: Span<X>, _ adapter: LoRAAdapter, inner: inout Tensor<X>, rows: Int, accumulate: Bool,
    into y: consuming MutableSpan<X>
  ) {
    if format == .bf16 {
      MatrixProduct.forward(
        x: x, weight: narrowValue.span, path: adapter.path(into: &inner), rows: rows, input: input, output: output,
        accumulate: accumulate, into: y)
    } else {
      MatrixProduct.forward(
        x: x, weight: value.span, path: adapter.path(into: &inner), rows: rows, input: input, output: output,
        accumulate: accumulate, into: y)
    }
  }

  /// dx `[T, I]` (+)= dy `[T, O]`·W and the path of an adapter beside it, whose inner product goes to `inner` `[T, r]`.
  func multiplyTransposed<X: StoredNumber>(
    _ dy: Span<X>, _ adapter: LoRAAdapter, inner: inout Tensor<X>, rows: Int, accumulate: Bool,
    into dx: consuming MutableSpan<X>
  ) {
    if format == .bf16 {
      MatrixProduct.inputGradient(
        dy: dy, weight: narrowValue.span, path: adapter.path(into: &inner), rows: rows, input: input, output: output,
        accumulate: accumulate, into: dx)
    } else {
      MatrixProduct.inputGradient(
        dy: dy, weight: value.span, path: adapter.path(into: &inner), rows: rows, input: input, output: output,
        accumulate: accumulate, into: dx)
    }
  }

  /// dW `[O, I]` (+)= scale · dy `[T, O]`ᵀ·x `[T, I]`, added to what earlier micro-batches left.
  func addGradient<X: Number, Y: Number>(
    dy: Span<Y>, x: Span<X>, rows: Int, scale: Float = 1
  ) throws(ArenaError) {
    let isAdding = try openGradient()
    MatrixProduct.weightGradient(
      dy: dy, x: x, rows: rows, input: input, output: output, scale: scale, accumulate: isAdding,
      into: gradient.mutableSpan)
  }

  /// dW of some of W's rows, `outputs`, in a gradient that is open, added to what is there when accumulating.
  func addGradient<X: Number, Y: Number>(
    dy: Span<Y>, x: Span<X>, rows: Int, outputs: Range<Int>, accumulate: Bool
  ) {
    MatrixProduct.weightGradient(
      dy: dy, x: x, rows: rows, input: input, output: outputs.count, accumulate: accumulate,
      into: gradient.mutableSpan._consumingExtracting(outputs.lowerBound * input..<outputs.upperBound * input))
  }

  /// Adds a bias `[columns]` to every row of y `[T, columns]`.
  func addBias<Y: Number>(rows: Int, to y: consuming MutableSpan<Y>) {
    if format == .bf16 {
      Bias.add(narrowValue.span, rows: rows, columns: shape.count, to: y)
    } else {
      Bias.add(value.span, rows: rows, columns: shape.count, to: y)
    }
  }

  /// Rows of a table by token, in `y` `[T, width]`.
  func gather<Y: Number>(_ tokens: Span<Int32>, into y: consuming MutableSpan<Y>) {
    if format == .bf16 {
      Embedding.gather(table: narrowValue.span, tokens: tokens, width: input, into: y)
    } else {
      Embedding.gather(table: value.span, tokens: tokens, width: input, into: y)
    }
  }
}
