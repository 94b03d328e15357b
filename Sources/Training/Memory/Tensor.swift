public import Bookkeeping
public import Kernels

/// A number that a tensor can hold, and the format that the books call it by.
public protocol TensorElement: BitwiseCopyable, Sendable {
  static var format: ScalarFormat { get }
}

extension Float: TensorElement { public static var format: ScalarFormat { .fp32 } }
extension BFloat16: TensorElement { public static var format: ScalarFormat { .bf16 } }
extension Int32: TensorElement { public static var format: ScalarFormat { .int32 } }
extension UInt8: TensorElement { public static var format: ScalarFormat { .uint8 } }

/// What activations and weights can be stored in: kernels calculate with it, and the books know it.
public typealias StoredNumber = Number & TensorElement

/// A uniquely owned, row-major array of numbers whose lifetime is on the books.
///
/// It is opened by ``Arena/open(_:_:_:as:format:)`` and closed by ``close()``, or at the end of its owner's life. A
/// default-made tensor is closed from the start: a place for one to move into. One that ``Arena/map(_:_:_:_:)`` opened
/// lies in a file, and can only be read.
public struct Tensor<Element: TensorElement>: ~Copyable {
  private var arena: Arena?
  private var handle: Int
  private var storage: Storage?
  public private(set) var shape: Shape

  /// Where the numbers are.
  private enum Storage {
    case block(BlockPool.Block)
    case file(MappedNumbers)
  }

  init(arena: Arena, handle: Int, block: BlockPool.Block, shape: Shape) {
    self.arena = arena
    self.handle = handle
    storage = .block(block)
    self.shape = shape
  }

  init(arena: Arena, handle: Int, numbers: MappedNumbers, shape: Shape) {
    self.arena = arena
    self.handle = handle
    storage = .file(numbers)
    self.shape = shape
  }

  /// A closed tensor.
  public init() {
    arena = nil
    handle = -1
    storage = nil
    shape = [0]
  }

  deinit {
    switch storage {
    case .block(let block): arena?.close(handle, block)
    case .file: arena?.close(handle, nil)
    case nil: break
    }
  }

  public var isOpen: Bool { storage != nil }

  /// Whether the numbers lie in a file.
  public var isMapped: Bool { if case .file = storage { true } else { false } }

  /// Gives the memory back now; a closed tensor stays closed.
  public mutating func close() { self = Tensor() }

  /// Moves the tensor out and leaves a closed one behind.
  public mutating func take() -> Tensor {
    var moved = Tensor()
    swap(&moved, &self)
    return moved
  }

  /// Elements stored: bytes of the block by the element's size (two codes of a 4-bit format share one).
  private var elements: UnsafeMutableBufferPointer<Element> {
    guard case .block(let block) = storage else {
      preconditionFailure(isMapped ? "a tensor in a file was written" : "a closed tensor was read")
    }
    let count = block.count / MemoryLayout<Element>.stride
    return UnsafeMutableBufferPointer(start: block.base.assumingMemoryBound(to: Element.self), count: count)
  }

  // The two spans are not tied to the tensor's lifetime: tensors live in layers' tapes and parameters, which are classes,
  // and the compiler can't follow a borrow through those. What keeps them safe is a habit of this module: a span is an
  // argument of a kernel's call and never outlives the statement.

  /// The numbers, to be read by one kernel call.
  public var span: Span<Element> {
    @_lifetime(immortal)
    get {
      if case .file(let numbers) = storage {
        return _overrideLifetime(numbers.file.numbers(numbers.bytes, as: Element.self), borrowing: ())
      }
      let span = Span(_unsafeElements: UnsafeBufferPointer(elements))
      return _overrideLifetime(span, borrowing: ())
    }
  }

  /// The numbers, to be written by one kernel call.
  public var mutableSpan: MutableSpan<Element> {
    @_lifetime(immortal)
    mutating get {
      let span = MutableSpan(_unsafeElements: elements)
      return _overrideLifetime(span, borrowing: ())
    }
  }
}
