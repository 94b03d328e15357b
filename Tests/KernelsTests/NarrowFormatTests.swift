import Kernels
import Testing

extension KernelTests {
  /// Kernels on bf16 against the same kernels on fp32, which have references of their own.
  @Suite struct `Kernels on bf16` {
    /// Half the distance of neighbors, 2⁻⁷ of a power of two: what one rounding of a result may be off by.
    static let rounding = 0x1p-8

    /// Expects `seen` to be `expected` after one rounding, element by element.
    private func expectRounded(
      _ seen: [BFloat16], _ expected: [Float], roundings: Double = 1, _ what: String,
      sourceLocation: SourceLocation = #_sourceLocation
    ) {
      // What fp32 itself rounds differently from one order of a sum to another is far below.
      let worst = zip(seen, expected).reduce(0.0) { worst, pair in
        max(worst, abs(Double(pair.0.single - pair.1)) / max(abs(Double(pair.1)), 1e-3))
      }
      #expect(worst <= Self.rounding * 1.01 * roundings, "\(what) is off by \(worst)", sourceLocation: sourceLocation)
    }

    @Test(arguments: [(1, 1), (17, 33), (65, 576)])
    func `norms, gated units and rotations round their results once`(rows: Int, width: Int) {
      var values = TestValues(seed: UInt64(width))
      let count = rows * width
      let (x, weight) = (Pair(&values, count, scale: 3), Pair(&values, width))
      let (dy, up) = (Pair(&values, count), Pair(&values, count))
      var reciprocals = [Float](repeating: .nan, count: rows)
      var normed = [BFloat16](repeating: BFloat16(nearest: .nan), count: count)
      var expected = [Float](repeating: .nan, count: count)
      RMSNorm.forward(
        x: x.wide.span, weight: weight.wide.span, epsilon: 1e-5, rows: rows, width: width,
        into: expected.mutableSpan, reciprocalRMS: reciprocals.mutableSpan)
      let statistics = reciprocals
      RMSNorm.forward(
        x: x.narrow.span, weight: weight.narrow.span, epsilon: 1e-5, rows: rows, width: width,
        into: normed.mutableSpan, reciprocalRMS: reciprocals.mutableSpan)
      expectRounded(normed, expected, "normed")
      #expect(reciprocals == statistics)

      // A trained weight may be fp32 beside bf16 activations.
      RMSNorm.forward(
        x: x.narrow.span, weight: weight.wide.span, epsilon: 1e-5, rows: rows, width: width,
        into: normed.mutableSpan, reciprocalRMS: reciprocals.mutableSpan)
      expectRounded(normed, expected, "normed by an fp32 weight")

      var dx = up.narrow
      var dxExpected = up.wide
      RMSNorm.inputGradient(
        dNormed: dy.wide.span, x: x.wide.span, reciprocalRMS: statistics.span, weight: weight.wide.span, rows: rows,
        width: width, accumulate: true, into: dxExpected.mutableSpan)
      RMSNorm.inputGradient(
        dNormed: dy.narrow.span, x: x.narrow.span, reciprocalRMS: statistics.span, weight: weight.narrow.span,
        rows: rows, width: width, accumulate: true, into: dx.mutableSpan)
      expectRounded(dx, dxExpected, "dx")

      SwiGLU.forward(gate: x.wide.span, up: up.wide.span, into: expected.mutableSpan)
      SwiGLU.forward(gate: x.narrow.span, up: up.narrow.span, into: normed.mutableSpan)
      expectRounded(normed, expected, "product")
      var (gate, gateExpected, upGradient, upExpected) = (x.narrow, x.wide, up.narrow, up.wide)
      SwiGLU.backward(dProduct: dy.wide.span, gate: gateExpected.mutableSpan, up: upExpected.mutableSpan)
      SwiGLU.backward(dProduct: dy.narrow.span, gate: gate.mutableSpan, up: upGradient.mutableSpan)
      expectRounded(gate, gateExpected, "the gate's gradient")
      expectRounded(upGradient, upExpected, "up's gradient")
    }

    @Test func `heads are rotated, dropped, gathered and scattered as in fp32`() {
      var values = TestValues(seed: 9)
      let x = Pair(&values, 3 * 4 * 10)
      let (cosine, sine) = (values.array(3 * 5), values.array(3 * 5))
      var (turned, expected) = (x.narrow, x.wide)
      RotaryEmbedding.apply(
        cosine: cosine.span, sine: sine.span, batch: 1, sequence: 3, heads: 4, headDimension: 10, inverse: false,
        to: expected.mutableSpan)
      RotaryEmbedding.apply(
        cosine: cosine.span, sine: sine.span, batch: 1, sequence: 3, heads: 4, headDimension: 10, inverse: false,
        to: turned.mutableSpan)
      expectRounded(turned, expected, "rotated")

      var mask = [UInt8](repeating: 9, count: 120)
      var wideMask = mask
      Dropout.forward(
        x: x.wide.span, probability: 0.3, seed: 1, stream: 2, into: expected.mutableSpan, mask: wideMask.mutableSpan)
      Dropout.forward(
        x: x.narrow.span, probability: 0.3, seed: 1, stream: 2, into: turned.mutableSpan, mask: mask.mutableSpan)
      #expect(mask == wideMask)
      expectRounded(turned, expected, "dropped")

      let tokens: [Int32] = [3, 0, 3]
      var (rows, table) = ([Float](repeating: 0, count: 30), [Float](repeating: 0.5, count: 120))
      Embedding.gather(table: x.narrow.span, tokens: tokens.span, width: 10, into: rows.mutableSpan)
      #expect(Array(rows[0..<10]) == Array(x.wide[30..<40]) && Array(rows[10..<20]) == Array(x.wide[0..<10]))
      Embedding.scatterAdd(
        gradient: Array(x.narrow[0..<30]).span, tokens: tokens.span, width: 10, into: table.mutableSpan)
      #expect(table[30] == (0.5 + x.wide[0]) + x.wide[20] && table[0] == 0.5 + x.wide[10] && table[10] == 0.5)

      let bias = Pair(&values, 10)
      var biased = x.narrow
      Bias.add(bias.narrow.span, rows: 12, columns: 10, to: biased.mutableSpan)
      expectRounded(biased, x.wide.indices.map { x.wide[$0] + bias.wide[$0 % 10] }, "biased")
      var sums = [Float](repeating: .nan, count: 10)
      Bias.gradient(dy: x.narrow.span, rows: 12, columns: 10, into: sums.mutableSpan)
      expectClose(sums, (0..<10).map { j in (0..<12).reduce(0.0) { $0 + Double(x.wide[$1 * 10 + j]) } })
    }

    /// Threads 3 put boundaries between shares inside the groups; 577 keys are more than a tile.
    @Test(arguments: [(17, 4, 2), (130, 9, 3), (577, 3, 1)], [1, 2, 3])
    func `attention calculates in fp32 between its roundings`(
      extents: (sequence: Int, heads: Int, keyValueHeads: Int), threads: Int
    ) {
      let before = Parallelism.threads
      defer { Parallelism.configure(threads: before) }
      Parallelism.configure(threads: threads)
      let (narrow, wide) = attentions(extents, threads: threads)
      expectClose(narrow.out.map(\.single), wide.out.doubles, tolerance: Self.rounding, "out")
      expectClose(narrow.logsumexp, wide.logsumexp.doubles, "logsumexp")
      // Backward reads the rounded output in its row sums, so dq and dk have that rounding too.
      for (index, name) in ["dq", "dk", "dv"].enumerated() {
        expectClose(
          narrow.gradients[index].map(\.single), wide.gradients[index].doubles, tolerance: 2 * Self.rounding, name)
      }
    }

    @Test func `stochastic rounding is right on average, and keeps what bf16 has`() {
      // A quarter of the way from 1 to its upper neighbor, 1 + 2⁻⁷; and below, for a negative number.
      let count = 1 << 16
      for (value, lower, upper) in [
        (Float(1 + 0x1p-9), Float(1), Float(1 + 0x1p-7)), (-1 - 0x1p-9, -1, -1 - 0x1p-7),
      ] {
        var rounded = [BFloat16](repeating: BFloat16(nearest: 0), count: count)
        StochasticRounding.round(
          [Float](repeating: value, count: count).span, into: rounded.mutableSpan, seed: 1, stream: 2)
        #expect(Set(rounded.map(\.single)) == [lower, upper])
        // A quarter goes up; the deviation of that share is √(3/16 / 65536) = 0.0017, allowed five times over.
        let share = Double(rounded.count { $0.single == upper }) / Double(count)
        #expect(abs(share - 0.25) < 0.0085, "\(share) of \(value) went to \(upper)")
      }
      let kept: [Float] = [0, -0.0, 1, -2.5, .infinity, -.infinity, .leastNonzeroMagnitude * 65536]
      var rounded = [BFloat16](repeating: BFloat16(nearest: 9), count: kept.count)
      StochasticRounding.round(kept.span, into: rounded.mutableSpan, seed: 3, stream: 4)
      #expect(rounded.map { $0.single.bitPattern } == kept.map(\.bitPattern))
      var nan = [BFloat16(nearest: 0)]
      StochasticRounding.round([Float.nan].span, into: nan.mutableSpan, seed: 3, stream: 4)
      #expect(nan[0].single.isNaN)
    }

    @Test func `stochastic rounding depends on seed, stream and index alone`() {
      var values = TestValues(seed: 4)
      let x = values.array(100_000)
      func rounded(_ seed: UInt64, _ stream: UInt64, pieces: Int = 1) -> [UInt16] {
        var y = [BFloat16](repeating: BFloat16(nearest: 0), count: x.count)
        let size = x.count / pieces
        for piece in 0..<pieces {
          var part = [BFloat16](repeating: BFloat16(nearest: 0), count: size)
          StochasticRounding.round(
            Array(x[piece * size..<(piece + 1) * size]).span, into: part.mutableSpan, seed: seed, stream: stream,
            first: piece * size)
          y.replaceSubrange(piece * size..<(piece + 1) * size, with: part)
        }
        return y.map(\.bits)
      }
      let (one, two) = onOneAndTwoThreads { rounded(1, 2) }
      #expect(one == two)
      #expect(rounded(1, 2, pieces: 5) == one)
      #expect(rounded(2, 2) != one)
      #expect(rounded(1, 3) != one)
    }
  }
}

/// Numbers that bf16 has exactly, in both formats.
struct Pair {
  var narrow: [BFloat16]
  var wide: [Float] { narrow.map(\.single) }

  init(_ values: inout TestValues, _ count: Int, scale: Float = 1) {
    narrow = values.array(count, scale: scale).map { BFloat16(nearest: $0) }
  }
}

/// What attention fills.
struct AttentionResult<X: Number> {
  var out: [X]
  var logsumexp: [Float]
  /// dq, dk and dv.
  var gradients: [[X]]
}

/// Attention and its gradients of the same numbers, stored in bf16 and in fp32.
func attentions(
  _ extents: (sequence: Int, heads: Int, keyValueHeads: Int), dimension: Int = 10, threads: Int
) -> (narrow: AttentionResult<BFloat16>, wide: AttentionResult<Float>) {
  let (sequence, heads, shared) = extents
  let batch = 2
  var values = TestValues(seed: UInt64(sequence))
  let queries = batch * sequence * heads * dimension
  let keys = batch * sequence * shared * dimension
  let (q, k) = (Pair(&values, queries, scale: 2), Pair(&values, keys, scale: 2))
  let (v, dOut) = (Pair(&values, keys), Pair(&values, queries))

  func run<X: Number>(_ q: [X], _ k: [X], _ v: [X], _ dOut: [X]) -> AttentionResult<X> {
    var out = q
    var sums = [Float](repeating: .nan, count: batch * heads * sequence)
    var workspace = [Float](
      repeating: .nan,
      count: Attention.workspaceCount(sequence: sequence, headDimension: dimension, threads: threads, format: X.format))
    Attention.forward(
      q: q.span, k: k.span, v: v.span, batch: batch, sequence: sequence, heads: heads, keyValueHeads: shared,
      headDimension: dimension, scale: 0.4, into: out.mutableSpan, logsumexp: sums.mutableSpan,
      workspace: workspace.mutableSpan)
    var (dq, dk, dv) = (q, k, v)
    workspace = [Float](
      repeating: .nan,
      count: Attention.backwardWorkspaceCount(
        sequence: sequence, headDimension: dimension, threads: threads, format: X.format))
    Attention.backward(
      dOut: dOut.span, out: out.span, q: q.span, k: k.span, v: v.span, logsumexp: sums.span, batch: batch,
      sequence: sequence, heads: heads, keyValueHeads: shared, headDimension: dimension, scale: 0.4,
      intoDQ: dq.mutableSpan, dK: dk.mutableSpan, dV: dv.mutableSpan, workspace: workspace.mutableSpan)
    return AttentionResult(out: out, logsumexp: sums, gradients: [dq, dk, dv])
  }
  return (run(q.narrow, k.narrow, v.narrow, dOut.narrow), run(q.wide, k.wide, v.wide, dOut.wide))
}
