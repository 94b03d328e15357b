import Bookkeeping
import Modeling
public import Planning

/// What `compare` prints: one model and recipe under several methods, side by side.
public struct ComparisonReport: Report {
  public let comparison: Comparison

  public init(_ comparison: Comparison) { self.comparison = comparison }

  /// Everything that is known, a method a row.
  public var table: Table { ComparisonTable.table(of: [comparison]) }

  public var document: Document {
    var blocks: [Document.Block] = [.lead(lead)]
    if !planned.isEmpty { blocks += [.table(sideBySide), .paragraph(legend)] }
    if let run = comparison.run { blocks += RunBlocks.blocks(run) }
    if !cards.isEmpty { blocks += [.heading("The smallest card that carries it"), .facts(cards)] }
    let refusals = comparison.rows.compactMap { row -> Document.Fact? in
      guard case .refused(let error) = row.outcome else { return nil }
      return Document.Fact(row.method.name, "\(error)")
    }
    if !refusals.isEmpty { blocks += [.heading("Not planned"), .facts(refusals)] }
    if !comparison.assumptions.isEmpty {
      blocks += [.heading("Assumed for every method"), .list(comparison.assumptions)]
    }
    return Document(blocks)
  }

  private var planned: [(name: String, planned: Comparison.Planned)] {
    comparison.rows.compactMap { row in row.planned.map { (row.method.name, $0) } }
  }

  private var lead: String {
    let methods = Phrase.count(comparison.rows.count, "method")
    guard let recipe = planned.first?.planned.plan.recipe else {
      return "\(comparison.spec.name): none of \(methods) can be planned"
    }
    let batch = recipe.batch
    let shape = "\(Fixed.grouped(batch.microBatch)) × \(Fixed.grouped(batch.sequence)) tokens"
    let place =
      comparison.device.map { "on the \($0.title)" }
      ?? comparison.budget.map { "in \(Phrase.size($0))" } ?? "each on the smallest card that carries it"
    return "\(comparison.spec.name) by \(methods), \(shape) on the \(recipe.stack.rawValue) stack, \(place)"
  }

  private var legend: String {
    let speed = comparison.device == nil ? ", tokens/s and seconds of the smallest card below" : ""
    return
      "Memory is in GiB at the peak of the expected device bytes, operations are of one step\(speed). --format json has "
      + "bytes, every setting and the peak's moment."
  }

  /// A method a column.
  private var sideBySide: Table {
    let planned = planned
    var table = Table([Column("", key: "what")] + planned.map { Column($0.name, key: $0.name, alignment: .right) })
    func add(_ what: String, _ value: (Comparison.Planned) -> String) {
      table.append([.text(what)] + planned.map { .text(value($0.planned)) })
    }
    add("trained parameters") { Phrase.short($0.plan.parameters.trainable) }
    add("share of all") { ComparisonReport.share($0.plan.parameters.share) }
    let accounts = planned.map(\.planned.plan.accounts)
    for account in Account.allCases where accounts.contains(where: { ($0[account] ?? .zero) != .zero }) {
      add(account.title) { ($0.plan.accounts[account] ?? .zero).gibibytes() }
    }
    add("device, GiB") { $0.plan.device.expected.gibibytes() }
    add("at least") { $0.plan.device.low.gibibytes() }
    add("at most") { $0.plan.device.high.gibibytes() }
    if comparison.budget != nil { add("fits") { $0.verdict.answer.rawValue } }
    for phase in WorkSheet.Phase.allCases
    where planned.contains(where: { $0.planned.plan.work.total(phase) > .zero }) {
      add("\(phase.rawValue), TFLOP") { ComparisonReport.tera($0.plan.work.total(phase)) }
    }
    add("operations, TFLOP") { ComparisonReport.tera($0.plan.work.total) }
    add("tokens/s") { $0.speed.map { Phrase.rate($0.expected) } ?? "–" }
    add("a step takes") { $0.speed.map { Phrase.duration($0.seconds.expected) } ?? "–" }
    if comparison.run != nil {
      add("steps of the run") { $0.run.map { Fixed.grouped($0.steps) } ?? "–" }
      add("the run takes") { $0.run?.seconds.map { Phrase.duration($0.expected) } ?? "–" }
    }
    return table
  }

  private static func share(_ share: Double) -> String {
    share >= 0.9995 ? "100 %" : Fixed.text(share * 100, decimals: share < 0.01 ? 3 : 2) + " %"
  }

  private static func tera(_ flops: FLOPs) -> String {
    let value = Double(flops.count) / 1e12
    return Fixed.text(value, decimals: value >= 99.5 ? 0 : value >= 9.95 ? 1 : value >= 0.0095 ? 2 : 4)
  }

  private var cards: [Document.Fact] {
    planned.map { name, planned in
      guard let card = planned.smallest else {
        return Document.Fact(name, "none of the catalogue's \(DeviceCatalog.all.count)")
      }
      let sure = card.answer == .yes ? "" : ", if all goes as expected (at most \(card.bytes.high))"
      let need = "\(card.bytes.expected) of \(Phrase.size(card.device.usable))\(sure)"
      return Document.Fact(name, "\(card.device.title) (\(card.device.name)): \(need)")
    }
  }
}
