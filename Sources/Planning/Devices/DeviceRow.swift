import Bookkeeping

/// One row of the catalogue as it is written down.
struct DeviceRow {
  let name: String
  let title: String
  let gibibytes: Int
  let bandwidth: Double
  /// bf16, fp16 and fp32, in 10^12 operations a second.
  let rates: (Double?, Double, Double)
  let context: ContextClass
  let links: Device.Links
  var usable: Usable = .nominal
  /// Base and boost clock in MHz, where the first is far below the second.
  var clocks: (base: Int, boost: Int)?

  /// What a driver reports, and where it was quoted.
  enum Usable {
    /// In GiB, as torch prints it.
    case torch(Double, String)
    /// In MiB, as `nvidia-smi` prints it.
    case driver(Int, String)
    case nominal
  }

  func device(
    vendor: Device.Vendor = .nvidia, capability: (major: Int, minor: Int)?, source: String
  ) -> Device {
    let (bytes, usableSource): (Bytes, Device.UsableSource) =
      switch usable {
      case .torch(let reported, let address): (Bytes(Int(reported * Double(1 << 30))), .torch(address))
      case .driver(let reported, let address): (Bytes(reported << 20), .driver(address))
      case .nominal: (Bytes(gibibytes << 30), .nominal)
      }
    return Device(
      name: name, title: title, vendor: vendor, usable: bytes, usableSource: usableSource,
      marketedGibibytes: gibibytes, bandwidth: bandwidth,
      peak: Device.PeakRates(bf16: rates.0, fp16: rates.1, fp32: rates.2),
      clocks: clocks.map { Device.Clocks(base: $0.base, boost: $0.boost) },
      computeCapability: capability.map { Device.ComputeCapability(major: $0.major, minor: $0.minor) },
      context: context.interval, links: links, source: source)
  }
}
