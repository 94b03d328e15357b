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
    if program == .litGPT, kind.hasAny("first batch", "longest alpaca sample first") {
      // finetune/lora.py of 2023, `get_batch`: nothing of this length is there from an earlier iteration.
      choices.keepsPreviousOutputs = false
      assume("length: the longest batch is the first one, beside no logits of an earlier one")
    }
    readLengths()
  }

  /// How long samples are, where the source states the range: `token lengths 91..19548, mean 3234`.
  mutating func readLengths() {
    guard let stated = StatedLengths(reading: row.setting.sequenceKind), let sequence = request.sequence,
      let lengths = stated.distribution(upTo: sequence)
    else { return }
    request.lengths = lengths
    let mean = stated.mean.map { ", fewer the longer they are so that their mean is \($0)" } ?? ", evenly spread"
    assume(
      "lengths: from \(stated.shortest) to \(stated.longest) tokens\(mean), as stated; those above \(sequence) left out"
    )
  }

  /// Whether the figure is of the whole process, loading included; a counter that nobody resets is.
  var includesLoading: Bool {
    let notes = FreeText(row.notes)
    if notes.hasAny("includes load", "whole process peak", "including load", "load included") { return true }
    return !notes.hasAny("peaks mib forward", "peaks gib forward", "excludes load", "after warm up", "one warm up")
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
