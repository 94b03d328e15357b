import Bookkeeping
import Modeling
public import Planning

/// Comparisons of several models as one page with its picture: `Reports/comparison.md`, `.csv` and `.svg`.
public struct ComparisonPage: Report {
  public let comparisons: [Comparison]
  /// What makes the page.
  public let command: String

  public init(_ comparisons: [Comparison], command: String) {
    self.comparisons = comparisons
    self.command = command
  }

  public var table: Table { ComparisonTable.table(of: comparisons) }

  public var json: OrderedJSON { .array(comparisons.map { ComparisonReport($0).json }) }

  public var document: Document {
    var blocks: [Document.Block] = [
      .lead("Methods of fine-tuning side by side, from \(sizes)"),
      .paragraph("Made by \(command); planned, not measured, and the same on every machine. \(setting)"),
      .paragraph(
        "Each method is planned on the smallest of NVIDIA's cards in the catalogue that carries it, and its speed is there. Memory is in GiB at the peak of the "
          + "expected device bytes; activations have checkpoints and logits with them, weights the constants of their "
          + "quantization, workspace the batch. The raw bytes of every account are in comparison.csv."),
    ]
    for comparison in comparisons {
      blocks += [.heading(ComparisonPage.title(comparison)), .table(ComparisonPage.page(comparison))]
      let refusals = comparison.rows.compactMap { row -> Document.Fact? in
        guard case .refused(let error) = row.outcome else { return nil }
        return Document.Fact(row.method.name, "\(error)")
      }
      if !refusals.isEmpty { blocks.append(.facts(refusals)) }
    }
    if let first = comparisons.first, !first.assumptions.isEmpty {
      blocks += [.heading("Assumed"), .list(first.assumptions)]
    }
    return Document(blocks)
  }

  private var sizes: String {
    guard let first = comparisons.first, let last = comparisons.last else { return "no model" }
    return "\(first.spec.name) to \(last.spec.name)"
  }

  private var setting: String {
    guard let recipe = comparisons.first?.rows.compactMap({ $0.planned?.plan.recipe }).first else { return "" }
    let tokens = Fixed.grouped(recipe.batch.sequence)
    return
      "One sequence of \(tokens) tokens a step on the \(recipe.stack.rawValue) stack, weights loaded in bf16, everything "
      + "else its own default."
  }

  private static func title(_ comparison: Comparison) -> String {
    "\(comparison.spec.name): \(Phrase.short(comparison.spec.parameterCount)) parameters"
  }

  private static let grouped: [(title: String, accounts: [Account])] = [
    ("weights", [.weights, .quantizationConstants]), ("adapters", [.adapters]), ("gradients", [.gradients]),
    ("optimizer state", [.optimizerState]), ("activations", [.activations, .checkpoints, .logits]),
    ("workspace", [.workspace, .batch]), ("runtime", [.runtime]),
  ]

  private static func page(_ comparison: Comparison) -> Table {
    Table(
      [
        Column("method", key: "method"), Column("trained", key: "trained"),
        Column("share", key: "share", .percent(places: 2)),
      ]
        + grouped.map { Column($0.title, key: $0.title, .gibibytes) }
        + [
          Column("device", key: "device_bytes", .gibibytes), Column("operations", key: "operations"),
          Column("smallest card", key: "card"), Column("tokens/s there", key: "tokens_per_second", .integer),
        ],
      rows: comparison.rows.compactMap { row in
        guard let planned = row.planned else { return nil }
        let plan = planned.plan
        let accounts = plan.accounts
        return [
          .text(row.method.name), .text(Phrase.short(plan.parameters.trainable)), .percent(plan.parameters.share),
        ]
          + grouped.map { group in .bytes(group.accounts.reduce(Bytes.zero) { $0 + (accounts[$1] ?? .zero) }) }
          + [
            .bytes(plan.device.expected), .text("\(plan.work.total)"),
            .text(planned.smallest.map { $0.device.title } ?? "none"),
            planned.speed.map { .integer(Int($0.expected.rounded())) } ?? .none,
          ]
      })
  }

  /// Memory by account, a bar a method, a group a model.
  public var picture: String {
    let parts = ComparisonPage.grouped
    return StackedBars(
      title: "Memory at the peak by account, GiB", parts: parts.map(\.title),
      groups: comparisons.map { comparison in
        StackedBars.Group(
          title: comparison.spec.name,
          bars: comparison.rows.compactMap { row in
            guard let plan = row.planned?.plan else { return nil }
            let accounts = plan.accounts
            return StackedBars.Bar(
              name: row.method.name,
              values: parts.map { part in
                Double(part.accounts.reduce(0) { $0 + (accounts[$1] ?? .zero).count }) / Double(Bytes.gibi.count)
              }, label: "\(comparison.spec.name), \(row.method.name): \(plan.device.expected)")
          })
      }
    ).svg
  }
}
