// Shape letters here: S sequence, D head dimension.

import CKernels

/// The keys and values of a head, packed once for the products of all its query blocks instead of for each of them.
///
/// That is where sums are made in fp16: multiplying is then so fast that packing counts. The cells take the place of rows
/// that would be widened to fp32 otherwise, so that no more memory is needed; where they don't fit, or there are more keys
/// than a tile has, blocks pack for themselves.
struct PackedTile {
  /// Which products read what is packed.
  enum Pass {
    /// `q·kᵀ` and `P·v`.
    case forward
    /// `q·kᵀ`, `dOut·vᵀ` and `dS·k`.
    case backward
  }

  /// For `q·kᵀ`.
  let keys: PackedColumns
  /// For `P·v` in a forward pass, for `dOut·vᵀ` in a backward one.
  let values: PackedColumns
  /// For `dS·k`, in a backward pass.
  let keyRows: PackedColumns
  private let sequence: Int
  private let pass: Pass

  /// A tile in a buffer of so many floats; nil where it doesn't pay or doesn't fit.
  init?<X: Number>(
    _ shape: AttentionShape, _ pass: Pass, of format: X.Type, in buffer: UnsafeMutablePointer<Float>, room: Int
  ) {
    guard X.format == .bf16, PartialSums.used == .fp16, shape.sequence <= Attention.tileKeys else { return nil }
    let (sequence, width) = (shape.sequence, shape.headDimension)
    // From a cache line's start on.
    let address = UInt(bitPattern: UnsafeMutableRawPointer(buffer))
    let slack = Int((64 - address % 64) % 64 / 4)
    let base = UnsafeMutableRawPointer(buffer + slack).assumingMemoryBound(to: UInt32.self)
    keys = PackedColumns(base, lines: sequence, depth: width)
    values =
      pass == .forward
      ? PackedColumns(base + keys.cells, lines: width, depth: sequence)
      : PackedColumns(base + keys.cells, lines: sequence, depth: width)
    keyRows = PackedColumns(base + keys.cells + values.cells, lines: width, depth: sequence)
    let needed = keys.cells + values.cells + (pass == .backward ? keyRows.cells : 0)
    guard slack + needed <= room else { return nil }
    self.sequence = sequence
    self.pass = pass
  }

  /// Packs a head whose rows are `stride` apart.
  func fill<X: Number>(_ k: UnsafePointer<X>, _ v: UnsafePointer<X>, stride: Int) {
    let k = MatrixProduct.Operand(k, transposed: true, stride: stride)
    keys.fill(k)
    values.fill(MatrixProduct.Operand(v, transposed: pass == .backward, stride: stride))
    if pass == .backward { keyRows.fill(MatrixProduct.Operand(k.base, transposed: false, stride: stride)) }
  }

  /// The keys that a block ending before `end` multiplies: whole blocks of scales, of which the last keys count nothing.
  func keyCount(before end: Int) -> Int { min(sequence, (end + 127) / 128 * 128) }
}

/// An operand B that was packed before its products.
struct PackedColumns {
  private let base: UnsafeMutablePointer<UInt32>
  private let lines: Int
  private let depth: Int
  let cells: Int

  init(_ base: UnsafeMutablePointer<UInt32>, lines: Int, depth: Int) {
    self.base = base
    self.lines = lines
    self.depth = depth
    cells = Int(plk_packed_cells(Int64(lines), Int64(depth), Int32(PLK_AVX512_FP16)))
  }

  func fill<X: Number>(_ operand: MatrixProduct.Operand<X>) {
    withUnsafePointer(to: operand.columns) {
      plk_pack_columns(base, $0, Int64(lines), Int64(depth), Int32(PLK_AVX512_FP16))
    }
  }

  /// The operand as our own kernel reads it.
  var columns: plk_operand {
    var operand = plk_operand()
    operand.base = UnsafeRawPointer(base)
    operand.format = Int32(PLK_PACKED)
    operand.stride = Int64(depth)
    return operand
  }
}
