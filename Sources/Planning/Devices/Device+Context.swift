import Bookkeeping

/// How much a driver's context takes: it grows with the number of multiprocessors, for each of which it sets local
/// memory aside, and with the kernels that are loaded.
///
/// Contexts alone, without a tensor, were reported for three devices: T4 (40 multiprocessors) 105 MiB bare and 141 MiB
/// with kernels, L4 (58) 226 MiB, A100 (108) 501 MiB (fixtures of the projects fitcheck and AgileRL). Other devices are
/// sorted by their multiprocessors to the nearest of the three, with its neighbors as bounds; above the A100 stands the
/// 0.75 GB that vramcalc allows.
enum ContextClass {
  /// Up to 45 multiprocessors, like the T4.
  case small
  /// 46 to 80, like the L4.
  case medium
  /// More than 80, like the A100.
  case large

  var interval: Interval {
    switch self {
    case .small: ContextClass.interval(105, 141, 226)
    case .medium: ContextClass.interval(141, 226, 501)
    case .large: ContextClass.interval(226, 501, 715)
    }
  }

  private static func interval(_ low: Int, _ expected: Int, _ high: Int) -> Interval {
    Interval(
      low: Bytes(low << 20), expected: Bytes(expected << 20), high: Bytes(high << 20),
      causes: ["the driver's context and loaded kernels take \(low) to \(high) MiB, by driver and kernels"])
  }
}

extension Device {
  /// The context of a device that was not named: the middle one of three reported ones.
  public static let typicalContext = Interval(
    low: Bytes(105 << 20), expected: Bytes(226 << 20), high: Bytes(501 << 20),
    causes: ["no device was named, and a driver's context takes 105 to 501 MiB"])
}
