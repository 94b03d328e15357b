import Kernels
import Testing

extension KernelTests {
  @Suite struct `Attention is causal and grouped` {
    struct Case: Sendable {
      var sequence: Int
      var heads: Int
      var keyValueHeads: Int
      var shape: Reference.Heads {
        Reference.Heads(batch: 2, sequence: sequence, heads: heads, keyValueHeads: keyValueHeads, dimension: 10)
      }
    }

    static let cases =
      [(4, 2), (9, 3), (3, 3), (4, 1)].flatMap { heads, shared in
        [1, 17, 64, 130].map { Case(sequence: $0, heads: heads, keyValueHeads: shared) }
      } + [Case(sequence: 577, heads: 3, keyValueHeads: 1), Case(sequence: 1100, heads: 1, keyValueHeads: 1)]

    /// Threads 3 put two boundaries between shares inside the groups of 9/3 and 4/1 heads.
    @Test(arguments: cases, [1, 2, 3])
    func `forward and backward agree with the softmax's own definition`(this: Case, threads: Int) {
      let before = Parallelism.threads
      defer { Parallelism.configure(threads: before) }
      Parallelism.configure(threads: threads)

      let shape = this.shape
      let (sequence, dimension) = (shape.sequence, shape.dimension)
      let scale: Float = 0.4
      var values = TestValues(seed: UInt64(sequence * this.heads))
      let queries = shape.batch * sequence * shape.heads * dimension
      let keys = shape.batch * sequence * shape.keyValueHeads * dimension
      let q = values.array(queries, scale: 2)
      let k = values.array(keys, scale: 2)
      let v = values.array(keys)
      let dOut = values.array(queries)

      var out = [Float](repeating: .nan, count: queries)
      var sums = [Float](repeating: .nan, count: shape.batch * shape.heads * sequence)
      var workspace = [Float](
        repeating: .nan,
        count: Attention.workspaceCount(sequence: sequence, headDimension: dimension, threads: threads))
      Attention.forward(
        q: q.span, k: k.span, v: v.span, batch: shape.batch, sequence: sequence, heads: shape.heads,
        keyValueHeads: shape.keyValueHeads, headDimension: dimension, scale: scale, into: out.mutableSpan,
        logsumexp: sums.mutableSpan, workspace: workspace.mutableSpan)
      let expected = Reference.attention(q.doubles, k.doubles, v.doubles, shape, scale: Double(scale))
      expectClose(out, expected.out, "out")
      expectClose(sums, expected.logsumexp, "logsumexp")

      var dq = [Float](repeating: .nan, count: queries)
      var dk = [Float](repeating: .nan, count: keys)
      var dv = dk
      workspace = [Float](
        repeating: .nan,
        count: Attention.backwardWorkspaceCount(sequence: sequence, headDimension: dimension, threads: threads))
      Attention.backward(
        dOut: dOut.span, out: out.span, q: q.span, k: k.span, v: v.span, logsumexp: sums.span, batch: shape.batch,
        sequence: sequence, heads: shape.heads, keyValueHeads: shape.keyValueHeads, headDimension: dimension,
        scale: scale, intoDQ: dq.mutableSpan, dK: dk.mutableSpan, dV: dv.mutableSpan,
        workspace: workspace.mutableSpan)
      let slopes = Reference.attentionGradient(
        dOut.doubles, q.doubles, k.doubles, v.doubles, shape, scale: Double(scale))
      // With one key the probability is one whatever q and k are: what is left is the rounding of terms of about one.
      let floor = sequence == 1 ? 1 : Double.leastNormalMagnitude
      expectClose(dq, slopes.dq, floor: floor, "dq")
      expectClose(dk, slopes.dk, floor: floor, "dk")
      expectClose(dv, slopes.dv, "dv")
    }

    @Test func `the reference's gradients are the slopes of its forward pass`() {
      let shape = Reference.Heads(batch: 1, sequence: 4, heads: 2, keyValueHeads: 1, dimension: 3)
      var values = TestValues(seed: 11)
      let q = values.array(24).doubles
      let k = values.array(12).doubles
      let v = values.array(12).doubles
      let dOut = values.array(24).doubles
      func loss(_ q: [Double], _ k: [Double], _ v: [Double]) -> Double {
        zip(Reference.attention(q, k, v, shape, scale: 0.7).out, dOut).reduce(0) { $0 + $1.0 * $1.1 }
      }
      let gradient = Reference.attentionGradient(dOut, q, k, v, shape, scale: 0.7)
      // Central differences with a step of 1e-5 are good to about 1e-10 here.
      for at in q.indices {
        #expect(abs(Reference.slope(of: { loss($0, k, v) }, at: q, element: at) - gradient.dq[at]) < 1e-9)
      }
      for at in k.indices {
        #expect(abs(Reference.slope(of: { loss(q, $0, v) }, at: k, element: at) - gradient.dk[at]) < 1e-9)
        #expect(abs(Reference.slope(of: { loss(q, k, $0) }, at: v, element: at) - gradient.dv[at]) < 1e-9)
      }
    }
  }
}
