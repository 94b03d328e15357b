import CKernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Why a file could not be mapped into memory.
public enum MappedFileError: Error, Hashable, CustomStringConvertible {
  /// The system's reason in its own words.
  case cannotMap(path: String, reason: String)

  public var description: String {
    switch self {
    case .cannotMap(let path, let reason): "\(path) cannot be mapped into memory: \(reason)"
    }
  }
}

/// A regular file as memory, read-only: pages come in when they are read and go when they are released.
///
/// A file that someone shortens while it is mapped is out of scope: reading behind its new end ends the process, as it
/// does for every program that maps files.
public final class MappedFile: @unchecked Sendable {
  public let path: String
  /// Bytes of the file.
  public let size: Int
  // Never written after `init`, and what it points to is read-only.
  private let base: UnsafePointer<UInt8>

  public init(_ path: String) throws(MappedFileError) {
    var size = 0
    var code: Int32 = 0
    guard !path.utf8.contains(0), let base = plk_file_map(path, &size, &code) else {
      throw .cannotMap(path: path, reason: code == 0 ? "its name holds a zero byte" : String(cString: strerror(code)))
    }
    self.path = path
    self.size = size
    self.base = base
  }

  deinit { plk_file_unmap(base, size) }

  /// The bytes of a part of the file, which must lie within it.
  @_lifetime(borrow self)
  public func bytes(_ range: Range<Int>) -> Span<UInt8> {
    check(range)
    let span = Span(_unsafeStart: base + range.lowerBound, count: range.count)
    return _overrideLifetime(span, borrowing: self)
  }

  /// The numbers in a part of the file, which must lie within it, start at a multiple of a number's size, and have
  /// the processor's byte order.
  @_lifetime(borrow self)
  public func numbers<Element: BitwiseCopyable>(_ range: Range<Int>, as: Element.Type) -> Span<Element> {
    check(range)
    let size = MemoryLayout<Element>.stride
    precondition(range.lowerBound % size == 0 && range.count % size == 0, "bytes \(range) are no whole numbers")
    let start = UnsafeRawPointer(base + range.lowerBound).assumingMemoryBound(to: Element.self)
    return _overrideLifetime(Span(_unsafeStart: start, count: range.count / size), borrowing: self)
  }

  /// Takes a part of the file out of the process's memory; it comes back when it is read again.
  public func release(_ range: Range<Int>) {
    check(range)
    let start = max(0, range.lowerBound - MappedFile.faultAround)
    let end = min(size, range.upperBound + MappedFile.faultAround)
    if !range.isEmpty { plk_file_release(base + start, end - start) }
  }

  /// Bytes that Linux maps around a page that is read, where the page cache has them (`fault_around_bytes`); they would
  /// be left over at both ends of what is released.
  private static let faultAround = 1 << 16

  private func check(_ range: Range<Int>) {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= size, "bytes \(range) of \(path), which has \(size)")
  }
}
