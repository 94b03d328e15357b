import CKernels

/// Memory by the page, straight from the system: what the training arena is made of.
public enum Pages {
  public static let size = Int(plk_page_size())

  /// `count` bytes rounded up to whole pages.
  public static func rounded(_ count: Int) -> Int { (count + size - 1) / size * size }

  /// Maps zeroed pages, huge ones where the kernel offers them; `nil` if the system has none left.
  public static func map(_ count: Int) -> UnsafeMutableRawPointer? { plk_pages_map(count) }

  /// Makes a mapping larger or smaller and keeps its pages; `nil` if that cannot be done and the old mapping stands.
  public static func resize(_ base: UnsafeMutableRawPointer, _ old: Int, _ new: Int) -> UnsafeMutableRawPointer? {
    plk_pages_resize(base, old, new)
  }

  /// Gives pages back.
  public static func unmap(_ base: UnsafeMutableRawPointer, _ count: Int) { plk_pages_unmap(base, count) }
}
