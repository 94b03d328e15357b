// Every kernel again in plain Double arithmetic, by its definition: the tests' oracle.
//
// Shape letters here: B batch, S sequence, H query heads, G key-value heads, D head dimension, T rows, V vocabulary.

import Foundation

enum Reference {
  /// The product `C[m, n] = Σ a(i, l) · b(l, j)`.
  static func product(
    _ m: Int, _ n: Int, _ k: Int, _ a: (Int, Int) -> Float, _ b: (Int, Int) -> Float
  ) -> [Double] {
    (0..<m * n).map { at in
      (0..<k).reduce(0.0) { $0 + Double(a(at / n, $1)) * Double(b($1, at % n)) }
    }
  }

  static func rmsNorm(_ x: [Double], _ weight: [Double], epsilon: Double) -> [Double] {
    let width = weight.count
    return x.indices.map { at in
      let row = x[at / width * width..<(at / width + 1) * width]
      let mean = row.reduce(0) { $0 + $1 * $1 } / Double(width)
      return weight[at % width] * x[at] / (mean + epsilon).squareRoot()
    }
  }

  /// x[S, H, D] turned by position · frequency, one position's head at a time, as complex numbers.
  static func rotary(_ x: [Double], frequencies: [Double], heads: Int, inverse: Bool) -> [Double] {
    let half = frequencies.count
    var y = x
    for token in 0..<x.count / (heads * 2 * half) {
      for head in 0..<heads {
        for i in 0..<half {
          let at = (token * heads + head) * 2 * half + i
          let angle = (inverse ? -1 : 1) * Double(token) * frequencies[i]
          y[at] = x[at] * cos(angle) - x[at + half] * sin(angle)
          y[at + half] = x[at] * sin(angle) + x[at + half] * cos(angle)
        }
      }
    }
    return y
  }

  struct Heads {
    var batch: Int
    var sequence: Int
    var heads: Int
    var keyValueHeads: Int
    var dimension: Int

    func query(_ b: Int, _ s: Int, _ h: Int, _ d: Int) -> Int { ((b * sequence + s) * heads + h) * dimension + d }
    func key(_ b: Int, _ s: Int, _ h: Int, _ d: Int) -> Int {
      ((b * sequence + s) * keyValueHeads + h / (heads / keyValueHeads)) * dimension + d
    }
  }

  /// The probabilities of row i over the keys up to it.
  static func probabilities(
    _ q: [Double], _ k: [Double], _ shape: Heads, scale: Double, _ b: Int, _ h: Int, _ i: Int
  ) -> (p: [Double], logsumexp: Double) {
    let scores = (0...i).map { j in
      (0..<shape.dimension).reduce(0) { $0 + q[shape.query(b, i, h, $1)] * k[shape.key(b, j, h, $1)] } * scale
    }
    let largest = scores.max() ?? 0
    let logsumexp = largest + log(scores.reduce(0) { $0 + exp($1 - largest) })
    return (scores.map { exp($0 - logsumexp) }, logsumexp)
  }

  static func attention(
    _ q: [Double], _ k: [Double], _ v: [Double], _ shape: Heads, scale: Double
  ) -> (out: [Double], logsumexp: [Double]) {
    var out = [Double](repeating: 0, count: q.count)
    var sums: [Double] = []
    for b in 0..<shape.batch {
      for h in 0..<shape.heads {
        for i in 0..<shape.sequence {
          let row = probabilities(q, k, shape, scale: scale, b, h, i)
          sums.append(row.logsumexp)
          for d in 0..<shape.dimension {
            out[shape.query(b, i, h, d)] = (0...i).reduce(0) { $0 + row.p[$1] * v[shape.key(b, $1, h, d)] }
          }
        }
      }
    }
    return (out, sums)
  }

  /// By the softmax's Jacobian, an element at a time.
  static func attentionGradient(
    _ dOut: [Double], _ q: [Double], _ k: [Double], _ v: [Double], _ shape: Heads, scale: Double
  ) -> (dq: [Double], dk: [Double], dv: [Double]) {
    var dq = [Double](repeating: 0, count: q.count)
    var dk = [Double](repeating: 0, count: k.count)
    var dv = [Double](repeating: 0, count: v.count)
    for b in 0..<shape.batch {
      for h in 0..<shape.heads {
        for i in 0..<shape.sequence {
          let p = probabilities(q, k, shape, scale: scale, b, h, i).p
          let dp = (0...i).map { j in
            (0..<shape.dimension).reduce(0) { $0 + dOut[shape.query(b, i, h, $1)] * v[shape.key(b, j, h, $1)] }
          }
          let mean = zip(p, dp).reduce(0) { $0 + $1.0 * $1.1 }
          for j in 0...i {
            let ds = p[j] * (dp[j] - mean) * scale
            for d in 0..<shape.dimension {
              dq[shape.query(b, i, h, d)] += ds * k[shape.key(b, j, h, d)]
              dk[shape.key(b, j, h, d)] += ds * q[shape.query(b, i, h, d)]
              dv[shape.key(b, j, h, d)] += p[j] * dOut[shape.query(b, i, h, d)]
            }
          }
        }
      }
    }
    return (dq, dk, dv)
  }

  static func swiGLU(gate: Double, up: Double) -> Double { gate / (1 + exp(-gate)) * up }

  /// Loss of one row, and its softmax.
  static func crossEntropy(_ logits: [Double], label: Int) -> (loss: Double, softmax: [Double]) {
    let largest = logits.max() ?? 0
    let logsumexp = largest + log(logits.reduce(0) { $0 + exp($1 - largest) })
    return (logsumexp - logits[label], logits.map { exp($0 - logsumexp) })
  }

  /// The central difference of `f` in its element `at`.
  static func slope(of f: ([Double]) -> Double, at x: [Double], element: Int, step: Double = 1e-5) -> Double {
    var above = x
    var below = x
    above[element] += step
    below[element] -= step
    return (f(above) - f(below)) / (2 * step)
  }
}
