import Reporting
import Testing

@Suite struct `Ceilings of a machine` {
  private let report = CeilingsReport(
    ceilings: [
      .init(name: "fp32 multiply-add loop", key: "loop_fp32", unit: .operations, oneCore: 116e9, allCores: 229e9),
      .init(name: "bf16 dot-product loop", key: "loop_bf16", unit: .operations, oneCore: nil, allCores: nil),
      .init(name: "read", key: "read", unit: .bytes, oneCore: 24e9, allCores: 34e9),
    ], stamp: ["2 cores of a processor"], threads: 2)

  @Test func `count by billions, and leave empty what the processor cannot do`() {
    let cells = report.rendered(as: .csv).split(separator: "\n").map {
      $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
    #expect(cells.first == ["ceiling", "unit", "one_core", "all_cores"])
    #expect(cells.dropFirst().map(\.[0]) == ["fp32 multiply-add loop", "bf16 dot-product loop", "read"])
    #expect(cells.dropFirst().map(\.[1]) == ["GFLOP/s", "GFLOP/s", "GB/s"])
    #expect(cells.dropFirst().map { Double($0[2]) } == [116, nil, 24])
    #expect(cells.dropFirst().map { Double($0[3]) } == [229, nil, 34])
  }

  @Test func `come with the stamp, on paper and for programs`() {
    #expect(report.rendered(as: .markdown).contains("2 cores of a processor"))
    let json = report.rendered(as: .json)
    for part in ["2 cores of a processor", "loop_bf16", "flops_per_second", "bytes_per_second", "116000000000"] {
      #expect(json.contains(part), "\(json)")
    }
  }
}
