import ArgumentParser
import Configurations
import Planning

/// What devices cost, and for how long where it is known without the run.
struct CostOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Prices by the hour: a CSV with the columns device and price, or YAML with a price under each device.",
      valueName: "file"))
  var prices: String?

  @Option(
    name: .long, parsing: .unconditional,
    help: ArgumentHelp(
      "Hours of the whole run on every device, in place of --data, --tokens or --samples.", valueName: "hours"),
    transform: Number.real)
  var hours: Double?

  var isNamed: Bool { prices != nil || hours != nil }

  /// Checks what no other type checks.
  ///
  /// - Parameter length: what may say how long the run is, too.
  func check(beside length: RunLengthOptions) throws(UsageError) {
    guard let hours else { return }
    if let extent = length.extentFlag { throw .severalExtents([extent, "--hours"]) }
    guard hours > 0, hours.isFinite else {
      throw .outOfRange(flag: "hours", value: "\(hours)", allowed: "more than 0")
    }
  }

  /// Prices by the catalogue's names; those of devices that it doesn't know are said on standard error.
  func list() throws -> [String: Double] {
    guard let prices else { return [:] }
    var known: [String: Double] = [:]
    for (name, price) in try PriceList(reading: prices).prices.sorted(by: { $0.key < $1.key }) {
      guard let device = DeviceCatalog.named(name) else {
        StandardError.write("\(prices): \(name) is no device that is known; plimsoll gpus lists them")
        continue
      }
      known[device.name] = price
    }
    return known
  }
}
