import Bookkeeping

/// What `demo` writes: the answer to a question people ask, and three methods planned and measured side by side.
public struct DemoReport: Report {
  /// One method, run on this machine.
  public struct Run: Sendable {
    public let method: String
    public let trainable: Int
    public let total: Int
    public let check: CheckSummary

    public init(method: String, trainable: Int, total: Int, check: CheckSummary) {
      self.method = method
      self.trainable = trainable
      self.total = total
      self.check = check
    }
  }

  public let question: String
  public let answer: FitReport
  /// The shape and batch that all runs share.
  public let setting: String
  public let runs: [Run]
  public let stamp: [String]

  public init(question: String, answer: FitReport, setting: String, runs: [Run], stamp: [String]) {
    self.question = question
    self.answer = answer
    self.setting = setting
    self.runs = runs
    self.stamp = stamp
  }

  /// Planned beside measured, an account of a method a row; then each method's peak and resident memory.
  public var table: Table {
    var table = Table([
      Column("method", key: "method"), Column("what", key: "what"),
      Column("planned", key: "planned_bytes", .integer, unit: "bytes"),
      Column("measured", key: "measured_bytes", .integer, unit: "bytes"),
      Column("difference", key: "difference_bytes", .integer, unit: "bytes"),
    ])
    for run in runs {
      let reconciliation = run.check.reconciliation
      func add(_ what: String, _ planned: Bytes, _ measured: Bytes) {
        table.append([
          .text(run.method), .text(what), .integer(planned.count), .integer(measured.count),
          .integer((measured - planned).count),
        ])
      }
      for account in accounts {
        let planned = reconciliation.planned.accounts[account] ?? .zero
        let measured = reconciliation.measured.accounts[account] ?? .zero
        if planned != .zero || measured != .zero { add(account.title, planned, measured) }
      }
      add("peak", reconciliation.planned.bytes, reconciliation.measured.bytes)
      add("resident growth", reconciliation.planned.bytes, run.check.resident.growth)
    }
    return table
  }

  public var json: OrderedJSON {
    [
      "question": .string(question), "answer": answer.json, "setting": .string(setting),
      "runs": .array(
        runs.map {
          [
            "method": .string($0.method), "trainable": .integer($0.trainable), "parameters": .integer($0.total),
            "check": ReconciliationReport($0.check).json,
          ]
        }),
      "stamp": .array(stamp.map { .string($0) }),
    ]
  }

  public var document: Document {
    Document(
      [.lead(question)] + answer.document.blocks + [
        .lead("Is that true? \(setting), planned and run on this machine"), .table(sideBySide),
        .paragraph(balance),
        .heading("Measured with"), .list(stamp),
      ])
  }

  /// Accounts that some run holds at its peak.
  private var accounts: [Account] {
    Account.allCases.filter { account in
      runs.contains {
        $0.check.reconciliation.planned.accounts[account] != nil
          || $0.check.reconciliation.measured.accounts[account] != nil
      }
    }
  }

  /// For people: a column a method, planned over measured where they differ.
  private var sideBySide: Table {
    var table = Table([Column("", key: "what")] + runs.map { Column($0.method, key: $0.method) })
    func add(_ what: String, _ value: (Run) -> String) { table.append([.text(what)] + runs.map { .text(value($0)) }) }
    add("trained parameters") {
      "\(Fixed.grouped($0.trainable)) (\(Fixed.text(Double($0.trainable) / Double($0.total) * 100, decimals: 2)) %)"
    }
    for account in accounts {
      add(account.title + ", MiB") { run in
        let planned = run.check.reconciliation.planned.accounts[account] ?? .zero
        let measured = run.check.reconciliation.measured.accounts[account] ?? .zero
        return planned == measured ? planned.mebibytes() : "\(planned.mebibytes()) / \(measured.mebibytes())"
      }
    }
    add("planned peak, bytes") { Fixed.grouped($0.check.reconciliation.planned.bytes.count) }
    add("measured peak, bytes") { Fixed.grouped($0.check.reconciliation.measured.bytes.count) }
    add("entries that differ") {
      "\($0.check.reconciliation.differences.count) of \($0.check.reconciliation.lines.count)"
    }
    add("resident growth, MiB") { $0.check.resident.growth.mebibytes() }
    add("unexplained, MiB") { run in
      let rest = run.check.resident.peak - run.check.resident.explained
      let share = Double(rest.count) / Double(max(1, run.check.reconciliation.planned.bytes.count)) * 100
      return "\(rest.mebibytes()) (\(Fixed.text(share, decimals: 2)) %)"
    }
    add("tokens/s") { Phrase.rate($0.check.tokensPerSecond) }
    add("inside matrix products") {
      $0.check.profile.map { Fixed.text($0.productShare * 100, decimals: 1) + " %" } ?? "–"
    }
    add("loss of the first step") { Fixed.text($0.check.loss, decimals: 4) }
    return table
  }

  private var balance: String {
    let count = runs.count { $0.check.reconciliation.isBalanced }
    return count == runs.count
      ? "All books balance: every entry, in every account, at every moment of the step, planned and measured, to the byte."
      : "\(count) of \(runs.count) books balance: `plimsoll check` lists the entries that differ."
  }
}
