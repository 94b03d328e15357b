public import Bookkeeping

extension DeviceCatalog {
  /// A card that stands for a size of memory where only that was named: of the smallest cards that are sold with as much,
  /// the middle one by its rate of bf16 products.
  public static func standIn(for budget: Bytes) -> Device {
    let sizes = Set(all.map(\.marketedGibibytes)).sorted()
    let size = sizes.first { Bytes($0 << 30) >= budget } ?? sizes[sizes.count - 1]
    let cards = all.filter { $0.marketedGibibytes == size }.sorted { rate($0) < rate($1) }
    return cards[cards.count / 2]
  }

  private static func rate(_ device: Device) -> Double { device.peak.bf16 ?? device.peak.fp32 }
}
