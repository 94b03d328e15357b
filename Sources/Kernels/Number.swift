/// A number that kernels store activations and weights in; they all calculate in fp32.
public protocol Number: BitwiseCopyable, Sendable {
  /// What the C kernels call the format.
  static var format: NumberFormat { get }
  /// The nearest number of this format, ties to even.
  init(nearest value: Float)
  /// The same number in fp32, exactly.
  var single: Float { get }
}

extension Number {
  /// What a C kernel is told of a pointer's elements.
  static var code: Int32 { format.rawValue }
}

/// The formats of ``Number``, as the C kernels count them.
public enum NumberFormat: Int32, Sendable {
  case fp32 = 0
  case bf16 = 1
}

extension Float: Number {
  public static var format: NumberFormat { .fp32 }
  public init(nearest value: Float) { self = value }
  public var single: Float { self }
}

/// The upper half of an fp32 number: its range with 8 bits of precision.
public struct BFloat16: Number, Hashable {
  public static var format: NumberFormat { .bf16 }
  public var bits: UInt16

  public init(bits: UInt16) { self.bits = bits }

  /// Rounds to the nearest, ties to even, as the CPU's own conversion (`vcvtneps2bf16`) does; a NaN stays one.
  public init(nearest value: Float) {
    let pattern = value.bitPattern
    if value.isNaN {
      bits = UInt16(truncatingIfNeeded: pattern >> 16) | 0x0040
    } else {
      bits = UInt16(truncatingIfNeeded: (pattern &+ 0x7fff &+ ((pattern >> 16) & 1)) >> 16)
    }
  }

  public var single: Float { Float(bitPattern: UInt32(bits) << 16) }
}
