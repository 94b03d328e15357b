import Kernels
import Testing

// Shape letters here: T rows (tokens), I input width, O output width.

/// The products of one linear layer beside sums in double precision.
struct Product {
  let rows: Int
  let input: Int
  let output: Int
  private let x: [Float]
  private let w: [Float]
  private let dy: [Float]
  private let before: [Float]

  init(_ rows: Int, _ input: Int, _ output: Int) {
    self.rows = rows
    self.input = input
    self.output = output
    var values = TestValues(seed: UInt64(rows + 2 * input + 3 * output))
    x = values.array(rows * input)
    w = values.array(output * input)
    dy = values.array(rows * output)
    before = values.array(max(rows * input, rows * output, output * input))
  }

  /// Checks every combination of formats in which at least one is bf16.
  func checkNarrowFormats() {
    check(BFloat16.self, BFloat16.self, BFloat16.self)
    check(BFloat16.self, BFloat16.self, Float.self)
    check(BFloat16.self, Float.self, BFloat16.self)
    check(BFloat16.self, Float.self, Float.self)
    check(Float.self, BFloat16.self, BFloat16.self)
    check(Float.self, BFloat16.self, Float.self)
    check(Float.self, Float.self, BFloat16.self)
  }

  /// Checks forward and both gradients where the left operand, the right one and the result have these formats.
  func check<A: Number, B: Number, C: Number>(_ a: A.Type, _ b: B.Type, _ c: C.Type) {
    for accumulate in [false, true] {
      compare(C.self, accumulate, rows, output, input, left(x, B.self, A.self), right(w, A.self, B.self)) {
        MatrixProduct.forward(
          x: x.map(A.init(nearest:)).span, weight: w.map(B.init(nearest:)).span, rows: rows, input: input,
          output: output, scale: 0.5, accumulate: accumulate, into: $0.mutableSpan)
      } at: {
        ($0 * input + $2, $1 * input + $2)
      }
      compare(C.self, accumulate, rows, input, output, left(dy, B.self, A.self), right(w, A.self, B.self)) {
        MatrixProduct.inputGradient(
          dy: dy.map(A.init(nearest:)).span, weight: w.map(B.init(nearest:)).span, rows: rows, input: input,
          output: output, scale: 0.5, accumulate: accumulate, into: $0.mutableSpan)
      } at: {
        ($0 * output + $2, $2 * input + $1)
      }
      compare(C.self, accumulate, output, input, rows, left(dy, B.self, A.self), right(x, A.self, B.self)) {
        MatrixProduct.weightGradient(
          dy: dy.map(A.init(nearest:)).span, x: x.map(B.init(nearest:)).span, rows: rows, input: input,
          output: output, scale: 0.5, accumulate: accumulate, into: $0.mutableSpan)
      } at: {
        ($2 * output + $0, $2 * input + $1)
      }
    }
  }

  /// What an operand counts as: rounded to bf16 where it or the other operand is bf16.
  private func left<A: Number, B: Number>(_ values: [Float], _ other: B.Type, _ own: A.Type) -> [Float] {
    A.format == .bf16 || B.format == .bf16 ? values.map { BFloat16(nearest: $0).single } : values
  }

  private func right<A: Number, B: Number>(_ values: [Float], _ other: A.Type, _ own: B.Type) -> [Float] {
    left(values, other, own)
  }

  /// Expects `run`'s result on one and on two threads to be the same, and each element c = Σ a·b to be off by no more
  /// than k + 3 roundings of 2⁻²⁴ of Σ |a·b| and of what was there, and by half a place of bf16 where it is that.
  ///
  /// Sums of 32 in fp16 add as many roundings of 2⁻¹¹ and two where four of them meet; a number that counts as zero
  /// beside the largest of its line, which is one at most here, was below 2⁻¹⁷.
  private func compare<C: Number>(
    _ format: C.Type, _ accumulate: Bool, _ m: Int, _ n: Int, _ k: Int, _ a: [Float], _ b: [Float],
    _ run: (inout [C]) -> Void, at index: (Int, Int, Int) -> (Int, Int)
  ) {
    let start = before.prefix(m * n).map(C.init(nearest:))
    let (one, two) = onOneAndTwoThreads {
      var result = start
      run(&result)
      return result.map(\.single)
    }
    #expect(one == two)
    var worst = 0.0
    for i in 0..<m {
      for j in 0..<n {
        var (sum, magnitude) = (0.0, 0.0)
        for l in 0..<k {
          let (left, right) = index(i, j, l)
          let term = Double(a[left]) * Double(b[right])
          sum += term
          magnitude += abs(term)
        }
        let was = accumulate ? Double(start[i * n + j].single) : 0
        let expected = 0.5 * sum + was
        var bound = Double(k + 3) * 0x1p-24 * (0.5 * magnitude + abs(was)) + 0x1p-120
        if PartialSums.used == .fp16 { bound += 0.5 * (34 * 0x1p-11 * magnitude + Double(k) * 0x1p-16) }
        if C.format == .bf16 { bound = 1.01 * bound + 0x1p-8 * abs(expected) }
        worst = max(worst, abs(Double(one[i * n + j]) - expected) / bound)
      }
    }
    #expect(worst <= 1, "\(m) × \(n) × \(k), accumulate \(accumulate): off by \(worst) of the bound")
  }
}
