import Bookkeeping
import Modeling

/// Reads one row into a ``Measurement``, and collects everything that is wrong with it.
struct MeasurementRow {
  private let row: CSVTable.Row
  private(set) var problems: [CSVProblem] = []

  init(_ row: CSVTable.Row) { self.row = row }

  /// The measurement; `nil` where ``problems`` say why not.
  mutating func measurement() -> Measurement? {
    let id = required("id")
    let name = required("hf_model")
    let method = required("method")
    let model = model(name ?? "")
    let setting = setting(method ?? "")
    let reading = reading()
    let confidence = choice("confidence", or: Measurement.Confidence.c)
    guard problems.isEmpty, let id, let name, let reading else { return nil }
    return Measurement(
      id: id, line: row.line, source: row["source"] ?? "", sourceKey: row["source_key"] ?? row["source"] ?? "unnamed",
      modelKey: row["model_key"] ?? name, model: model, setting: setting, reading: reading, confidence: confidence,
      flag: row["flag"], notes: row["notes"])
  }

  private mutating func model(_ name: String) -> Measurement.Model {
    Measurement.Model(
      name: name, billions: decimal("params_b"), hidden: whole("hidden"), layers: whole("layers"),
      heads: whole("heads"), keyValueHeads: whole("kv_heads"), headDimension: whole("head_dim"),
      intermediate: whole("intermediate"), vocabulary: whole("vocab"), isTied: flag("tied"),
      isGated: word("mlp", ["gated": true, "plain": false]), experts: whole("experts"))
  }

  private mutating func setting(_ method: String) -> Measurement.Setting {
    Measurement.Setting(
      method: method, targets: row["target_modules"], rank: whole("rank"), trainable: whole("trainable_params"),
      quantization: row["quant"], isDoublyQuantized: flag("double_quant"), weightFormat: row["weight_dtype"],
      computeFormat: row["compute_dtype"], optimizer: row["optimizer"], microBatch: whole("micro_batch"),
      sequence: whole("seq_len"), sequenceKind: row["seq_kind"], accumulation: whole("grad_accum"),
      usesGradientCheckpointing: flag("grad_ckpt"), attention: row["attention"], loss: row["loss_impl"],
      gpus: whole("gpus"), sharding: row["sharding"], gpu: row["gpu_kind"], library: row["library"])
  }

  private mutating func reading() -> Measurement.Reading? {
    let outcome = choice("outcome", or: Measurement.Outcome.finished)
    let bytes = gibibytes("measured_gib")
    if bytes == nil, outcome == .finished, row["measured_gib"] == nil {
      problems.append(row.problem("measured_gib", "empty, and the outcome is not oom"))
    }
    guard let metric = metric("metric") else { return nil }
    var alternative: Measurement.Reading.Alternative?
    if row["alt_metric"] != nil, let bytes = gibibytes("alt_gib"), let metric = self.metric("alt_metric") {
      alternative = Measurement.Reading.Alternative(metric: metric, bytes: bytes)
    }
    return Measurement.Reading(
      metric: metric, bytes: outcome == .outOfMemory ? nil : bytes, rounding: rounding(of: bytes ?? .zero),
      rawValue: row["raw_value"],
      rawUnit: row["raw_unit"], isUnitCertain: word("unit_certain", ["yes": true, "no": false, "inferred": false]),
      alternative: alternative, tokensPerSecond: decimal("tokens_per_s"),
      secondsPerIteration: decimal("s_per_iter"), samplesPerSecond: decimal("samples_per_s"), outcome: outcome,
      leastWeights: gibibytes("lb_weights_gib", allowsZero: true),
      leastStatic: gibibytes("lb_static_gib", allowsZero: true))
  }

  /// Half a unit of the last digit of the figure as it was printed, and as it stands in GiB here: the larger.
  private func rounding(of bytes: Bytes) -> Bytes {
    let shares = ["raw_value", "measured_gib"].compactMap { row[$0].flatMap(MeasurementRow.halfUnit) }
    return Bytes(Int((Double(bytes.count) * (shares.max() ?? 0)).rounded(.up)))
  }

  /// Half a unit of the last digit of the number that a text begins with, as a share of it: 0.025 of `20`, 0.0025 of
  /// `20.0`.
  static func halfUnit(_ text: String) -> Double? {
    let digits = text.prefix { $0.isNumber || $0 == "." }
    guard let number = Double(digits), number > 0 else { return nil }
    let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
    let decimals = parts.count > 1 ? parts[1].count : 0
    var unit = 1.0
    for _ in 0..<decimals { unit /= 10 }
    return unit / 2 / number
  }

  // MARK: Fields

  private mutating func required(_ column: String) -> String? {
    if row[column] == nil { problems.append(row.problem(column, "empty")) }
    return row[column]
  }

  /// A whole number from 0 up, written with or without a decimal point.
  private mutating func whole(_ column: String) -> Int? {
    guard let text = row[column], !MeasurementRow.saysNothing(text) else { return nil }
    if let number = Double(text), number >= 0, number < Double(1 << 53), number == number.rounded() {
      return Int(number)
    }
    problems.append(row.problem(column, "\(text) is no whole number"))
    return nil
  }

  /// A number above 0.
  private mutating func decimal(_ column: String) -> Double? {
    guard let text = row[column], !MeasurementRow.saysNothing(text) else { return nil }
    if let number = Double(text), number.isFinite, number > 0 { return number }
    problems.append(row.problem(column, "\(text) is no number above 0"))
    return nil
  }

  private mutating func gibibytes(_ column: String, allowsZero: Bool = false) -> Bytes? {
    if allowsZero, let text = row[column], Double(text) == 0 { return .zero }
    guard let number = decimal(column) else { return nil }
    guard number < Double(1 << 20) else {
      problems.append(row.problem(column, "\(number) GiB are more than any GPU has"))
      return nil
    }
    return Bytes(Int((number * Double(1 << 30)).rounded()))
  }

  private mutating func flag(_ column: String) -> Bool? {
    word(column, ["yes": true, "true": true, "1": true, "no": false, "false": false, "0": false])
  }

  private mutating func word<Value>(_ column: String, _ known: [String: Value]) -> Value? {
    guard let text = row[column], !MeasurementRow.saysNothing(text) else { return nil }
    if let value = known[text.lowercased()] { return value }
    let words = known.keys.sorted().joined(separator: ", ")
    problems.append(row.problem(column, "\(text) is none of \(words)"))
    return nil
  }

  private mutating func choice<Choice: RawRepresentable & CaseIterable>(
    _ column: String, or fallback: Choice
  ) -> Choice where Choice.RawValue == String {
    guard let text = row[column] else { return fallback }
    if let value = Choice(rawValue: text) { return value }
    let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
    problems.append(row.problem(column, "\(text) is none of \(known)"))
    return fallback
  }

  private mutating func metric(_ column: String) -> MemoryMetric? {
    if let metric = MemoryMetric(reading: row[column] ?? "") { return metric }
    problems.append(row.problem(column, "\(row[column] ?? "") is no metric of memory that is known"))
    return nil
  }

  /// Ways to leave a field empty.
  private static func saysNothing(_ text: String) -> Bool {
    ["n/a", "na", "none", "null", "nan", "-", "?", "unknown", "unstated"].contains(text.lowercased())
  }
}
