/// A sum of floats in the order of PyTorch's `cascade_sum` for contiguous fp32 on one thread.
///
/// Vectors of eight lanes are summed in four interleaved chains; each chain adds runs of at least 16 vectors, then the
/// sums of such runs, and so on up four levels, so that rounding grows with the logarithm of the count.
///
/// - SeeAlso: PyTorch, `aten/src/ATen/native/cpu/SumKernel.cpp`, `multi_row_sum`.
enum CascadeSum {
  private typealias Vector = SIMD8<Float>
  private static let chains = 4
  private static let levels = 4

  static func of(_ x: Span<Float>) -> Float {
    let vectors = x.count / Vector.scalarCount
    var sums = chainSums(x, rows: vectors / chains)
    for vector in vectors / chains * chains..<vectors { sums[0] += load(x, vector) }
    for chain in 1..<chains { sums[0] += sums[chain] }

    var total: Float = 0
    for i in vectors * Vector.scalarCount..<x.count { total += x[i] }
    for lane in 0..<Vector.scalarCount { total += sums[0][lane] }
    return total
  }

  /// The four chains' sums; row r holds one vector of each chain.
  private static func chainSums(_ x: Span<Float>, rows: Int) -> [Vector] {
    let ceilingLog2 = rows <= 2 ? 1 : Int.bitWidth - (rows - 1).leadingZeroBitCount
    let power = max(4, ceilingLog2 / levels)
    var sums = [[Vector]](repeating: [Vector](repeating: .zero, count: chains), count: levels)
    for row in 0..<rows {
      for chain in 0..<chains { sums[0][chain] += load(x, row * chains + chain) }
      // A full run moves up a level, and on while that level is full too.
      let done = row + 1
      guard done & (1 << power - 1) == 0 else { continue }
      for level in 1..<levels {
        for chain in 0..<chains {
          sums[level][chain] += sums[level - 1][chain]
          sums[level - 1][chain] = .zero
        }
        if done & ((1 << power - 1) << (level * power)) != 0 { break }
      }
    }
    return (0..<chains).map { chain in
      (1..<levels).reduce(sums[0][chain]) { $0 + sums[$1][chain] }
    }
  }

  private static func load(_ x: Span<Float>, _ vector: Int) -> Vector {
    var lanes = Vector.zero
    for lane in 0..<Vector.scalarCount { lanes[lane] = x[vector * Vector.scalarCount + lane] }
    return lanes
  }
}
