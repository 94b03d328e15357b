import Bookkeeping
import Modeling
import Planning

/// How long a step takes and why, and a run of many.
struct TimeReport {
  let plan: Plan
  /// `nil` where nobody said how long the run is, and where the data says it.
  let run: RunTime?
  /// Whether operations, bytes and ceilings are shown too.
  let isExplained: Bool

  var blocks: [Document.Block] {
    var facts: [Document.Fact] = []
    if let roofline = plan.throughput {
      let parts = roofline.parts
      facts = [
        Document.Fact("a step", "\(Phrase.range(roofline.seconds)) on the \(plan.target?.title ?? "device")"),
        Document.Fact(
          "of which",
          "matrix products \(Phrase.duration(parts.products)), attention \(Phrase.duration(parts.fusedAttention)), "
            + "bytes \(Phrase.duration(parts.traffic)); meanwhile the host takes \(Phrase.duration(parts.host)) to ask "
            + "for it"),
      ]
      if !roofline.time.sending.items.isEmpty { facts.append(Document.Fact("sending", TimeReport.sentence(roofline))) }
      facts.append(Document.Fact("bound by", roofline.bound.sentence))
    }
    if let run { facts.append(Document.Fact("the run", TimeReport.sentence(run))) }
    var blocks: [Document.Block] =
      facts.isEmpty ? [] : [.heading("How long it takes"), .facts(facts)]
    if isExplained { blocks += explanation }
    return blocks
  }

  /// What goes over the links, and what of it the device waits for.
  private static func sentence(_ roofline: Roofline) -> String {
    let count = Double(roofline.time.microBatches)
    let all = roofline.time.sending.items.reduce(0) { $0 + $1.seconds * ($1.isOnce ? 1 : count) }
    return
      "\(Phrase.duration(all)) to other GPUs and the host, of which the GPU waits \(Phrase.duration(roofline.waiting))"
  }

  private static func sentence(_ run: RunTime) -> String {
    let extent = RunBlocks.sentence(run.extent, epochs: run.epochs)
    let time = run.seconds.map { ": " + Phrase.range($0) } ?? "; name a card with --gpu for its time"
    return "\(extent), in \(Phrase.count(run.steps, "step"))\(time)"
  }

  // MARK: The explanation

  private var explanation: [Document.Block] {
    var blocks: [Document.Block] = [.heading("Operations of the step"), .table(operations)]
    if let roofline = plan.throughput, let target = plan.target {
      blocks += [
        .heading("Bytes that the step moves between products"), .table(bytes(roofline.time.traffic, on: target)),
      ]
      if !roofline.time.sending.items.isEmpty {
        blocks += [
          .heading("What each GPU sends in a step"),
          .table(sent(roofline.time, waits: roofline.waiting)),
        ]
      }
      blocks += [
        .heading("Ceilings, and how much of them kernels reach"), .list(Roofline.sources(of: plan.recipe, on: target)),
      ]
    } else {
      blocks.append(.paragraph("Seconds and bytes a second are of a card: name one with --gpu."))
    }
    return blocks
  }

  /// An operation of a share a row, a phase a column, the most first.
  private var operations: Table {
    struct Key: Hashable {
      let operation: String
      let share: WorkSheet.Share
    }
    var totals: [Key: [WorkSheet.Phase: Int]] = [:]
    for line in plan.work.lines {
      let key = Key(operation: line.operation, share: line.share)
      totals[key, default: [:]][line.phase, default: 0] += line.flops.count
    }
    let sums = totals.mapValues { $0.values.reduce(0, +) }
    let order = totals.keys.sorted {
      (sums[$1] ?? 0, $0.operation, $0.share.rawValue) < (sums[$0] ?? 0, $1.operation, $1.share.rawValue)
    }
    func giga(_ count: Int) -> Cell { count == 0 ? .none : .decimal(Double(count) / 1e9) }
    let whole = max(1, plan.work.total.count)
    return Table(
      [Column("operation", key: "operation"), Column("weights", key: "share")]
        + WorkSheet.Phase.allCases.map { Column($0.rawValue, key: "\($0.rawValue)_gflops", .decimal(places: 2)) }
        + [
          Column("all", key: "gflops", .decimal(places: 2), unit: "GFLOP"),
          Column("share", key: "total_share", .percent(places: 1)),
        ],
      rows: order.map { key in
        [.text(key.operation), .text(key.share.rawValue)]
          + WorkSheet.Phase.allCases.map { giga(totals[key]?[$0] ?? 0) }
          + [giga(sums[key] ?? 0), .percent(Double(sums[key] ?? 0) / Double(whole))]
      })
  }

  private func bytes(_ traffic: StepTraffic, on device: Device) -> Table {
    let rows = [
      ("tensors of forward and backward", traffic.tensors), ("dequantized weights", traffic.dequantization),
      ("the optimizer", traffic.optimizer),
    ]
    return Table(
      [
        Column("what", key: "what"), Column("moved", key: "bytes", .bytes),
        Column("at full bandwidth", key: "seconds"),
      ],
      rows: rows.map { name, count in
        [
          .text(name), .bytes(Bytes(Int(min(count, 1e18)))), .text(Phrase.duration(count / (device.bandwidth * 1e9))),
        ]
      })
  }

  private func sent(_ time: StepTime, waits: Double) -> Table {
    Table(
      [
        Column("what", key: "what"), Column("bytes", key: "bytes", .bytes), Column("times", key: "times", .integer),
        Column("takes", key: "seconds", alignment: .right), Column("beside computing", key: "is_hidden", .flag),
      ],
      rows: time.sending.items.map { item in
        let count = item.isOnce ? 1 : time.microBatches
        return [
          .text(item.what.title), .bytes(Bytes(Int(min(item.bytes, 1e18)))), .integer(count),
          .text(Phrase.duration(item.seconds * Double(count))), .flag(item.isHidden),
        ]
      })
  }

  // MARK: For programs

  var json: OrderedJSON {
    var members: [OrderedJSON.Member] = []
    func add(_ key: String, _ value: OrderedJSON) { members.append(OrderedJSON.Member(key, value)) }
    if let roofline = plan.throughput {
      let (parts, traffic) = (roofline.parts, roofline.time.traffic)
      add("step_seconds", roofline.seconds.json)
      add("bound", .string(roofline.bound.rawValue))
      add(
        "parts_seconds",
        [
          "products": .number(parts.products), "attention": .number(parts.fusedAttention),
          "bytes": .number(parts.traffic), "host": .number(parts.host), "waiting": .number(roofline.waiting),
        ])
      add(
        "bytes_moved",
        [
          "tensors": .number(traffic.tensors), "dequantization": .number(traffic.dequantization),
          "optimizer": .number(traffic.optimizer),
        ])
    }
    if let time = plan.throughput?.time, !time.sending.items.isEmpty {
      add(
        "sent",
        .array(
          time.sending.items.map {
            [
              "what": .string($0.what.rawValue), "bytes": .number($0.bytes), "seconds": .number($0.seconds),
              "times": .integer($0.isOnce ? 1 : time.microBatches), "beside_computing": .bool($0.isHidden),
            ]
          }))
    }
    if let run {
      add(
        "run",
        [
          "steps": .integer(run.steps), "tokens": .integer(run.tokens), "epochs": .number(run.epochs),
          "seconds": run.seconds?.json ?? .null, "hours": .optional(run.seconds.map { $0.expected / 3600 }),
        ])
    }
    add("operations", .array(plan.work.lines.map(\.json)))
    return .object(members)
  }
}

extension WorkSheet.Line {
  fileprivate var json: OrderedJSON {
    [
      "operation": .string(operation), "phase": .string(phase.rawValue), "weights": .string(share.rawValue),
      "product": .bool(isMatrixProduct), "flops": .integer(flops.count),
    ]
  }
}

extension StepSending.Item.What {
  fileprivate var title: String {
    switch self {
    case .gradients: "gradients, summed up"
    case .gatheredWeights: "weights, gathered"
    case .updatedWeights: "updated weights, from the host"
    case .dividedProducts: "sums of divided products"
    case .fromHost: "weights, from the host"
    case .toHost: "gradients, to the host"
    }
  }
}

extension Seconds {
  var json: OrderedJSON { ["low": .number(low), "expected": .number(expected), "high": .number(high)] }
}

extension Roofline.Bound {
  /// What the bound means for who wants it faster.
  var sentence: String {
    switch self {
    case .products: "matrix products: fewer parameters or tokens, or a card with a higher rate, make it faster"
    case .bytes: "the memory's bandwidth: fused kernels or a card with more of it make it faster"
    case .links: "the links to other GPUs or the host: more tokens or micro-batches a step share what is sent once"
    case .host: "the host, which asks for kernels more slowly than the card runs them: more tokens a step cost nothing"
    }
  }
}
