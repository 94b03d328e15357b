import Bookkeeping
import Kernels

/// One tensor of a weight file: where its bytes are, what they mean, and how to read them without holding them twice.
struct StoredWeight {
  /// As the file calls it.
  let name: String
  let shape: Shape
  /// `nil` if it cannot be read; ``formatName`` is the file's word.
  let format: StoredFormat?
  let formatName: String
  let file: MappedFile
  let bytes: Range<Int>
  /// Heads whose rows the file has in rotary pairs, `nil` where rows are in order.
  var pairedHeads: Int? = nil

  /// Elements that are converted, checked and released together: 16 MiB of fp32, so that a huge embedding never has
  /// many of the file's pages in memory.
  private static let pieceElements = 1 << 22

  /// Fills `values` with the tensor, row-major, and takes its pages out of memory again.
  func fill<W: Number>(_ values: consuming MutableSpan<W>, known: [String]) throws(WeightFileError) {
    guard let format else {
      throw .unsupportedFormat(formatName, tensor: name, known: known, path: file.path)
    }
    guard bytes.upperBound <= file.size else { throw .changed(path: file.path) }
    if let pairedHeads {
      try fillUnpairing(&values, heads: pairedHeads, format, known: known)
      return
    }
    var start = 0
    while start < shape.count {
      let piece = start..<min(start + StoredWeight.pieceElements, shape.count)
      let source = byteRange(piece, format)
      format.convert(file.bytes(source), into: values._mutatingExtracting(piece))
      try expectFinite(values.span.extracting(piece), from: piece.lowerBound)
      file.release(source)
      start = piece.upperBound
    }
  }

  /// Where the numbers lie as a step would read them, all of them finite; `nil` where they have to be converted.
  func numbers(in wanted: ScalarFormat) throws(WeightFileError) -> MappedNumbers? {
    guard bytes.upperBound <= file.size else { throw .changed(path: file.path) }
    // Every number in these files has its least significant byte first.
    guard pairedHeads == nil, 1.littleEndian == 1 else { return nil }
    switch (format, wanted) {
    case (.fp32, .fp32) where bytes.lowerBound.isMultiple(of: 4):
      try expectFinite(file.numbers(bytes, as: Float.self), from: 0)
    case (.bf16, .bf16) where bytes.lowerBound.isMultiple(of: 2):
      try expectFinite(file.numbers(bytes, as: BFloat16.self), from: 0)
    default: return nil
    }
    return MappedNumbers(file: file, bytes: bytes)
  }

  /// Takes the bytes over as they are, and takes their pages out of memory again.
  func copyBytes(into target: consuming MutableSpan<UInt8>) throws(WeightFileError) {
    guard bytes.upperBound <= file.size else { throw .changed(path: file.path) }
    let source = file.bytes(bytes)
    for index in source.indices { target[index] = source[index] }
    file.release(bytes)
  }

  // GGUF files of Llama's architecture keep the rows of a query or key head in pairs that rotate together: row 2j + s
  // of a head is row s·D/2 + j of the checkpoint they were made from, where s is 0 or 1 and D is the head dimension.
  // Source: llama.cpp `convert_hf_to_gguf.py`, `LlamaModel.permute`.
  private func fillUnpairing<W: Number>(
    _ values: inout MutableSpan<W>, heads: Int, _ format: StoredFormat, known: [String]
  ) throws(WeightFileError) {
    let rows = shape.extents.first ?? 0
    let width = rows > 0 ? shape.count / rows : 0
    let head = rows / max(heads, 1)
    guard head * heads == rows, head.isMultiple(of: 2), width.isMultiple(of: format.blockElements) else {
      throw .unsupportedFormat("\(formatName) in rows of \(width)", tensor: name, known: known, path: file.path)
    }
    for first in stride(from: 0, to: rows, by: head) {
      for row in 0..<head {
        let target = (first + row % 2 * (head / 2) + row / 2) * width
        let start = (first + row) * width
        format.convert(
          file.bytes(byteRange(start..<start + width, format)),
          into: values._mutatingExtracting(target..<target + width))
      }
      let elements = first * width..<(first + head) * width
      try expectFinite(values.span.extracting(elements), from: elements.lowerBound)
      file.release(byteRange(elements, format))
    }
  }

  private func byteRange(_ elements: Range<Int>, _ format: StoredFormat) -> Range<Int> {
    let start = bytes.lowerBound + format.bytes(of: elements.lowerBound)
    return start..<start + format.bytes(of: elements.count)
  }

  private func expectFinite<W: Number>(_ values: Span<W>, from start: Int) throws(WeightFileError) {
    if let element = FloatConversion.firstNonFinite(values) {
      throw .notFinite(tensor: name, element: start + element, path: file.path)
    }
  }
}
