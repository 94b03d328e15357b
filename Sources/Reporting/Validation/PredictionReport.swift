import Bookkeeping
import Modeling
public import Planning

/// One row in full: what was read, what was assumed, what was planned, and the error.
public struct PredictionReport: Report {
  public let prediction: Prediction

  public init(_ prediction: Prediction) { self.prediction = prediction }

  public var table: Table {
    Table(
      [Column("account", key: "account"), Column("size", key: "bytes", .bytes)],
      rows: Account.allCases.compactMap { account in
        prediction.accounts[account].map { [.text(account.title), .bytes($0)] }
      }, total: ["peak of live bytes", .bytes(prediction.accounts.values.reduce(.zero, +))])
  }

  public var document: Document {
    let row = prediction.row
    let error = prediction.error.map { ", \(ValidationReport.signed($0))" } ?? ""
    let measured = row.reading.bytes.map { "measured \($0)" } ?? "ended out of memory"
    return Document([
      .lead("\(row.id): predicted \(prediction.predicted), \(measured)\(error)"),
      .heading("As it was read"), .facts(readFacts),
      .heading("As it was planned"), .facts(plannedFacts),
      .heading("At the peak, in \(prediction.peakMoment)"), .table(table),
      .heading("Assumed"), .list(prediction.assumptions),
    ])
  }

  private var readFacts: [Document.Fact] {
    let row = prediction.row
    let setting = row.setting
    let pairs: [(String, String?)] = [
      ("source", row.source), ("model", row.model.name), ("method", setting.method), ("targets", setting.targets),
      ("rank", setting.rank.map(String.init)), ("quantization", setting.quantization),
      ("weights", setting.weightFormat), ("computed in", setting.computeFormat), ("optimizer", setting.optimizer),
      ("batch", setting.microBatch.map(String.init)), ("length", setting.sequence.map(String.init)),
      ("length is", setting.sequenceKind), ("accumulation", setting.accumulation.map(String.init)),
      ("checkpointing", setting.usesGradientCheckpointing.map { $0 ? "yes" : "no" }),
      ("attention", setting.attention), ("loss", setting.loss), ("GPUs", setting.gpus.map(String.init)),
      ("sharding", setting.sharding), ("GPU", setting.gpu), ("software", setting.library),
      ("metric", row.reading.metric.rawValue), ("confidence", row.confidence.rawValue), ("flag", row.flag),
      ("notes", row.notes),
    ]
    return pairs.compactMap { name, text in text.map { Document.Fact(name, $0) } }
  }

  private var plannedFacts: [Document.Fact] {
    var facts = [
      Document.Fact("model", prediction.spec.name), Document.Fact("recipe", prediction.recipe.summary),
      Document.Fact("allocated", "\(prediction.allocated)"), Document.Fact("reserved", "\(prediction.reserved)"),
      Document.Fact("device bytes", "\(prediction.onDevice)"),
    ]
    for (name, bytes) in phases { facts.append(Document.Fact("peak of \(name)", "\(bytes)")) }
    if let second = prediction.row.reading.alternative, let error = prediction.alternativeError {
      facts.append(
        Document.Fact(
          second.metric.rawValue,
          "predicted \(prediction.predicted(second.metric)), measured \(second.bytes), \(ValidationReport.signed(error))"
        ))
    }
    if let speed = prediction.tokensPerSecond {
      let measured = prediction.row.reading.tokensPerSecond.map { ", measured \(Phrase.rate($0))" } ?? ""
      facts.append(Document.Fact("tokens/s", "predicted \(Phrase.rate(speed))\(measured)"))
    }
    return facts
  }

  private var phases: [(name: String, bytes: Bytes)] {
    let steady = prediction.phases.steady
    return [
      ("loading", prediction.phases.load), ("first step", prediction.phases.first.peak), ("forward", steady.forward),
      ("loss", steady.loss), ("backward", steady.backward), ("optimizer", steady.optimizer),
    ]
  }

  public var json: OrderedJSON {
    [
      "id": .string(prediction.row.id),
      "predicted_bytes": .integer(prediction.predicted.expected.count),
      "measured_bytes": .optional(prediction.row.reading.bytes?.count),
      "error": .optional(prediction.error), "model": prediction.spec.json, "recipe": prediction.recipe.json,
      "allocated_bytes": prediction.allocated.json, "reserved_bytes": prediction.reserved.json,
      "device_bytes": prediction.onDevice.json, "accounts": prediction.accounts.json,
      "peak_moment": .string(prediction.peakMoment),
      "phases": .object(
        phases.map { OrderedJSON.Member($0.name, .integer($0.bytes.count)) }),
      "tokens_per_second": .optional(prediction.tokensPerSecond),
      "assumptions": .array(prediction.assumptions.map { .string($0) }),
    ]
  }
}
