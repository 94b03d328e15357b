import Modeling

// How many tokens a step has, how they are padded, and what of the run the figure covers.

extension MeasurementTranslation {
  /// Micro-batch, length, accumulation, checkpointing.
  mutating func readBatch() throws(Refusal) {
    guard let microBatch = row.setting.microBatch, microBatch > 0 else {
      throw Refusal(.missingSetting, "the row states no micro-batch")
    }
    guard let sequence = row.setting.sequence, sequence > 0 else {
      throw Refusal(.missingSetting, "the row states no sequence length")
    }
    request.microBatch = microBatch
    request.sequence = sequence
    if let accumulation = row.setting.accumulation, accumulation > 0 {
      request.accumulation = accumulation
    } else {
      assume("accumulation: one micro-batch a step, since none is stated")
      request.accumulation = 1
    }
    request.usesGradientCheckpointing = row.setting.usesGradientCheckpointing
    let kind = FreeText(row.setting.sequenceKind)
    if kind.saysAny("cap", "capped", "truncated") {
      assume("length: a longest batch of the stated cap, \(sequence) tokens")
    } else if kind.saysAny("mean", "average"), !kind.says("packed") {
      assume("length: \(sequence) tokens are a mean; a longer batch costs more")
    } else if kind.isEmpty {
      assume("length: every sequence has \(sequence) tokens, since nothing is said of it")
    }
  }

  /// Whether sequences of one batch have different lengths, padding included.
  ///
  /// A batch of one, packed rows and rows of random tokens have nothing that a mask would hide; a collator that pads to
  /// a fixed length hands the mask over all the same.
  var isPadded: Bool {
    let kind = FreeText(row.setting.sequenceKind)
    if kind.saysAny("exact", "packed", "constant", "random") { return false }
    if kind.says("padded to exactly") { return true }
    return kind.hasAny("padded", "cap", "truncated", "mean") && (row.setting.microBatch ?? 1) > 1
  }

  /// Whether the figure is of the whole process.
  var includesLoading: Bool {
    let notes = FreeText(row.notes)
    return notes.hasAny("includes load", "whole process peak", "including load", "load included")
  }

  mutating func readMetric() {
    if row.reading.metric == .unspecified {
      assume("metric: the source doesn't say what it measured; compared with what the allocator reserves")
    }
    if row.reading.isUnitCertain == false, row.reading.bytes != nil {
      assume("unit: \(row.reading.rawUnit ?? "the printed figure's") was inferred, not stated")
    }
  }
}
