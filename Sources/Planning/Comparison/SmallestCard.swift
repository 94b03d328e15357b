public import Bookkeeping
public import Modeling

/// The smallest card of the catalogue that carries a recipe.
public struct SmallestCard: Hashable, Sendable {
  public let device: Device
  /// Device bytes of the step there.
  public let bytes: Interval
  /// Yes if even the highest estimate fits; uncertain if only the expected one does.
  public let answer: Verdict.Answer

  package init(device: Device, bytes: Interval, answer: Verdict.Answer) {
    self.device = device
    self.bytes = bytes
    self.answer = answer
  }

  /// Cards from the smallest to the largest, of equals in the order of the catalogue.
  ///
  /// NVIDIA's: of no other maker's cards a driver's context was at hand, nor do all libraries run on them.
  public static let sizes: [Device] = DeviceCatalog.all.enumerated().filter { $0.element.vendor == .nvidia }
    .sorted { ($0.element.usable, $0.offset) < ($1.element.usable, $1.offset) }.map(\.element)

  /// Looks for the first card on which the expected bytes fit.
  ///
  /// Cards without units for the format of products are passed over: software refuses bf16 on them, or runs it at the
  /// rate of fp32.
  ///
  /// - Parameters:
  ///   - expected: device bytes where no card is named, near which the search begins.
  /// - Returns: `nil` where no card carries it, and for the engine, which runs on CPUs.
  /// - Throws: ``PlanError`` for what has no rule.
  public static func find(
    _ spec: ModelSpec, _ recipe: Recipe, near expected: Bytes
  ) throws(PlanError) -> SmallestCard? {
    guard recipe.stack.isTorch else { return nil }
    // What a card adds of its own, context and library workspaces, is less than this.
    let least = expected - Bytes.gibi
    for device in sizes where device.usable >= least {
      guard recipe.productFormat != .bf16 || device.peak.bf16 != nil else { continue }
      let bytes = try Planner.deviceBytes(spec, recipe, device: device)
      guard bytes.expected <= device.usable else { continue }
      return SmallestCard(
        device: device, bytes: bytes, answer: bytes.high <= device.usable ? .yes : .uncertain)
    }
    return nil
  }
}
