import Bookkeeping
import Configurations
import Modeling
import Reporting

/// A point as an archive keeps it, beside the key of its result.
struct PointRecord {
  var values: [String?] = []
  var budget: Bytes?
  var unused: [String] = []
  /// Why nothing was computed.
  var refusal: String?
  /// Whether it asks the same as an earlier point, and has no row.
  var isCollapsed = false

  static let collapsed: PointRecord = {
    var record = PointRecord()
    record.isCollapsed = true
    return record
  }()

  init(values: [String?] = [], budget: Bytes? = nil, unused: [String] = []) {
    (self.values, self.budget, self.unused) = (values, budget, unused)
  }

  var json: OrderedJSON {
    if isCollapsed { return ["collapsed": .bool(true)] }
    return [
      "values": .array(values.map { .optional($0) }), "budget_bytes": .optional(budget?.count),
      "unused": .array(unused.map { .string($0) }), "refused": .optional(refusal),
    ]
  }

  /// - Returns: `nil` for what ``json`` has not written.
  init?(json: JSONValue) {
    if json["collapsed"] == .bool(true) {
      self.init()
      isCollapsed = true
      return
    }
    guard let values = json["values"]?.arrayValue, let unused = json["unused"]?.arrayValue else { return nil }
    self.init(
      values: values.map(\.stringValue), budget: json["budget_bytes"]?.integerValue.map { Bytes($0) },
      unused: unused.compactMap(\.stringValue))
    refusal = json["refused"]?.stringValue
  }
}

/// What is to be known beside the rows of a sweep: the same of a whole one and of its shards put together.
struct SweepNotes {
  let unused: [String]
  let collapsed: Int
  let shared: Int
  let shard: SweepShard
  /// Whether the answers rest on expected bytes alone.
  let isExpected: Bool

  var sentences: [String] {
    var notes = Set(unused).sorted().map { "--\($0) is left out where the method has no use for it" }
    if collapsed > 0 {
      notes.append(
        "\(Fixed.grouped(collapsed)) points differ from others only in what has no use there: they share a row")
    }
    if shared > 0 {
      notes.append("\(Fixed.grouped(shared)) points come to the same recipe as another, and were computed with it")
    }
    if isExpected {
      notes.append("whether a point fits is said of its expected bytes; --intervals says how far they may go")
    }
    if shard != .whole {
      notes.append("shard \(shard.number) of \(shard.count): the points of the others are not here")
    }
    return notes
  }
}
