/// The printable stand-ins for bytes of byte-level BPE: one scalar for each of the 256 bytes.
///
/// A byte that is a printable Latin-1 character stands for itself; the 68 others take the scalars from U+0100 on, in
/// order. - SeeAlso: GPT-2's `encoder.py`, function `bytes_to_unicode`.
enum ByteAlphabet {
  /// The scalar for each byte.
  static let scalars: [Unicode.Scalar] = {
    var next: UInt32 = 0x100
    return (UInt8.min...UInt8.max).map { byte in
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return Unicode.Scalar(byte)
      default:
        defer { next += 1 }
        return Unicode.Scalar(next) ?? "\u{FFFD}"
      }
    }
  }()

  /// The byte for each scalar below U+0144; nil where the scalar stands for none.
  private static let bytes: [UInt8?] = {
    var table = [UInt8?](repeating: nil, count: 0x144)
    for (byte, scalar) in scalars.enumerated() { table[Int(scalar.value)] = UInt8(byte) }
    return table
  }()

  static func byte(of scalar: Unicode.Scalar) -> UInt8? {
    scalar.value < 0x144 ? bytes[Int(scalar.value)] : nil
  }

  /// The UTF-8 bytes of `text`, each as its scalar.
  static func spelled(_ text: ArraySlice<Unicode.Scalar>) -> ArraySlice<Unicode.Scalar> {
    var spelled: [Unicode.Scalar] = []
    spelled.reserveCapacity(text.count)
    for scalar in text {
      if scalar.isASCII {
        spelled.append(scalars[Int(scalar.value)])
      } else {
        for byte in UTF8.encode(scalar) ?? .init() { spelled.append(scalars[Int(byte)]) }
      }
    }
    return spelled[...]
  }
}
