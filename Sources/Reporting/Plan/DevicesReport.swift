import Bookkeeping
public import Modeling
public import Planning

/// What `plan --gpus` prints: which devices carry a recipe, how fast, at what price, and how many it takes otherwise.
public struct DevicesReport: Report {
  /// A device with what it costs to use.
  public struct Row: Sendable {
    public let fit: DeviceFit
    /// By the hour, of one.
    public let price: Double?
    /// What the whole run comes to the best way; `nil` where nobody said how long it is, and where nothing fits.
    public let run: WholeRun.Time?
    /// Of the whole run.
    public let hours: Double?
    /// Of the whole run, where its hours are known.
    public let cost: Double?

    /// - Parameters:
    ///   - price: of one device, by the hour.
    ///   - hours: of the run where they were named outright.
    public init(_ fit: DeviceFit, price: Double?, run: WholeRun.Time?, hours: Double? = nil) {
      self.fit = fit
      self.price = price
      self.run = run
      let best = fit.best
      let known = best == nil ? nil : hours ?? run?.hours
      self.hours = known
      if let price, let known, let best { cost = price * known * Double(best.devices) } else { cost = nil }
    }

    /// What the cheapest run is told by: the cost, or where nobody said how long the run is, the price of a token.
    fileprivate var order: Double {
      if let cost { return cost }
      guard let price, let best = fit.best else { return .infinity }
      return price * Double(best.devices) / (best.tokensPerSecond ?? .leastNormalMagnitude)
    }
  }

  public let model: String
  public let recipe: Recipe
  /// Those that carry it first: the cheapest run, or where nothing is priced the fewest GPUs, then the smallest device.
  public let rows: [Row]
  /// The run whose hours rows have; `nil` where nobody said how long it is.
  public let run: WholeRun?
  public let assumptions: [String]
  /// Whether every way to share is shown, and not the first of each device alone.
  public let showsAllWays: Bool

  public init(
    model: String, recipe: Recipe, rows: [Row], run: WholeRun? = nil, assumptions: [String], showsAllWays: Bool
  ) {
    self.model = model
    self.recipe = recipe
    self.rows = rows.enumerated().sorted { DevicesReport.precedes($0, $1) }.map(\.element)
    self.run = run
    self.assumptions = assumptions
    self.showsAllWays = showsAllWays
  }

  private static func precedes(_ one: (offset: Int, element: Row), _ other: (offset: Int, element: Row)) -> Bool {
    // Nothing fits last, priced ones before others, of unpriced ones alone before together, the smallest first.
    func key(_ row: Row, _ place: Int) -> (Int, Double, Int, Int, Int) {
      let best = row.fit.best
      return (best == nil ? 1 : 0, row.order, best?.devices ?? 0, row.fit.device.usable.count, place)
    }
    return key(one.element, one.offset) < key(other.element, other.offset)
  }

  /// The way to go: of the cheapest run where prices are given, else of the fewest GPUs, then of the smallest device by
  /// memory, then of the first in the list; `nil` where nothing fits.
  public var choice: DeviceFit.Way? { rows.first?.fit.best }

  private var alone: [Row] { rows.filter(\.fit.alone.fits) }
  private var lacking: [Row] { rows.filter { !$0.fit.alone.fits } }
  private var isPriced: Bool { rows.contains { $0.price != nil } }
  private var isTimed: Bool { rows.contains { $0.hours != nil } }

  public var document: Document {
    var blocks: [Document.Block] = [
      .lead(lead), .facts([Document.Fact("recipe", recipe.summary), Document.Fact("tokens", recipe.batch.summary)]),
    ]
    if !alone.isEmpty { blocks += [.heading("One of these carries it"), .table(single)] }
    if !lacking.isEmpty {
      blocks += [.heading(showsAllWays ? "Shared between several" : "The fewest of these that carry it together")]
      blocks += [.table(several)]
    }
    if let run { blocks += RunBlocks.blocks(run) }
    blocks += [.heading("Notes"), .list(notes)]
    if !assumptions.isEmpty { blocks += [.heading("Assumed"), .list(assumptions)] }
    return Document(blocks)
  }

  private var lead: String {
    let name = "\(model) with \(recipe.method.title)"
    guard let first = rows.first(where: { $0.fit.best != nil }), let best = first.fit.best else {
      return "\(name) fits on none of \(Phrase.count(rows.count, "device")), alone or shared"
    }
    let word = isPriced && first.price != nil ? "cheapest" : "smallest"
    let count = best.devices == 1 ? "" : "\(best.devices) × "
    let parallelism = best.recipe.parallelism
    let host = parallelism.settings.offload == .none ? "" : " (\(parallelism.settings.offload.rawValue) on the host)"
    let sharding = best.recipe.parallelism == .single ? "" : " by \(parallelism.way)\(host)"
    return "\(name) fits on \(alone.count) of \(Phrase.count(rows.count, "device")) alone; the \(word) way is \(count)"
      + "\(first.fit.device.title)\(sharding), with \(best.bytes.expected) on each"
  }

  private func prices(_ row: Row) -> [Cell] {
    var cells: [Cell] = []
    if isTimed { cells.append(row.hours.map { .text(Phrase.duration($0 * 3600)) } ?? .none) }
    if isPriced { cells += [.optional(row.price), .optional(row.cost)] }
    return cells
  }

  private var priceColumns: [Column] {
    var columns: [Column] = []
    if isTimed { columns.append(Column("takes", key: "takes", alignment: .right)) }
    if isPriced {
      columns.append(Column("an hour", key: "price_per_hour", .decimal(places: 2)))
      columns.append(Column("the run", key: "cost", .decimal(places: 2)))
    }
    return columns
  }

  private var single: Table {
    let columns = [
      Column("device", key: "device"), Column("usable", key: "usable_bytes", .gibibytes),
      Column("needed", key: "device_bytes", .gibibytes), Column("headroom", key: "headroom_bytes", .gibibytes),
      Column("tokens/s", key: "tokens_per_second", .decimal(places: 0)),
    ]
    return Table(
      columns + priceColumns,
      rows: alone.map { row in
        let cells: [Cell] = [
          .text(row.fit.device.name), .bytes(row.fit.device.usable), .bytes(row.fit.alone.bytes.expected),
          .bytes(row.fit.headroom), .optional(row.fit.alone.speed?.expected),
        ]
        return cells + prices(row)
      })
  }

  private var several: Table {
    let columns = [
      Column("device", key: "device"), Column("GPUs", key: "gpus", .integer), Column("sharding", key: "sharding"),
      Column("on the host", key: "offload"), Column("each", key: "device_bytes", .bytes),
      Column("buckets", key: "bucket_bytes", .bytes), Column("gathered", key: "gathered_bytes", .bytes),
      Column("moved", key: "transfer_bytes", .bytes),
      Column("tokens/s", key: "tokens_per_second", .decimal(places: 0)),
    ]
    return Table(columns + priceColumns, rows: lacking.flatMap(waysOf))
  }

  /// The ways of a device that does not carry the recipe alone, prices with the first.
  private func waysOf(_ row: Row) -> [[Cell]] {
    let ways = showsAllWays ? row.fit.shared : Array(row.fit.shared.prefix(1))
    let blanks = Array(repeating: Cell.none, count: priceColumns.count)
    guard !ways.isEmpty else {
      return [[.text(row.fit.device.name), .none, "none fits"] + Array(repeating: .none, count: 6) + blanks]
    }
    return ways.enumerated().map { place, way in
      let cells: [Cell] = [
        .text(row.fit.device.name), .integer(way.devices), .text(way.recipe.parallelism.way),
        way.offload.map { .text($0) } ?? .none, .bytes(way.bytes.expected),
        .bytes(way.buffers.buckets), .bytes(way.buffers.gathered), .bytes(way.buffers.transfers),
        .optional(way.tokensPerSecond),
      ]
      return cells + (place == 0 ? prices(row) : blanks)
    }
  }

  private var notes: [String] {
    var notes = [
      "shardings that were tried, on up to 64 GPUs: ZeRO-1, ZeRO-2, FSDP, ZeRO-3, and ZeRO-2, FSDP and ZeRO-3 with what "
        + "can be in the host's memory; DistributedDataParallel divides nothing",
      "tensor parallelism was tried where the stack has it for the recipe, on up to 8 GPUs, by Megatron also with sequence "
        + "parallelism and in groups of 8 under ZeRO-1; pipeline and context parallelism are not considered",
      "tokens/s of several GPUs are the sum of theirs, each with micro-batches of its own, those that divide products (tp) "
        + "together; what they send is timed by the links of their data sheets at 0.83, beside the computing where the "
        + "software lets it pass there; nodes have 8 GPUs, with 200 Gb/s of network each where NVLink or its like joins "
        + "all 8, and 200 Gb/s for all 8 otherwise; the optimizer's step on the host is not timed",
    ]
    if isPriced { notes.append("prices are those of the list, in its currency") }
    return notes
  }
}

extension DeviceFit.Way {
  /// What is on the host, if anything.
  fileprivate var offload: String? {
    let offload = recipe.parallelism.settings.offload
    return offload == .none ? nil : offload.rawValue
  }
}
