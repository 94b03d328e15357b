import CKernels
import Synchronization

/// What products of bf16 numbers are summed up in before their sums go on in fp32.
public enum PartialSums: String, CaseIterable, Hashable, Sendable {
  /// Nothing narrower: every product is added in fp32.
  case fp32
  /// Sums of 32 products in fp16, four of which are added there, by numbers that are scaled line by line so that none of
  /// these overflows: twice the products an instruction where a processor has AVX512-FP16, at an error of 9e-4 of a sum's
  /// typical size, where storing it in bf16 errs by 1.6e-3.
  case fp16

  private static let choice = Atomic<Bool>(false)

  /// What products use.
  public static var used: PartialSums { choice.load(ordering: .relaxed) ? .fp16 : .fp32 }

  /// Whether this processor can.
  public var isAvailable: Bool { self == .fp32 || plk_product_has_half_sums() != 0 }

  /// Makes products use these from now on.
  ///
  /// - Precondition: they are available.
  public static func use(_ sums: PartialSums) {
    precondition(sums.isAvailable, "this processor has no arithmetic in fp16")
    choice.store(sums == .fp16, ordering: .relaxed)
  }
}
