import ArgumentParser
import Configurations
import Planning
import Reporting

/// How long a run is, and what devices cost.
struct CostOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Prices by the hour: a CSV with the columns device and price, or YAML with a price under each device.",
      valueName: "file"))
  var prices: String?

  @Option(
    name: .long, parsing: .unconditional,
    help: ArgumentHelp("Tokens of the whole run, padding included, such as 10M.", valueName: "count"),
    transform: Number.scaled)
  var tokens: Double?

  @Option(
    name: .long, parsing: .unconditional, help: ArgumentHelp("Hours of the whole run.", valueName: "hours"),
    transform: Number.real)
  var hours: Double?

  var isNamed: Bool { prices != nil || tokens != nil || hours != nil }

  func run() throws(UsageError) -> DevicesReport.RunLength? {
    switch (tokens, hours) {
    case (nil, nil): return nil
    case (let tokens?, nil):
      guard tokens > 0 else { throw .outOfRange(flag: "tokens", value: "\(tokens)", allowed: "more than 0") }
      return .tokens(tokens)
    case (nil, let hours?):
      guard hours > 0 else { throw .outOfRange(flag: "hours", value: "\(hours)", allowed: "more than 0") }
      return .hours(hours)
    case (_?, _?): throw .twoLengths
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
