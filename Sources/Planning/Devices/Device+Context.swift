import Bookkeeping

extension Device {
  /// The context of a device that was not named.
  ///
  /// Contexts alone, without any tensor, were reported as 140.9 MiB (T4), 226 MiB (L4) and 501 MiB (A100) by the
  /// fixtures of fitcheck and AgileRL; the middle one is expected.
  public static let typicalContext = Interval(
    low: Bytes(141 << 20), expected: Bytes(226 << 20), high: Bytes(501 << 20),
    causes: ["no device was named, and a driver's context takes 141 to 501 MiB"])
}
