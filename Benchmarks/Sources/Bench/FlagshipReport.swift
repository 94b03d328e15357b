import Bookkeeping
import Foundation

/// The report and the table of what the flagship's parts came to.
struct FlagshipReport {
  /// By part, as kept in `flagship.json`.
  let results: [String: Any]
  let command: (FlagshipBench.Part) -> String

  func rendered() -> (markdown: String, csv: String) {
    var markdown = """
      # Will a 7B QLoRA fit in 8 GB?

      `make flagship` plans each of these from shapes alone, and then runs it: real steps of the engine, batch 1 × 512
      tokens, every layer checkpointed, 8-bit AdamW, on the same tokens again and again so that the loss has somewhere to
      go. The whole process is held to the limit by the system, not by us: with `RLIMIT_AS` that is all of its address
      space, libraries included, so that going beyond it would have ended the run.

      | run | limit GiB | planned peak MiB | measured | books | resident at most MiB | loss, first to last | tokens/s |
      | --- | ---: | ---: | ---: | --- | ---: | --- | ---: |

      """
    var csv =
      "run,limit_bytes,limit_name,planned_peak_bytes,measured_peak_bytes,balanced,resident_peak_bytes,first_loss,"
      + "last_loss,steps,load_seconds,tokens_per_second,flops_per_second,product_ceiling\n"
    var sections = ""
    for part in FlagshipBench.Part.all {
      guard let result = results[part.name] as? [String: Any], let plan = result["plan"] as? [String: Any] else {
        continue
      }
      let ceiling = result["ceiling"] as? Double ?? 0
      let check = (result["check"] as? [String: Any]).map { CheckedRun($0, ceiling: ceiling) }
      sections += "\n## \(part.title)\n\n```\n\(command(part))\n```\n\n"
      sections += accounts(plan, check)
      if let check {
        markdown += check.row(part.name)
        csv += check.csv(part.name)
        sections += check.facts()
      } else {
        sections += verdict(plan)
      }
      if let stamp = result["stamp"] as? [String] {
        sections += "\nMeasured with:\n\n" + stamp.map { "- \($0)\n" }.joined()
      }
    }
    return (markdown + sections, csv)
  }

  /// The receipt: every account of the plan beside what the run wrote down.
  private func accounts(_ plan: [String: Any], _ check: CheckedRun?) -> String {
    let planned = plan["accounts"] as? [String: Int] ?? [:]
    let measured = check?.measured ?? [:]
    var text = "| account | planned bytes | \(check == nil ? "" : "measured bytes |")\n"
    text += "| --- | ---: | \(check == nil ? "" : "---: |")\n"
    for account in Account.allCases {
      let (plannedBytes, measuredBytes) = (planned[account.rawValue] ?? 0, measured[account.rawValue] ?? 0)
      guard plannedBytes != 0 || measuredBytes != 0 else { continue }
      text += "| \(account.rawValue) | \(Fixed.grouped(plannedBytes)) | "
      if check != nil { text += account == .runtime ? "– |" : "\(Fixed.grouped(measuredBytes)) |" }
      text += "\n"
    }
    if let moment = (plan["peak"] as? [String: Any])?["moment"] as? String {
      text += "\nThe plan's peak is in `\(moment)`. "
    }
    return text
  }

  private func verdict(_ plan: [String: Any]) -> String {
    let device = (plan["device_bytes"] as? [String: Any])?["expected"] as? Int ?? 0
    let budget = plan["budget_bytes"] as? Int ?? 0
    let answer = plan["fits"] as? String ?? "unknown"
    return "It needs \(Bytes(device).mebibytes()) MiB, and there are \(Bytes(budget).mebibytes()): fits \(answer).\n"
  }
}

/// What one `plimsoll check` printed.
struct CheckedRun {
  let measured: [String: Int]
  private let plannedPeak: Int
  private let measuredPeak: Int
  private let isBalanced: Bool
  private let residentBaseline: Int
  private let residentPeak: Int
  private let limit: Int
  private let limitName: String
  private let losses: [Double]
  private let seconds: [Double]
  private let loadSeconds: Double
  private let tokensPerSecond: Double
  private let flops: Double
  private let ceiling: Double
  private let operations: [(name: String, seconds: Double)]

  init(_ check: [String: Any], ceiling: Double) {
    func object(_ name: String) -> [String: Any] { check[name] as? [String: Any] ?? [:] }
    func peak(_ book: String) -> Int { (object(book)["peak"] as? [String: Any])?["bytes"] as? Int ?? 0 }
    measured = object("measured")["accounts"] as? [String: Int] ?? [:]
    plannedPeak = peak("planned")
    measuredPeak = peak("measured")
    isBalanced = check["balanced"] as? Bool ?? false
    residentBaseline = object("rss")["baseline_bytes"] as? Int ?? 0
    residentPeak = object("rss")["peak_bytes"] as? Int ?? 0
    limit = object("limit")["bytes"] as? Int ?? 0
    limitName = object("limit")["name"] as? String ?? "none"
    let steps = check["steps"] as? [[String: Any]] ?? []
    losses = steps.compactMap { $0["loss"] as? Double }
    seconds = steps.compactMap { $0["seconds"] as? Double }
    loadSeconds = check["load_seconds"] as? Double ?? 0
    tokensPerSecond = check["tokens_per_second"] as? Double ?? 0
    flops = check["flops_per_step"] as? Double ?? 0
    self.ceiling = ceiling
    let profile = object("profile")["operations"] as? [[String: Any]] ?? []
    operations = profile.compactMap { line in
      guard let name = line["operation"] as? String, let seconds = line["seconds"] as? Double else { return nil }
      return (name, seconds)
    }
  }

  /// Of the median step.
  private var flopsPerSecond: Double {
    let timed = (seconds.count > 1 ? Array(seconds.dropFirst()) : seconds).sorted()
    return timed.isEmpty ? 0 : flops / timed[timed.count / 2]
  }

  func row(_ name: String) -> String {
    "| \(name) | \(Fixed.text(Double(limit) / Double(1 << 30), decimals: 0)) | \(Bytes(plannedPeak).mebibytes()) | "
      + "\(Bytes(measuredPeak).mebibytes()) | \(isBalanced ? "balance to the byte" : "do not balance") | "
      + "\(Bytes(residentPeak).mebibytes()) | \(loss(losses.first)) → \(loss(losses.last)) | "
      + "\(Fixed.text(tokensPerSecond, decimals: 2)) |\n"
  }

  func csv(_ name: String) -> String {
    "\(name),\(limit),\(limitName),\(plannedPeak),\(measuredPeak),\(isBalanced),\(residentPeak),\(losses.first ?? 0),"
      + "\(losses.last ?? 0),\(losses.count),\(loadSeconds),\(tokensPerSecond),\(flopsPerSecond),\(ceiling)\n"
  }

  func facts() -> String {
    let share = ceiling > 0 ? flopsPerSecond / ceiling * 100 : 0
    var text = """
      The books \(isBalanced ? "balance, entry by entry and moment by moment" : "do not balance").

      - limit: \(Bytes(limit).mebibytes()) MiB on the whole process, `\(limitName)`
      - resident: \(Bytes(residentPeak).mebibytes()) MiB at the highest (VmHWM), \
      \(Bytes(residentBaseline).mebibytes()) MiB of them before the first tensor
      - loss: \(losses.map { loss($0) }.joined(separator: ", "))
      - seconds a step: \(seconds.map { Fixed.text($0, decimals: 1) }.joined(separator: ", ")); loading took \
      \(Fixed.text(loadSeconds, decimals: 1))
      - speed: \(Fixed.text(tokensPerSecond, decimals: 2)) tokens/s, \(Fixed.text(flopsPerSecond / 1e9, decimals: 1)) \
      GFLOP/s of \(Fixed.text(flops / 1e12, decimals: 2)) TFLOP a step, \(Fixed.text(share, decimals: 1)) % of the \
      \(Fixed.text(ceiling / 1e9, decimals: 1)) GFLOP/s that products of these shapes reach alone

      | operation of the last step | seconds |
      | --- | ---: |

      """
    for operation in operations.prefix(10) {
      text += "| \(operation.name) | \(Fixed.text(operation.seconds, decimals: 2)) |\n"
    }
    return text
  }

  private func loss(_ value: Double?) -> String { value.map { Fixed.text($0, decimals: 4) } ?? "–" }
}
