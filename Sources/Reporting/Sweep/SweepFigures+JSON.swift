import Bookkeeping
public import Modeling
import Planning

// How an archive keeps an outcome: what is written here is read here, and equal outcomes have equal texts.

extension SweepOutcome {
  public var json: OrderedJSON {
    switch self {
    case .planned(let figures): ["planned": figures.json]
    case .ran(let figures, let measured):
      ["planned": figures.map(\.json) ?? .null, "measured": measured.json]
    case .refused(let reason): ["refused": .string(reason)]
    case .failed(let reason): ["failed": .string(reason)]
    }
  }

  /// - Returns: `nil` for what ``json`` has not written.
  public init?(json: JSONValue) {
    if let reason = json["refused"]?.stringValue {
      self = .refused(reason)
    } else if let reason = json["failed"]?.stringValue {
      self = .failed(reason)
    } else if let measured = json["measured"] {
      let planned = json["planned"] ?? .null
      guard planned == .null || PlannedFigures(json: planned) != nil else { return nil }
      self = .ran(PlannedFigures(json: planned), MeasuredFigures(json: measured))
    } else {
      guard let figures = json["planned"].flatMap({ PlannedFigures(json: $0) }) else { return nil }
      self = .planned(figures)
    }
  }
}

extension PlannedFigures {
  var json: OrderedJSON {
    [
      "parameters": .integer(parameters), "trainable": .integer(trainable), "allocated_bytes": allocated.json,
      "reserved_bytes": reserved.json, "device_bytes": device.json,
      "accounts": .object(
        accounts.sorted { $0.key < $1.key }.map { OrderedJSON.Member($0.key.rawValue, .integer($0.value.count)) }),
      "peak_moment": .string(peakMoment), "forward": .integer(forward.count), "backward": .integer(backward.count),
      "recompute": .integer(recompute.count), "optimizer": .integer(optimizer.count),
      "tokens_per_second": speed.map {
        ["low": .number($0.low), "expected": .number($0.expected), "high": .number($0.high)]
      } ?? .null,
    ]
  }

  init?(json: JSONValue) {
    guard let parameters = json["parameters"]?.integerValue, let trainable = json["trainable"]?.integerValue,
      let allocated = Interval(json: json["allocated_bytes"]), let reserved = Interval(json: json["reserved_bytes"]),
      let device = Interval(json: json["device_bytes"]), let members = json["accounts"]?.objectValue,
      let peakMoment = json["peak_moment"]?.stringValue, let forward = json["forward"]?.integerValue,
      let backward = json["backward"]?.integerValue, let recompute = json["recompute"]?.integerValue,
      let optimizer = json["optimizer"]?.integerValue, let rate = json["tokens_per_second"]
    else { return nil }
    var accounts: [Account: Bytes] = [:]
    for (name, value) in members {
      guard let account = Account(rawValue: name), let bytes = value.integerValue else { return nil }
      accounts[account] = Bytes(bytes)
    }
    var speed: Speed?
    if let low = rate["low"]?.doubleValue, let expected = rate["expected"]?.doubleValue,
      let high = rate["high"]?.doubleValue
    {
      speed = Speed(low: low, expected: expected, high: high)
    }
    self.init(
      parameters: parameters, trainable: trainable, allocated: allocated, reserved: reserved, device: device,
      accounts: accounts, peakMoment: peakMoment, forward: FLOPs(forward), backward: FLOPs(backward),
      recompute: FLOPs(recompute), optimizer: FLOPs(optimizer), speed: speed)
  }
}

extension MeasuredFigures {
  var json: OrderedJSON {
    [
      "steps": .optional(steps), "first_loss": .optional(firstLoss), "last_loss": .optional(lastLoss),
      "evaluation_loss_before": .optional(evaluationBefore), "evaluation_loss": .optional(evaluation),
      "planned_peak_bytes": .optional(plannedPeak?.count), "peak_bytes": .optional(peak?.count),
      "rss_growth_bytes": .optional(residentGrowth?.count), "tokens_per_second": .optional(tokensPerSecond),
      "balanced": isBalanced.map { .bool($0) } ?? .null,
    ]
  }

  init(json: JSONValue) {
    self.init()
    steps = json["steps"]?.integerValue
    firstLoss = json["first_loss"]?.doubleValue
    lastLoss = json["last_loss"]?.doubleValue
    evaluationBefore = json["evaluation_loss_before"]?.doubleValue
    evaluation = json["evaluation_loss"]?.doubleValue
    plannedPeak = json["planned_peak_bytes"]?.integerValue.map { Bytes($0) }
    peak = json["peak_bytes"]?.integerValue.map { Bytes($0) }
    residentGrowth = json["rss_growth_bytes"]?.integerValue.map { Bytes($0) }
    tokensPerSecond = json["tokens_per_second"]?.doubleValue
    if case .bool(let flag)? = json["balanced"] { isBalanced = flag }
  }
}

extension MeasuredFigures {
  /// What `plimsoll run --format json` ends with.
  public init(runSummary json: JSONValue) {
    self.init()
    steps = json["steps"]?.integerValue
    firstLoss = json["first_loss"]?.doubleValue
    lastLoss = json["last_loss"]?.doubleValue
    let evaluations = json["evaluations"]?.arrayValue ?? []
    evaluation = evaluations.last?["loss"]?.doubleValue
    if evaluations.count > 1 { evaluationBefore = evaluations.first?["loss"]?.doubleValue }
    plannedPeak = json["planned_peak_bytes"]?.integerValue.map { Bytes($0) }
    peak = json["peak_bytes"]?.integerValue.map { Bytes($0) }
    residentGrowth = json["rss_growth_bytes"]?.integerValue.map { Bytes($0) }
    tokensPerSecond = json["tokens_per_second"]?.doubleValue
    if case .bool(let flag)? = json["balanced"] { isBalanced = flag }
  }

  /// What `plimsoll check --format json` prints.
  public init(check json: JSONValue) {
    self.init()
    firstLoss = json["loss"]?.doubleValue
    plannedPeak = json["planned"]?["peak"]?["bytes"]?.integerValue.map { Bytes($0) }
    peak = json["measured"]?["peak"]?["bytes"]?.integerValue.map { Bytes($0) }
    if let baseline = json["rss"]?["baseline_bytes"]?.integerValue, let top = json["rss"]?["peak_bytes"]?.integerValue {
      residentGrowth = Bytes(top - baseline)
    }
    tokensPerSecond = json["tokens_per_second"]?.doubleValue
    if case .bool(let flag)? = json["balanced"] { isBalanced = flag }
  }
}

extension Interval {
  fileprivate init?(json: JSONValue?) {
    guard let low = json?["low"]?.integerValue, let expected = json?["expected"]?.integerValue,
      let high = json?["high"]?.integerValue, low <= expected, expected <= high
    else { return nil }
    self.init(low: Bytes(low), expected: Bytes(expected), high: Bytes(high), causes: [])
  }
}
