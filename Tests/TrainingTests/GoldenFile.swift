import Bookkeeping
import Foundation
import Modeling
import Testing

/// A file of golden numbers: tensors that PyTorch, Transformers, PEFT and bitsandbytes computed (see `golden.py`).
struct GoldenFile {
  private let data: Data
  private let header: [String: [String: Any]]
  private let start: Int

  init(_ name: String) throws {
    let url = try #require(
      Bundle.module.url(forResource: name, withExtension: nil, subdirectory: "Golden"), "no golden file \(name)")
    data = try Data(contentsOf: url)
    let length = data.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
    start = 8 + length
    let object = try JSONSerialization.jsonObject(with: data.subdata(in: 8..<start))
    header = try #require(object as? [String: [String: Any]])
  }

  var names: [String] { header.keys.filter { $0 != "__metadata__" }.sorted() }

  func names(under prefix: String) -> [String] {
    names.filter { $0.hasPrefix(prefix + ".") }.map { String($0.dropFirst(prefix.count + 1)) }
  }

  func floats(_ name: String) throws -> [Float] {
    try bytes(name, "F32").withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
  }

  func doubles(_ name: String) throws -> [Double] {
    try bytes(name, "F64").withUnsafeBytes { Array($0.bindMemory(to: Double.self)) }
  }

  func integers(_ name: String) throws -> [Int32] {
    try bytes(name, "I64").withUnsafeBytes { $0.bindMemory(to: Int64.self).map { Int32($0) } }
  }

  private func bytes(_ name: String, _ type: String) throws -> [UInt8] {
    let entry = try #require(header[name], "no tensor \(name)")
    #expect(entry["dtype"] as? String == type)
    let range = try #require(entry["data_offsets"] as? [Int])
    return [UInt8](data[start + range[0]..<start + range[1]])
  }
}

/// How far fp32 in PyTorch is from fp64 for one golden file: the yardstick of every tolerance.
struct GoldenRounding {
  let gradient: Double
  let step1: Double
  let step5: Double

  init(_ file: String) throws {
    let url = try #require(
      Bundle.module.url(forResource: "manifest.json", withExtension: nil, subdirectory: "Golden"))
    let object = try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any]
    let files = try #require(object?["files"] as? [String: [String: Any]])
    let values = try #require(files[file]?["fp32_vs_fp64"] as? [String: Double])
    gradient = try #require(values["grad"])
    step1 = try #require(values["step1"])
    step5 = try #require(values["step5"])
  }
}

/// max |a − b| over max |b|.
func relativeDistance(_ a: [Float], _ b: [Float]) -> Double {
  let scale = b.reduce(0) { max($0, Double($1.magnitude)) }
  return zip(a, b).reduce(0) { max($0, abs(Double($1.0) - Double($1.1))) } / max(scale, 1e-30)
}
