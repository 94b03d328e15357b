public import Modeling

/// Prices of devices by the hour, from a file of somebody's own.
///
/// CSV with the columns `device` and `price`, or YAML or JSON with a price under every device's name. The currency is
/// the file's business.
public struct PriceList: Hashable, Sendable {
  /// Prices by the names that the file uses.
  public let prices: [String: Double]

  /// - Throws: ``PriceListError``, with the file and what is wrong in it.
  public init(reading path: String) throws(PriceListError) {
    if path.lowercased().hasSuffix(".csv") {
      prices = try PriceList.prices(ofTable: path)
      return
    }
    let values: [String: JSONValue]
    do { values = try ConfigurationFile.read(path).values } catch { throw .configuration(error) }
    var prices: [String: Double] = [:]
    for (device, value) in values.sorted(by: { $0.key < $1.key }) {
      prices[device] = try PriceList.checked(value.doubleValue, value.summary, of: device, path)
    }
    self.prices = prices
  }

  private static func prices(ofTable path: String) throws(PriceListError) -> [String: Double] {
    let table: CSVTable
    do { table = try CSVTable(path: path, requiring: ["device", "price"]) } catch { throw .csv(error) }
    if let problem = table.problems.first { throw .record(problem, file: path) }
    var prices: [String: Double] = [:]
    for row in table.rows {
      guard let device = row["device"] else { throw .record(row.problem("device", "a name is missing"), file: path) }
      let text = row["price"] ?? ""
      prices[device] = try checked(Double(text), text, of: device, path)
    }
    return prices
  }

  private static func checked(
    _ value: Double?, _ text: String, of device: String, _ path: String
  ) throws(PriceListError) -> Double {
    guard let value, value.isFinite, value >= 0 else { throw .badPrice(device: device, value: text, file: path) }
    return value
  }
}

/// Why a list of prices cannot be read.
public enum PriceListError: Error, Hashable, CustomStringConvertible {
  case csv(CSVError)
  case configuration(ConfigurationError)
  case record(CSVProblem, file: String)
  case badPrice(device: String, value: String, file: String)

  public var description: String {
    switch self {
    case .csv(let error): error.description
    case .configuration(let error): error.description
    case .record(let problem, let file): "\(file), \(problem)"
    case .badPrice(let device, let value, let file):
      "\(file): the price of \(device) is \(value): it must be a number from 0 up, by the hour"
    }
  }

  /// Whether the file is not there.
  public var isMissingFile: Bool {
    switch self {
    case .csv(.file(.noSuchFile)): true
    case .configuration(let error): error.isMissingFile
    default: false
    }
  }
}
