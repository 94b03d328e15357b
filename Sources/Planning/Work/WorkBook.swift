import Bookkeeping

/// Adds up operations of the same name, phase and share, in the order in which they first come.
struct WorkBook {
  typealias Phase = WorkSheet.Phase
  typealias Share = WorkSheet.Share

  private struct Key: Hashable {
    let operation: String
    let phase: Phase
    let share: Share
    let isMatrixProduct: Bool
  }

  private var order: [Key] = []
  private var totals: [Key: FLOPs] = [:]
  /// How often what is recorded now happens in the step: layers of a kind times micro-batches.
  var times = 1

  /// A product of `[rows, inner]` and `[inner, columns]`: 2·rows·inner·columns operations.
  mutating func product(_ operation: String, _ phase: Phase, _ share: Share, _ rows: Int, _ columns: Int, _ inner: Int)
  {
    add(operation, phase, share, isMatrixProduct: true, .matrixProduct(rows, columns, inner))
  }

  /// `count` elements at `cost` operations each.
  mutating func elements(_ operation: String, _ phase: Phase, _ share: Share, _ count: Int, cost: Int) {
    add(operation, phase, share, isMatrixProduct: false, FLOPs(count * cost))
  }

  mutating func add(
    _ operation: String, _ phase: Phase, _ share: Share, isMatrixProduct: Bool, _ flops: FLOPs
  ) {
    guard flops > .zero else { return }
    let key = Key(operation: operation, phase: phase, share: share, isMatrixProduct: isMatrixProduct)
    if totals[key] == nil { order.append(key) }
    totals[key, default: .zero] += times * flops
  }

  var sheet: WorkSheet {
    var sheet = WorkSheet()
    for key in order {
      sheet.record(
        WorkSheet.Line(
          operation: key.operation, phase: key.phase, share: key.share, isMatrixProduct: key.isMatrixProduct,
          flops: totals[key] ?? .zero))
    }
    return sheet
  }
}
