import Foundation
import Kernels
import Testing

extension KernelTests {
  @Suite struct `Optimizers` {
    @Test(arguments: [1, 33, 40000])
    func `AdamW follows the algorithm and its order of operations to the bit`(count: Int) {
      var values = TestValues(seed: 2)
      var w = values.array(count)
      var m = [Float](repeating: 0, count: count)
      var v = m
      let start = w.doubles
      var (wBits, mBits, vBits) = (w, m, v)
      var (wExact, mExact, vExact) = (start, m.doubles, v.doubles)
      let (lr, beta1, beta2, epsilon, decay) = (1e-3, 0.9, 0.999, 1e-8, 0.01)
      for step in 1...5 {
        let g = values.array(count)
        AdamWKernel.update(
          weight: w.mutableSpan, gradient: g.span, firstMoment: m.mutableSpan, secondMoment: v.mutableSpan,
          learningRate: lr, beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: decay, step: step,
          gradientScale: 0.5)
        let (c1, c2) = (1 - pow(beta1, Double(step)), 1 - pow(beta2, Double(step)))
        for i in 0..<count {
          // Swift never contracts: this is the rounding of every single operation.
          let gradient = g[i] * 0.5
          mBits[i] += Float(1 - beta1) * (gradient - mBits[i])
          vBits[i] = vBits[i] * Float(beta2) + Float(1 - beta2) * gradient * gradient
          let denominator = vBits[i].squareRoot() / Float(c2.squareRoot()) + Float(epsilon)
          wBits[i] = wBits[i] * Float(1 - lr * decay) - Float(lr / c1) * mBits[i] / denominator

          let exact = Double(g[i]) * 0.5
          mExact[i] = beta1 * mExact[i] + (1 - beta1) * exact
          vExact[i] = beta2 * vExact[i] + (1 - beta2) * exact * exact
          wExact[i] -= lr * decay * wExact[i] + lr * (mExact[i] / c1) / ((vExact[i] / c2).squareRoot() + epsilon)
        }
        #expect(w == wBits && m == mBits && v == vBits)
      }
      expectClose(w, wExact)
    }

    /// Two steps of `torch.optim.SGD` on w = 1, g = 0.5 then 0.25, lr 0.1, momentum 0.9, weight decay 0.2, by hand:
    /// g₁ = 0.5 + 0.2·1 = 0.7, b₁ = 0.7; then with w₁, g₂ = 0.25 + 0.2·w₁ and b₂ = 0.9·0.7 + g₂.
    @Test(arguments: [false, true])
    func `stochastic gradient descent has PyTorch's momentum`(nesterov: Bool) {
      var w: [Float] = [1]
      var b: [Float] = [0]
      var expected = 1.0
      var buffer = 0.0
      for gradient in [0.5, 0.25] {
        let g = [Float(gradient)]
        SGDKernel.update(
          weight: w.mutableSpan, gradient: g.span, momentumBuffer: b.mutableSpan, learningRate: 0.1, momentum: 0.9,
          weightDecay: 0.2, nesterov: nesterov)
        let decayed = gradient + 0.2 * expected
        buffer = 0.9 * buffer + decayed
        expected -= 0.1 * (nesterov ? decayed + 0.9 * buffer : buffer)
        expectClose(w, [expected])
        expectClose(b, [buffer])
      }
    }

    @Test func `without momentum a step is the learning rate times the gradient`() {
      var w: [Float] = [1, -2]
      SGDKernel.update(weight: w.mutableSpan, gradient: [0.5, 1].span, learningRate: 0.1, gradientScale: 2)
      expectClose(w, [0.9, -2.2])
    }
  }
}
