package import Bookkeeping

/// Readers of the two table shapes that Linux writes: `Name:   12 kB` and `name 12`.
///
/// Pure: text in, values out. The first is `/proc/meminfo`, `/proc/self/status` and `/proc/self/smaps_rollup`
/// (proc_meminfo(5), proc_pid_status(5)); the second is a control group's `memory.stat`.
package enum KernelTable {
  /// The value of a `Name:  12 kB` field, `nil` when there is none.
  ///
  /// The kernel's kB are KiB.
  ///
  /// - Throws: ``MachineError/malformedField(name:text:file:)`` for anything but a count of kB that fits.
  package static func kibibytes(_ name: String, in text: String, file: String) throws(MachineError) -> Bytes? {
    for line in text.split(whereSeparator: \.isNewline) {
      guard let colon = line.firstIndex(of: ":"), line[..<colon] == name else { continue }
      let value = line[line.index(after: colon)...]
      let words = value.split(whereSeparator: \.isWhitespace)
      guard words.count == 2, words[1] == "kB", let count = Int(words[0]), count >= 0 else {
        throw .malformedField(name: name, text: value.trimmed, file: file)
      }
      let (bytes, overflow) = count.multipliedReportingOverflow(by: Bytes.kibi.count)
      guard !overflow else { throw .malformedField(name: name, text: value.trimmed, file: file) }
      return Bytes(bytes)
    }
    return nil
  }

  /// The value of a `Name:  12 kB` field that must be there.
  package static func required(_ name: String, in text: String, file: String) throws(MachineError) -> Bytes {
    guard let value = try kibibytes(name, in: text, file: file) else {
      throw .missingField(name: name, file: file)
    }
    return value
  }

  /// The value of a `name 12` field in bytes, `nil` when there is none.
  ///
  /// - Throws: ``MachineError/malformedField(name:text:file:)`` for anything but a count that fits.
  package static func bytes(_ name: String, in text: String, file: String) throws(MachineError) -> Bytes? {
    for line in text.split(whereSeparator: \.isNewline) {
      let words = line.split(whereSeparator: \.isWhitespace)
      guard words.first.map({ $0 == name }) == true else { continue }
      guard words.count == 2, let count = Int(words[1]), count >= 0 else {
        throw .malformedField(name: name, text: line.trimmed, file: file)
      }
      return Bytes(count)
    }
    return nil
  }
}

extension StringProtocol {
  /// The text without white space at either end.
  var trimmed: String {
    guard let first = firstIndex(where: { !$0.isWhitespace }), let last = lastIndex(where: { !$0.isWhitespace }) else {
      return ""
    }
    return String(self[first...last])
  }
}
