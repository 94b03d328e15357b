import Bookkeeping
import Modeling
import Planning

/// What a data set is and what it makes of a run, as blocks of a page and as a value.
struct DataStudyReport {
  let study: DataStudy

  init(_ study: DataStudy) { self.study = study }

  var blocks: [Document.Block] {
    let notes: [Document.Block] = study.samples.notes.isEmpty ? [] : [.list(study.samples.notes)]
    let rates: [Document.Block] =
      study.seconds == nil
      ? []
      : [
        .paragraph(
          "Tokens/s count tokens of samples, no padding. Packed rows are timed as if every token saw the whole row, "
            + "which attention that knows the samples' borders makes faster.")
      ]
    return [.heading("The data"), .facts(facts)] + notes + [.heading("Its lengths"), .table(histogram)]
      + [.heading("One epoch of it"), .table(orders)] + rates
  }

  private var facts: [Document.Fact] {
    var facts = DataFacts(name: study.name, samples: study.samples, sequence: study.sequence).facts
    facts.append(
      Document.Fact(
        "worst micro-batch",
        study.order == .packed
          ? "\(Fixed.grouped(study.microBatch * study.sequence)) tokens, as every one of packed rows"
          : "\(Fixed.grouped(study.worstMicroBatchTokens)) tokens, with the longest sample in it: what the memory is for"
      ))
    if let gain = study.packingGain {
      facts.append(Document.Fact("packing", "goes through the data \(Fixed.text(gain, decimals: 2)) times as fast"))
    }
    let passes = study.passes == 1 ? "1 epoch" : "\(Phrase.number(study.passes)) epochs"
    let time = study.seconds.map { ": " + Phrase.range($0) } ?? "; name a card with --gpu for its time"
    facts.append(
      Document.Fact("the run", "\(passes) in \(study.order.title), \(Phrase.count(study.steps, "step"))\(time)"))
    return facts
  }

  private var histogram: Table {
    let bins = study.samples.histogram
    let most = Double(max(1, bins.map(\.count).max() ?? 1))
    return Table(
      [
        Column("tokens", key: "tokens"), Column("", key: "bar", .bar(width: 30)),
        Column("samples", key: "samples", .integer), Column("share", key: "share", .percent(places: 1)),
      ],
      rows: bins.map { bin in
        [
          .text("\(Fixed.grouped(bin.lengths.lowerBound)) to \(Fixed.grouped(bin.lengths.upperBound))"),
          .percent(Double(bin.count) / most), .integer(bin.count),
          .percent(Double(bin.count) / Double(max(1, study.samples.count))),
        ]
      })
  }

  private var orders: Table {
    let timed = study.epochs.contains { $0.seconds != nil }
    return Table(
      [
        Column("order", key: "order"), Column("rows", key: "rows", .integer),
        Column("steps", key: "steps", .integer), Column("padding", key: "padding", .percent(places: 1)),
      ]
        + (timed
          ? [
            Column("tokens/s", key: "tokens_per_second", .integer), Column("time", key: "time", alignment: .right),
          ] : []),
      rows: study.epochs.map { epoch in
        [.text(epoch.order.title), .integer(epoch.rows), .integer(epoch.steps), .percent(epoch.paddingShare)]
          + (timed
            ? [
              epoch.tokensPerSecond.map { .integer(Int($0.rounded())) } ?? .none,
              epoch.seconds.map { .text(Phrase.duration($0.expected)) } ?? .none,
            ] : [])
      })
  }

  var json: OrderedJSON {
    let samples = study.samples
    let summary = samples.summary
    return [
      "file": .string(study.name), "samples": .integer(samples.count), "tokens": .integer(samples.total),
      "counted_by": basisJSON,
      "lengths": [
        "min": .optional(summary?.minimum), "median": .optional(summary?.median), "mean": .optional(summary?.mean),
        "p90": .optional(summary?.percentile90), "p99": .optional(summary?.percentile99),
        "max": .optional(summary?.maximum),
      ],
      "histogram": .array(
        samples.histogram.map {
          [
            "from": .integer($0.lengths.lowerBound), "to": .integer($0.lengths.upperBound),
            "samples": .integer($0.count),
          ]
        }),
      "sequence": .integer(study.sequence), "cut_samples": .integer(study.cutSamples),
      "cut_share": .number(study.cutShare), "worst_micro_batch_tokens": .integer(study.worstMicroBatchTokens),
      "order": .string(study.order.rawValue), "orders": .array(study.epochs.map(\.json)),
      "packing_gain": .optional(study.packingGain), "epochs": .number(study.passes), "steps": .integer(study.steps),
      "seconds": study.seconds?.json ?? .null, "hours": .optional(study.seconds.map { $0.expected / 3600 }),
      "notes": .array(samples.notes.map { .string($0) }),
    ]
  }

  private var basisJSON: OrderedJSON {
    switch study.samples.basis {
    case .tokenizer(let path): return ["tokenizer": .string(path)]
    case .bytes(let ratio):
      let range = ratio.range(of: Double(study.samples.total))
      return [
        "bytes_per_token": .number(ratio.expected), "tokens_low": .integer(Int(range.low.rounded())),
        "tokens_high": .integer(Int(range.high.rounded())),
      ]
    }
  }
}

extension Epoch {
  fileprivate var json: OrderedJSON {
    [
      "order": .string(order.rawValue), "rows": .integer(rows), "steps": .integer(steps), "tokens": .integer(tokens),
      "padded_tokens": .integer(paddedTokens), "padding_share": .number(paddingShare),
      "tokens_per_second": .optional(tokensPerSecond), "padded_tokens_per_second": .optional(paddedTokensPerSecond),
      "seconds": seconds?.json ?? .null,
    ]
  }
}

extension RowOrder {
  /// As a table says it.
  var title: String {
    switch self {
    case .random: "random order"
    case .grouped: "groups of like length"
    case .packed: "packed rows"
    }
  }
}
