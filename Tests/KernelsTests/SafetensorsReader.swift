import Foundation

/// A test's view of a safetensors file: eight bytes of length, a JSON header, the tensors.
struct SafetensorsReader {
  private struct Entry: Decodable {
    var dtype: String
    var data_offsets: [Int]
  }

  enum ReadingError: Error {
    case missing(String)
    case unexpectedType(String, of: String)
  }

  private var entries: [String: Entry] = [:]
  private let tensors: Data

  init(_ url: URL) throws {
    let file = try Data(contentsOf: url)
    let length = file.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try JSONSerialization.jsonObject(with: file.dropFirst(8).prefix(length)) as? [String: Any] ?? [:]
    for (name, value) in header where name != "__metadata__" {
      entries[name] = try JSONDecoder().decode(Entry.self, from: JSONSerialization.data(withJSONObject: value))
    }
    tensors = Data(file.dropFirst(8 + length))
  }

  var names: [String] { entries.keys.sorted() }

  func bytes(_ name: String, type: String = "U8") throws -> [UInt8] {
    guard let entry = entries[name] else { throw ReadingError.missing(name) }
    guard entry.dtype == type else { throw ReadingError.unexpectedType(entry.dtype, of: name) }
    return Array(tensors[entry.data_offsets[0]..<entry.data_offsets[1]])
  }

  func floats(_ name: String) throws -> [Float] {
    let bytes = try bytes(name, type: "F32")
    return stride(from: 0, to: bytes.count, by: 4).map { at in
      Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << UInt32(8 * $1) })
    }
  }
}
