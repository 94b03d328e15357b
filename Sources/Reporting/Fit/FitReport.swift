import Bookkeeping
import Modeling
public import Planning

/// What `fit` prints: the verdict, the receipt behind it, and what would change it.
public struct FitReport: Report {
  public let verdict: Verdict
  /// What would change the verdict; `nil` where nobody looked.
  public let remedies: Remedies?
  /// The peak entry by entry; `nil` where nobody asked.
  public let explanation: PeakExplanation?
  /// How long a run of many steps takes; `nil` where nobody said how many.
  public let run: RunTime?
  /// What the data makes of the run; `nil` without data.
  public let data: DataStudy?
  /// Whether operations, bytes and ceilings are shown too.
  public let explainsTime: Bool

  public init(
    verdict: Verdict, remedies: Remedies?, explanation: PeakExplanation? = nil, run: RunTime? = nil,
    data: DataStudy? = nil, explainsTime: Bool = false
  ) {
    self.verdict = verdict
    self.remedies = remedies
    self.explanation = explanation
    self.run = run
    self.data = data
    self.explainsTime = explainsTime
  }

  public var table: Table {
    explanation.map { ExplanationReport($0).table } ?? PlanTable.table(of: [verdict])
  }

  public var document: Document {
    var blocks: [Document.Block] = [.lead(verdict.sentence)]
    blocks += receipt + (explanation.map { ExplanationReport($0).blocks } ?? largest) + deviceBytes + phases
    blocks += [.heading("The step"), .facts(stepFacts)]
    blocks += time.blocks + (data.map { DataStudyReport($0).blocks } ?? [])
    blocks += remedyBlocks
    if !assumptions.isEmpty { blocks += [.heading("Assumed"), .list(assumptions)] }
    return Document(blocks)
  }

  var plan: Plan { verdict.plan }

  var time: TimeReport { TimeReport(plan: plan, run: run, isExplained: explainsTime) }

  /// Tokens a second of one GPU, padding included: of the data where there is some, else of the planned step.
  var tokensPerSecond: Double? {
    let ofData = data?.epoch?.paddedTokensPerSecond.map { $0 / Double(plan.recipe.parallelism.replicas) }
    return ofData ?? plan.throughput?.expected
  }

  /// What was assumed for the plan, the speed and the budget.
  var assumptions: [String] {
    var assumptions = plan.assumptions + (plan.throughput?.assumptions ?? [])
    if let device = plan.target, device.usableIsNominal, verdict.budget == device.usable {
      assumptions.append("budget: what the \(device.title) is sold with, since no driver's report of it is at hand")
    }
    return assumptions
  }

  private var receipt: [Document.Block] {
    let whole = Double(max(1, plan.device.expected.count))
    let accounts = plan.accounts.filter { $0.value != .zero }.sorted { $0.key < $1.key }
    let table = Table(
      [
        Column("account", key: "account"), Column("", key: "bar", .bar(width: 40)),
        Column("size", key: "bytes", .bytes), Column("share", key: "share", .percent(places: 1)),
      ],
      rows: accounts.map { account, bytes in
        let share = Double(bytes.count) / whole
        return [.text(account.title), .percent(share), .bytes(bytes), .percent(share)]
      },
      total: ["device bytes", .none, .bytes(plan.device.expected), .percent(1)])
    let place = plan.recipe.parallelism.devices > 1 ? "Per GPU, at the peak" : "At the peak"
    return [.heading("\(place), in \(plan.peakMoment)"), .table(table)]
  }

  private var largest: [Document.Block] {
    let entries = plan.peak.entriesBySize.prefix(5)
    let table = Table(
      [
        Column("entry", key: "name"), Column("account", key: "account"), Column("shape", key: "shape"),
        Column("format", key: "format"), Column("size", key: "bytes", .bytes),
      ],
      rows: entries.map {
        [
          .text($0.name), .text($0.account.title), .text($0.shape.description), .text($0.format.rawValue),
          .bytes($0.bytes),
        ]
      })
    return [.heading("Largest of \(Fixed.grouped(plan.peak.entries.count)) entries alive then"), .table(table)]
  }

  private var deviceBytes: [Document.Block] {
    let rows: [(String, Interval)] = [
      ("allocated", plan.allocated), ("reserved", plan.reserved), ("device", plan.device),
    ]
    let table = Table(
      [
        Column("figure", key: "figure"), Column("low", key: "low_bytes", .bytes),
        Column("expected", key: "expected_bytes", .bytes), Column("high", key: "high_bytes", .bytes),
      ],
      rows: rows.map { name, interval in
        [.text(name), .bytes(interval.low), .bytes(interval.expected), .bytes(interval.high)]
      })
    let causes = plan.device.causes
    return [.heading("As the allocator and the driver count"), .table(table)]
      + (causes.isEmpty ? [] : [.list(causes)])
  }

  private var phases: [Document.Block] {
    [.heading("The most live bytes of every part"), .table(plan.phases.table)]
  }

  private var stepFacts: [Document.Fact] {
    let work = plan.work
    let phases = WorkSheet.Phase.allCases.filter { work.total($0) > .zero }
      .map { "\($0.rawValue) \(work.total($0))" }.joined(separator: ", ")
    var facts = [
      Document.Fact("recipe", plan.recipe.summary),
      Document.Fact(
        "tokens",
        plan.recipe.batch.summary
          + (plan.recipe.parallelism.devices > 1 ? ", on each \(plan.recipe.parallelism.unit)" : "")),
      Document.Fact(
        "parameters",
        "\(Fixed.grouped(plan.parameters.total)), of which \(Fixed.grouped(plan.parameters.trainable)) train "
          + "(\(Fixed.text(plan.parameters.share * 100, decimals: 2)) %)"),
      Document.Fact("operations", work.total > .zero ? "\(work.total): \(phases)" : "\(work.total)"),
    ]
    if let throughput = plan.throughput {
      let place = plan.target.map { " on the \($0.title)" } ?? ""
      facts.append(
        Document.Fact(
          "speed",
          "\(Phrase.rate(throughput.expected)) tokens/s\(plan.recipe.parallelism.devices > 1 ? " per \(plan.recipe.parallelism.unit)" : "")\(place) "
            + "(\(Phrase.rate(throughput.low)) to \(Phrase.rate(throughput.high)))"))
    }
    return facts
  }

  /// Remedies shown to people; programs get them all.
  private static let remedyLimit = 8

  private var remedyBlocks: [Document.Block] {
    guard let remedies else { return [] }
    var blocks: [Document.Block] = []
    let changes = remedies.changes.prefix(FitReport.remedyLimit)
    if let set = remedies.smallestSet {
      blocks += [.heading("The smallest set of changes that makes it fit"), .table(RemedyTable.table(of: set))]
    }
    let title = verdict.answer == .yes ? "What would save more" : "Single changes"
    if !changes.isEmpty {
      blocks += [
        .heading(title), .facts(changes.map { Document.Fact($0.change, $0.sentence(budget: verdict.budget)) }),
      ]
    } else if verdict.answer != .yes {
      blocks += [.heading(title), .paragraph("No single change of the recipe saves memory here.")]
    }
    if let stretch = remedies.stretch { blocks += [.heading("How far it stretches"), .paragraph(stretch)] }
    return blocks
  }
}

extension Peak {
  /// The largest first; of equals, the first opened first.
  var entriesBySize: [Entry] {
    entries.enumerated().sorted { ($1.element.bytes, $0.offset) < ($0.element.bytes, $1.offset) }.map(\.element)
  }
}
