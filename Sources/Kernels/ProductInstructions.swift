import CKernels
import Synchronization

/// The instruction sets that our own matrix product is written for, slowest first.
package enum ProductInstructions: Int32, CaseIterable, Sendable {
  case plain = 0
  case avx2 = 1
  case avx512 = 2
  case avx512BF16 = 3

  /// The last of them that this processor has.
  package static let best = ProductInstructions(rawValue: plk_product_instructions()) ?? .plain

  /// The fastest for bf16 numbers, which a short timing decides once.
  ///
  /// Where the dot product of bf16 pairs is the slower way, numbers are widened to fp32 as they are packed.
  package static let forBF16 = ProductInstructions(rawValue: plk_product_instructions_for_bf16()) ?? .plain

  private static let choice = Atomic<Int32>(-1)

  /// What products use: the fastest, unless a test chose others.
  package static var used: ProductInstructions {
    ProductInstructions(rawValue: choice.load(ordering: .relaxed)) ?? forBF16
  }

  /// Whether fp32 products are our own kernel's, because the BLAS chose kernels that leave the processor's AVX-512 idle.
  ///
  /// A BLAS knows the processors of its day: OpenBLAS 0.3.21 takes one that it has never heard of for a Prescott of
  /// 2004, and `OPENBLAS_CORETYPE` may name a lesser one than there is.
  static var replacesBLAS: Bool {
    let instructions = ProductInstructions(rawValue: choice.load(ordering: .relaxed)) ?? best
    return instructions.rawValue >= ProductInstructions.avx512.rawValue && !BLAS.usesAVX512
  }

  /// Makes products use these instructions, which the processor must have; nil leaves the choice to their speed.
  package static func use(_ instructions: ProductInstructions?) {
    if let instructions {
      precondition(instructions.rawValue <= best.rawValue, "this processor has no \(instructions) instructions")
    }
    choice.store(instructions?.rawValue ?? -1, ordering: .relaxed)
  }
}
