import CKernels
import Synchronization

/// The instruction sets that our own matrix product is written for, slowest first.
package enum ProductInstructions: Int32, CaseIterable, Sendable {
  case plain = 0
  case avx2 = 1
  case avx512 = 2
  case avx512BF16 = 3

  /// The fastest that this processor has.
  package static let best = ProductInstructions(rawValue: plk_product_instructions()) ?? .plain

  private static let choice = Atomic<Int32>(-1)

  /// What products use: the best, unless a test chose a lesser one.
  package static var used: ProductInstructions {
    ProductInstructions(rawValue: choice.load(ordering: .relaxed)) ?? best
  }

  /// Makes products use these instructions, which the processor must have; nil leaves the choice to it.
  package static func use(_ instructions: ProductInstructions?) {
    if let instructions {
      precondition(instructions.rawValue <= best.rawValue, "this processor has no \(instructions) instructions")
    }
    choice.store(instructions?.rawValue ?? -1, ordering: .relaxed)
  }
}
