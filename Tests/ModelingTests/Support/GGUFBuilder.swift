/// Writes GGUF headers byte by byte, after ggml's description of the format.
struct GGUFBuilder {
  var version: UInt32 = 3
  private var values: [[UInt8]] = []
  private var listings: [[UInt8]] = []
  private var dataSize = 0

  static func little<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  static func text(_ text: String) -> [UInt8] { little(UInt64(text.utf8.count)) + Array(text.utf8) }

  /// A value of any type, its bytes as the format wants them.
  mutating func add(_ key: String, type: UInt32, _ payload: [UInt8]) {
    values.append(Self.text(key) + Self.little(type) + payload)
  }

  mutating func add(_ key: String, _ value: UInt32) { add(key, type: 4, Self.little(value)) }
  mutating func add(_ key: String, number value: Float) { add(key, type: 6, Self.little(value.bitPattern)) }
  mutating func add(_ key: String, _ value: String) { add(key, type: 8, Self.text(value)) }

  /// A tensor of fp32, extents innermost first; `offset` and `type` for the tests that want them wrong.
  mutating func addTensor(_ name: String, _ extents: [UInt64], type: UInt32 = 0, offset: UInt64? = nil) {
    let size = Int(clamping: extents.reduce(UInt64(4)) { $0.multipliedReportingOverflow(by: $1).partialValue })
    let extentBytes = extents.flatMap { Self.little($0) }
    let place = offset ?? UInt64(dataSize)
    listings.append(
      Self.text(name) + Self.little(UInt32(extents.count)) + extentBytes + Self.little(type) + Self.little(place))
    dataSize += (min(size, 1 << 20) + 31) / 32 * 32
  }

  var bytes: [UInt8] {
    var bytes = Array("GGUF".utf8) + Self.little(version)
    bytes += Self.little(UInt64(listings.count)) + Self.little(UInt64(values.count))
    for part in values + listings { bytes += part }
    bytes += [UInt8](repeating: 0, count: (32 - bytes.count % 32) % 32 + dataSize)
    return bytes
  }

  /// A Llama of one layer, whose every part a test may change.
  static func llama(tied: Bool = false) -> GGUFBuilder {
    var builder = GGUFBuilder()
    builder.add("general.architecture", "llama")
    for (key, value) in [
      ("block_count", 1), ("embedding_length", 32), ("feed_forward_length", 48), ("attention.head_count", 4),
      ("attention.head_count_kv", 2), ("context_length", 128),
    ] { builder.add("llama." + key, UInt32(value)) }
    builder.add("llama.attention.layer_norm_rms_epsilon", number: 1e-5)
    builder.addTensor("token_embd.weight", [32, 64])
    if !tied { builder.addTensor("output.weight", [32, 64]) }
    return builder
  }
}
