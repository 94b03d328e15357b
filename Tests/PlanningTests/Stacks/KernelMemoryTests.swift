import Bookkeeping
import Modeling
import Planning
import Testing

/// Single kernels as Liger's authors measured them.
///
/// They ran on an A100-80GB with liger_kernel 0.2.1 (linkedin/Liger-Kernel,
/// benchmark/data/all_benchmark_data.csv at ead96b61): MiB allocated at the peak of forward and backward with a retained
/// graph. Nothing was fitted to them.
///
/// What the benchmark holds beside the kernel is known: two cuBLAS workspaces of 8.125 MiB for products of several
/// threads, one for the product that makes rotary tables. A tenth of a percent of
/// tolerance is for what a process holds of small tensors.
@Suite struct `Kernels as others measured them` {
  struct Row: CustomTestStringConvertible, Sendable {
    let id: String
    /// Tokens of a sequence, or width.
    let x: Int
    let isLiger: Bool
    let mebibytes: Double

    init(_ id: String, _ x: Int, liger: Bool, _ mebibytes: Double) {
      (self.id, self.x, isLiger, self.mebibytes) = (id, x, liger, mebibytes)
    }

    var testDescription: String { id }
  }

  static let workspace = 8_519_680

  static func peak(
    _ kernel: KernelProbe.Kernel, _ row: Row, workspaces: Int, _ change: (inout TorchFixture) -> Void
  ) throws -> Double {
    let fixture = TorchFixture {
      $0.method = .full
      $0.stack = row.isLiger ? .liger : .transformersUnprepared
      change(&$0)
    }
    let bytes = try KernelProbe.peak(
      kernel, fixture.spec(), fixture.recipe(), workspace: Bytes(workspaces * workspace))
    return Double(bytes.count) / 1_048_576
  }

  /// B 4, hidden 4096, intermediate 11008, bf16.
  @Test(arguments: [
    Row("K0131", 1024, liger: true, 1100.25), Row("K0132", 2048, liger: true, 1582.25),
    Row("K0133", 4096, liger: true, 2546.25), Row("K0134", 8192, liger: true, 4474.25),
    Row("K0135", 1024, liger: false, 1294.25), Row("K0136", 2048, liger: false, 1992.25),
    Row("K0137", 4096, liger: false, 3452.25), Row("K0138", 8192, liger: false, 6372.25),
  ])
  func `a SwiGLU network holds what an A100 saw`(_ row: Row) throws {
    let peak = try `Kernels as others measured them`.peak(.feedForward, row, workspaces: 2) {
      $0.H = 4096
      $0.I = 11008
      $0.microBatch = 4
      $0.sequence = row.x
    }
    #expect(abs(peak - row.mebibytes) <= row.mebibytes / 1000, "\(peak)")
  }

  /// 32 query heads and 8 key-value heads of width 256, one sequence, bf16.
  @Test(arguments: [
    Row("K0121", 1024, liger: true, 49.133), Row("K0122", 2048, liger: true, 90.141),
    Row("K0123", 4096, liger: true, 172.157), Row("K0124", 8192, liger: true, 336.188),
    Row("K0125", 16384, liger: true, 664.25), Row("K0126", 1024, liger: false, 121.133),
    Row("K0127", 2048, liger: false, 234.141), Row("K0128", 4096, liger: false, 460.157),
    Row("K0129", 8192, liger: false, 912.188), Row("K0130", 16384, liger: false, 1816.25),
  ])
  func `a rotary embedding holds what an A100 saw`(_ row: Row) throws {
    let peak = try `Kernels as others measured them`.peak(.rotary, row, workspaces: 1) {
      ($0.H, $0.A, $0.KV, $0.D) = (8192, 32, 8, 256)
      $0.sequence = row.x
    }
    #expect(abs(peak - row.mebibytes) <= row.mebibytes / 1000, "\(peak)")
  }
}
