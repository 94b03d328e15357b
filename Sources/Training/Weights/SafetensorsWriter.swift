public import Bookkeeping
public import Kernels
import Modeling

/// Writes a safetensors file tensor by tensor, none of which it keeps.
///
/// The header comes first and lists everything, so shapes are given at the start and numbers one tensor after another.
/// The same tensors make the same bytes: the header is in their order, and padded with spaces to a multiple of eight.
///
/// - SeeAlso: <https://github.com/huggingface/safetensors#format>.
public struct SafetensorsWriter: ~Copyable {
  /// How numbers are written.
  public enum Format: String, CaseIterable, Hashable, Sendable {
    case fp32, bf16, fp16

    /// What the safetensors format calls it.
    var elementType: SafetensorsElementType {
      switch self {
      case .fp32: .fp32
      case .bf16: .bf16
      case .fp16: .fp16
      }
    }

    /// What PyTorch calls it.
    var torchName: String {
      switch self {
      case .fp32: "float32"
      case .bf16: "bfloat16"
      case .fp16: "float16"
      }
    }
  }

  /// A tensor to come.
  public struct Tensor: Hashable, Sendable {
    public let name: String
    public let shape: Shape
    /// `nil` for the file's.
    public let format: Format?
    /// Whether these are bytes, which stay as they are, and no numbers.
    public let isBytes: Bool

    public init(name: String, shape: Shape, format: Format? = nil, isBytes: Bool = false) {
      self.name = name
      self.shape = shape
      self.format = format
      self.isBytes = isBytes
    }
  }

  private let tensors: [Tensor]
  private let format: Format
  private var file: AtomicFile
  private var next = 0

  /// Begins a file that will have its name after ``finish()``.
  public init(path: String, tensors: [Tensor], format: Format = .fp32) throws(WeightFileError) {
    var file = try AtomicFile(path)
    let header = SafetensorsWriter.header(tensors, format)
    let length = UInt64(header.utf8.count).littleEndian
    try file.write([length].span.bytes)
    try file.write(header)
    self.tensors = tensors
    self.format = format
    self.file = file
  }

  /// Writes the next tensor's numbers, row-major, rounded to nearest even where the format is narrower.
  ///
  /// A number too large for the format would become infinite: that is an error that names the tensor.
  public mutating func write(_ values: Span<Float>) throws(WeightFileError) {
    let tensor = try begin(values)
    let format = tensor.format ?? format
    if format == .fp32 {
      try file.write(values.bytes)
      return
    }
    let pieceElements = 1 << 20
    var piece = [UInt16](repeating: 0, count: min(pieceElements, values.count))
    for start in stride(from: 0, to: values.count, by: pieceElements) {
      let source = values.extracting(start..<min(start + pieceElements, values.count))
      if source.count < piece.count { piece.removeLast(piece.count - source.count) }
      if format == .bf16 {
        FloatConversion.narrowToBFloat16(source, into: piece.mutableSpan)
      } else {
        FloatConversion.narrowToFloat16(source, into: piece.mutableSpan)
      }
      let infinity: UInt16 = format == .bf16 ? 0x7F80 : 0x7C00
      if let element = piece.firstIndex(where: { $0 & 0x7FFF == infinity }) {
        throw .notFinite(tensor: tensor.name, element: start + element, path: file.path)
      }
      try file.write(piece.span.bytes)
    }
  }

  /// Writes the next tensor's bytes.
  public mutating func write(_ bytes: Span<UInt8>) throws(WeightFileError) {
    _ = takeNext(count: bytes.count, isBytes: true)
    try file.write(bytes.bytes)
  }

  /// Writes the next tensor's numbers, row-major; what is not written in bf16 is widened first.
  public mutating func write(_ values: Span<BFloat16>) throws(WeightFileError) {
    guard tensors[min(next, tensors.count - 1)].format ?? format == .bf16 else {
      var wide = [Float](repeating: 0, count: values.count)
      Elementwise.copy(values, to: wide.mutableSpan)
      return try write(wide.span)
    }
    _ = try begin(values)
    try file.write(values.bytes)
  }

  /// The next tensor, once its numbers are found to be as many as they should be, and finite.
  private mutating func begin<W: Number>(_ values: Span<W>) throws(WeightFileError) -> Tensor {
    let tensor = takeNext(count: values.count, isBytes: false)
    if let element = FloatConversion.firstNonFinite(values) {
      throw .notFinite(tensor: tensor.name, element: element, path: file.path)
    }
    return tensor
  }

  private mutating func takeNext(count: Int, isBytes: Bool) -> Tensor {
    precondition(next < tensors.count, "all \(tensors.count) tensors of \(file.path) are written")
    let tensor = tensors[next]
    precondition(
      count == tensor.shape.count && isBytes == tensor.isBytes,
      "\(tensor.name) \(tensor.shape) was given \(count) \(isBytes ? "bytes" : "numbers")")
    next += 1
    return tensor
  }

  /// Gives the file its name; every tensor must be written.
  public consuming func finish() throws(WeightFileError) {
    precondition(next == tensors.count, "\(tensors.count - next) tensors of \(file.path) are missing")
    try file.commit()
  }

  private static func header(_ tensors: [Tensor], _ format: Format) -> String {
    func quoted(_ name: String) -> String { JSONValue.string(name).text() }
    // What wrote the file, as Transformers wants to see it: only "pt" says that rows are PyTorch's.
    var text = #"{"__metadata__":{"format":"pt"}"#
    var offset = 0
    for tensor in tensors {
      let type = tensor.isBytes ? SafetensorsElementType.uint8 : (tensor.format ?? format).elementType
      let end = offset + tensor.shape.count * type.bits / 8
      let extents = tensor.shape.extents.map(String.init).joined(separator: ",")
      text += ",\(quoted(tensor.name)):{\"dtype\":\"\(type.rawValue)\",\"shape\":[\(extents)],"
      text += "\"data_offsets\":[\(offset),\(end)]}"
      offset = end
    }
    text += "}"
    return text + String(repeating: " ", count: (8 - text.utf8.count % 8) % 8)
  }
}

extension SafetensorsWriter {
  /// Writes a parameter's numbers.
  mutating func write(_ parameter: ParameterTensor) throws(WeightFileError) {
    if parameter.format == .bf16 {
      try write(parameter.narrowValue.span)
    } else {
      try write(parameter.value.span)
    }
  }
}

extension ParameterTensor {
  /// How a file keeps the numbers exactly.
  var fileFormat: SafetensorsWriter.Format { format == .bf16 ? .bf16 : .fp32 }
}
