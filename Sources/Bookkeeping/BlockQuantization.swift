/// 4-bit block quantization with its constants in tensors of their own, as bitsandbytes stores it.
///
/// Every 64 weights share an absmax. Plain, absmax is fp32: 0.5 + 4/64 = 0.5625 bytes a parameter. With double
/// quantization absmax is an 8-bit code, every 256 of which share an fp32 absmax of their own:
/// 0.5 + 1/64 + 4/(64·256) = 0.515869140625 bytes a parameter. Code tables and the offset come once a tensor.
///
/// Source: Dettmers et al. 2023, sections 3 and 4.1, <https://arxiv.org/abs/2305.14314>; bitsandbytes
/// `functional.py`, `quantize_4bit` and `QuantState`.
public struct BlockQuantization: Hashable, Sendable {
  /// The format of the codes: ``ScalarFormat/nf4`` or ``ScalarFormat/fp4``.
  public let codes: ScalarFormat
  public let isDouble: Bool
  public let blockSize: Int
  public let nestedBlockSize: Int

  public init(codes: ScalarFormat = .nf4, isDouble: Bool, blockSize: Int = 64, nestedBlockSize: Int = 256) {
    precondition(codes == .nf4 || codes == .fp4, "\(codes.rawValue) is no 4-bit code format")
    precondition(blockSize > 0 && nestedBlockSize > 0, "blocks of \(blockSize) and \(nestedBlockSize) elements")
    self.codes = codes
    self.isDouble = isDouble
    self.blockSize = blockSize
    self.nestedBlockSize = nestedBlockSize
  }

  /// One tensor of a quantized weight.
  public struct Part: Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable, CaseIterable {
      case codes, absmax, nestedAbsmax, offset, codeTable, nestedCodeTable
    }

    public let kind: Kind
    public let shape: Shape
    public let format: ScalarFormat

    public var bytes: Bytes { format.storage(of: shape.count) }

    public var account: Account { kind == .codes ? .weights : .quantizationConstants }
  }

  /// What a weight of `count` elements is stored as, code tables included.
  public func parts(of count: Int) -> [Part] {
    let blocks = (count + blockSize - 1) / blockSize
    var parts = [Part(kind: .codes, shape: [count], format: codes)]
    if isDouble {
      parts.append(Part(kind: .absmax, shape: [blocks], format: .uint8))
      let nested = (blocks + nestedBlockSize - 1) / nestedBlockSize
      parts.append(Part(kind: .nestedAbsmax, shape: [nested], format: .fp32))
      parts.append(Part(kind: .offset, shape: [1], format: .fp32))
    } else {
      parts.append(Part(kind: .absmax, shape: [blocks], format: .fp32))
    }
    parts.append(Part(kind: .codeTable, shape: [16], format: .fp32))
    if isDouble { parts.append(Part(kind: .nestedCodeTable, shape: [256], format: .fp32)) }
    return parts
  }

  /// Bytes of codes and constants, without the code tables that come once a tensor.
  public func storage(of count: Int) -> Bytes {
    parts(of: count).reduce(.zero) { total, part in
      switch part.kind {
      case .codes, .absmax, .nestedAbsmax: total + part.bytes
      case .offset, .codeTable, .nestedCodeTable: total
      }
    }
  }
}
