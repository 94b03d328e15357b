import CKernels

/// Memory by the page, straight from the system: what the training arena is made of.
public enum Pages {
  public static let size = Int(plk_page_size())

  /// `count` bytes rounded up to whole pages.
  public static func rounded(_ count: Int) -> Int { (count + size - 1) / size * size }

  /// Maps zeroed pages, huge ones where the kernel offers them; `nil` if the system has none left.
  public static func map(_ count: Int) -> UnsafeMutableRawPointer? { plk_pages_map(count) }

  /// Takes addresses without memory behind them; `nil` where pages cannot be moved.
  public static func reserve(_ count: Int) -> UnsafeMutableRawPointer? { plk_pages_reserve(count) }

  /// Maps zeroed pages at reserved addresses; false if the system has none left.
  public static func map(_ count: Int, at target: UnsafeMutableRawPointer) -> Bool {
    plk_pages_map_at(target, count) != 0
  }

  /// Moves pages of one mapping to reserved addresses, contents and all; false if that cannot be done.
  public static func move(_ base: UnsafeMutableRawPointer, _ count: Int, to target: UnsafeMutableRawPointer) -> Bool {
    plk_pages_move(base, count, target) != 0
  }

  /// Gives pages back.
  public static func unmap(_ base: UnsafeMutableRawPointer, _ count: Int) { plk_pages_unmap(base, count) }
}
