import Kernels
import Reporting

/// The measurements of `machine --measure`, in the order in which they are printed.
enum MeasuredCeilings {
  /// Products `[M, N, K]` of a small and of a middling model's layers at 512 tokens.
  static let shapes = [(512, 576, 576), (512, 1536, 576), (512, 2048, 2048), (512, 5632, 2048)]

  /// More than any cache of this machine that one core or all of them can fill.
  static let streamed = 512 << 20

  static func measure(threads: Int, progress: (String) -> Void) -> [CeilingsReport.Ceiling] {
    var ceilings: [CeilingsReport.Ceiling] = []
    func add(
      _ name: String, _ key: String, _ unit: CeilingsReport.Ceiling.Unit, _ measured: (_ threads: Int) -> Double?
    ) {
      progress(name)
      ceilings.append(
        CeilingsReport.Ceiling(name: name, key: key, unit: unit, oneCore: measured(1), allCores: measured(threads)))
    }
    add("fp32 multiply-add loop", "loop_fp32", .operations) { Ceilings.rate(of: .multiplyAdd, threads: $0) }
    add("bf16 dot-product loop", "loop_bf16", .operations) { Ceilings.rate(of: .dotProduct, threads: $0) }
    add("fp16 multiply-add loop", "loop_fp16", .operations) { Ceilings.rate(of: .halfMultiplyAdd, threads: $0) }
    for (m, n, k) in shapes {
      add("fp32 product \(m) × \(n) × \(k)", "product_fp32_\(m)_\(n)_\(k)", .operations) {
        Ceilings.productRate(of: Float.self, m: m, n: n, k: k, threads: $0)
      }
      add("bf16 product \(m) × \(n) × \(k)", "product_bf16_\(m)_\(n)_\(k)", .operations) {
        Ceilings.productRate(of: BFloat16.self, m: m, n: n, k: k, threads: $0)
      }
      add("bf16 product, partial sums fp16, \(m) × \(n) × \(k)", "product_fp16_sums_\(m)_\(n)_\(k)", .operations) {
        Ceilings.productRate(of: BFloat16.self, sums: .fp16, m: m, n: n, k: k, threads: $0)
      }
    }
    add("read", "read", .bytes) { Ceilings.bandwidth(of: .read, bytes: streamed, threads: $0) }
    add("write", "write", .bytes) { Ceilings.bandwidth(of: .write, bytes: streamed, threads: $0) }
    add("triad", "triad", .bytes) { Ceilings.bandwidth(of: .triad, bytes: streamed, threads: $0) }
    return ceilings
  }
}
