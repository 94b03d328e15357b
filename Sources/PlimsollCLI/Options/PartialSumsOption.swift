public import ArgumentParser
import Bookkeeping
public import Kernels
import Modeling

extension PartialSums: ExpressibleByArgument {}

/// What the engine's products in bf16 are summed up in.
struct PartialSumsOption: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Sums of products of bf16 numbers: fp32, or fp16 for four sums of 32 at a time. (default: fp32)",
      discussion: """
        With fp16, a processor that has AVX512-FP16 makes twice the products an instruction. A sum then errs \
        by about 9e-4 of its size, half of what storing it in bf16 does.
        """,
      valueName: "format"))
  var partialSums: PartialSums?

  /// Sets the kernels to it, for a recipe that has such products.
  func apply(to recipe: Recipe) throws(UsageError) {
    let sums = partialSums ?? .fp32
    guard sums == .fp32 || recipe.weightFormat == .bf16 || recipe.precision == .autocast else { throw .noHalfProducts }
    guard sums.isAvailable else { throw .noHalfArithmetic }
    PartialSums.use(sums)
  }

  /// What a stamp says of it, if it is not what is usual.
  var stampLines: [String] { partialSums == .fp16 ? ["partial sums: fp16, four sums of 32 products at a time"] : [] }
}
