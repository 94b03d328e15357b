import Bookkeeping

/// What `machine --measure` prints: the most that this machine reached a moment ago, on one core and on all.
public struct CeilingsReport: Report {
  /// One thing that was measured.
  public struct Ceiling: Hashable, Sendable {
    public enum Unit: String, Hashable, Sendable {
      case operations = "GFLOP/s"
      case bytes = "GB/s"
    }

    public let name: String
    /// A key that stays.
    public let key: String
    public let unit: Unit
    /// Operations or bytes a second; `nil` where the processor cannot do it.
    public let oneCore: Double?
    public let allCores: Double?

    public init(name: String, key: String, unit: Unit, oneCore: Double?, allCores: Double?) {
      self.name = name
      self.key = key
      self.unit = unit
      self.oneCore = oneCore
      self.allCores = allCores
    }
  }

  public let ceilings: [Ceiling]
  /// Machine, system and libraries, a line each.
  public let stamp: [String]
  public let threads: Int

  public init(ceilings: [Ceiling], stamp: [String], threads: Int) {
    self.ceilings = ceilings
    self.stamp = stamp
    self.threads = threads
  }

  public var document: Document {
    Document([
      .table(table), .list(stamp),
      .paragraph(
        "The best of several tries each: other work on the machine only takes away. GFLOP/s and GB/s count by 10^9; a "
          + "multiply-add is two operations."),
    ])
  }

  public var table: Table {
    Table(
      [
        Column("ceiling", key: "ceiling"), Column("unit", key: "unit"),
        Column("one core", key: "one_core", .decimal(places: 1)),
        Column(Phrase.count(threads, "thread"), key: "all_cores", .decimal(places: 1)),
      ],
      rows: ceilings.map { ceiling in
        [.text(ceiling.name), .text(ceiling.unit.rawValue), cell(ceiling.oneCore), cell(ceiling.allCores)]
      })
  }

  private func cell(_ value: Double?) -> Cell { value.map { .decimal($0 / 1e9) } ?? .none }

  public var json: OrderedJSON {
    [
      "threads": .integer(threads),
      "ceilings": .array(
        ceilings.map {
          [
            "name": .string($0.key), "unit": .string($0.unit == .bytes ? "bytes_per_second" : "flops_per_second"),
            "one_core": .optional($0.oneCore), "all_cores": .optional($0.allCores),
          ]
        }),
      "stamp": .array(stamp.map { .string($0) }),
    ]
  }
}
