/// All rules, by the key of a name.
///
/// A family's rules stand in a file of their own; a name that two of them explain is a mistake found at the first look.
enum TensorTable {
  static let rules: [String: TensorRule] = {
    let families = [
      parameters, results, linears, norms, attention, rotary, feedForward, mixture, head, step, engine, loading,
      kernels, sharding, tensorParallel, ownCode, megatron, optimizers,
    ]
    return families.reduce(into: [:]) { table, family in
      table.merge(family) { first, _ in first }
    }
  }()

  /// The shapes of gradients that pass an operation in another shape than the tensor that they are named after.
  static let flowShapes: [[Extent]] = [
    [.b, .s, .H], [.T, .H], [.b, .z, .H], [.b, .s, .q], [.b, .s, .k], [.b, .A, .s, .D], [.b, .K, .s, .D],
    [.b, .s, .A, .D],
    [.b, .s, .K, .D], [.b, .A, .s, .d], [.b, .K, .s, .d], [.b, .s, .I], [.b, .s, .twice(.I)], [.b, .s, .V],
    [.b, .s, .product([.t, .V])],
    [.b, .s, .one], [.b, .s, .r], [.b, .A, .s, .s], [.R, .H], [.R, .F], [.R, .twice(.F)], [.R, .one], [.T, .E],
    [.b, .A, .blocks128(.s)], [.b, .blocks128(.s), .A, .blocks32(.D)],
  ]
}

extension Extent {
  /// Rounded up to whole tiles of 128 rows.
  static func blocks128(_ extent: Extent) -> Extent { .product([.number(128), .blocks(extent, of: 128)]) }
  /// Rounded up to whole tiles of 32 columns.
  static func blocks32(_ extent: Extent) -> Extent { .product([.number(32), .blocks(extent, of: 32)]) }
}
