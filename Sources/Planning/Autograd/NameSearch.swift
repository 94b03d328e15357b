extension String {
  /// Whether these letters stand anywhere in a name.
  ///
  /// Names are ASCII and this is asked of every parameter of every plan: `contains` of the standard library, which
  /// compares characters of any script, took half of an estimate.
  func holds(_ part: StaticString) -> Bool {
    let count = part.utf8CodeUnitCount
    func search(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
      guard bytes.count >= count else { return false }
      let wanted = UnsafeBufferPointer(start: part.utf8Start, count: count)
      return (0...bytes.count - count).contains { start in
        (0..<count).allSatisfy { bytes[start + $0] == wanted[$0] }
      }
    }
    return utf8.withContiguousStorageIfAvailable(search) ?? Array(utf8).withUnsafeBufferPointer(search)
  }
}
