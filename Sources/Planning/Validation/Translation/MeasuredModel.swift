import Bookkeeping
import Modeling

/// Finds or builds the model that a row is about.
enum MeasuredModel {
  /// The spec, with sentences on what was taken for granted, and whether the class always runs eager attention.
  struct Found {
    var spec: ModelSpec
    var notes: [String] = []
    var isAlwaysEager = false
  }

  /// Parameters may be off by so much from what the row states before the architecture is taken to be another one.
  private static let tolerance = 0.25

  static func find(_ row: Measurement) throws(Refusal) -> Found {
    // `mistralai/Mistral-7B-v0.2 (base)`: what stands between parentheses is no part of the name.
    let name = row.model.name.split(separator: "(").first.map { String($0).trimmed } ?? row.model.name
    if let objection = ModelFamily.objection(to: name) { throw Refusal(.model, "\(name): \(objection)") }
    var found: Found
    if let known = preset(name, row.model) { found = known } else { found = try built(name, row.model) }
    found.spec = try adjusted(found.spec, to: row, &found.notes)
    if let billions = row.model.billions {
      let stated = billions * 1e9
      let share = abs(Double(found.spec.parameterCount) - stated) / stated
      let planned = Fixed.text(Double(found.spec.parameterCount) / 1e9, decimals: 3)
      let text = "\(planned) × 10^9 parameters, and the row states \(Fixed.text(billions, decimals: 3))"
      guard share <= tolerance else { throw Refusal(.model, "the sizes of \(name) make \(text)") }
      if share > 0.02 { found.notes.append("model: planned with \(text)") }
    }
    return found
  }

  /// The preset of this name, or of these words where the row leaves sizes out; `nil` where the row's sizes are others.
  private static func preset(_ name: String, _ model: Measurement.Model) -> Found? {
    let isSized = model.hidden != nil && model.layers != nil && model.heads != nil
    guard let preset = Presets.named(name) ?? (isSized ? nil : PresetSearch.find(name)), agrees(preset.spec, model)
    else { return nil }
    var found = Found(spec: preset.spec)
    if preset.name != name.lowercased(), preset.huggingFaceID.lowercased() != name.lowercased() {
      found.notes.append("model: \(name) is planned as \(preset.name)")
    }
    return found
  }

  /// Whether the row's own sizes are those of the preset.
  private static func agrees(_ spec: ModelSpec, _ model: Measurement.Model) -> Bool {
    let pairs: [(Int?, Int)] = [
      (model.hidden, spec.hiddenSize), (model.layers, spec.layerCount), (model.heads, spec.attention.heads),
      (model.keyValueHeads, spec.attention.keyValueHeads), (model.headDimension, spec.attention.headDimension),
      (model.vocabulary, spec.vocabularySize),
    ]
    guard pairs.allSatisfy({ $0 == nil || $0 == $1 }) else { return false }
    guard let inner = model.intermediate else { return true }
    return inner == spec.feedForward.intermediateSize || inner == spec.feedForward.experts?.intermediateSize
  }

  /// The model as the row says that it is trained: its head tied or not, its sequences as long as they are.
  private static func adjusted(
    _ spec: ModelSpec, to row: Measurement, _ notes: inout [String]
  ) throws(Refusal) -> ModelSpec {
    var spec = spec
    if let isTied = row.model.isTied, isTied != spec.tiesEmbeddings {
      notes.append("model: head and embedding \(isTied ? "" : "not ")tied, as the row says")
      spec = try spec.with(tiesEmbeddings: isTied, maximumPositions: spec.maximumPositions)
    }
    let length = row.setting.sequence ?? 0
    if length > spec.maximumPositions, case .rotary = spec.positions {
      notes.append(
        "positions: \(length) tokens are more than \(spec.name)'s \(spec.maximumPositions); rotary tables grow")
      spec = try spec.with(tiesEmbeddings: spec.tiesEmbeddings, maximumPositions: length)
    }
    return spec
  }

  // MARK: Built from sizes

  private static func built(_ name: String, _ model: Measurement.Model) throws(Refusal) -> Found {
    let missing = [
      ("hidden", model.hidden), ("layers", model.layers), ("heads", model.heads), ("vocab", model.vocabulary),
      ("intermediate", model.intermediate),
    ].filter { $0.1 == nil }.map(\.0)
    guard let hidden = model.hidden, let layers = model.layers, let heads = model.heads,
      let vocabulary = model.vocabulary, let intermediate = model.intermediate
    else {
      throw Refusal(.model, "\(name) is no preset, and the row leaves out \(missing.joined(separator: ", "))")
    }
    guard heads > 0 else { throw Refusal(.model, "\(name) has no attention heads") }
    let guessed = ModelFamily.guess(name)
    var notes: [String] = []
    let first = guessed ?? .typical(isGated: model.isGated ?? true)
    // The row's own word on the feed-forward network counts more than the name's.
    let family = model.isGated.map(first.with(isGated:)) ?? first
    notes.append("model: \(name) is no preset; built from the row's sizes as \(family.name)")
    if model.isTied == nil {
      notes.append("model: head and embedding \(family.tiesEmbeddings ? "" : "not ")tied, as in its family")
    }
    var experts: FeedForwardSpec.Experts?
    if let count = model.experts, count > 1 {
      let active = min(count, family.activeExperts)
      notes.append("model: \(active) of \(count) experts a token, as in its family")
      experts = FeedForwardSpec.Experts(
        count: count, active: active, intermediateSize: intermediate,
        sharedIntermediateSize: family.sharedExperts > 0 ? family.sharedExperts * intermediate : nil)
    }
    let keyValueHeads = model.keyValueHeads ?? family.keyValueHeads ?? heads
    if model.keyValueHeads == nil {
      notes.append("model: \(keyValueHeads) key/value heads, since the row leaves them out")
    }
    do {
      let spec = try ModelSpec(
        name: name, architecture: family.architecture, layerCount: layers, hiddenSize: hidden,
        attention: AttentionSpec(
          heads: heads, keyValueHeads: keyValueHeads, headDimension: model.headDimension ?? hidden / heads,
          hasProjectionBias: family.hasProjectionBias, hasOutputBias: family.hasOutputBias,
          normalizesQueryAndKey: family.normalizesQueryAndKey, fusesProjections: family.fusesProjections,
          logitSoftcap: family.logitSoftcap),
        feedForward: FeedForwardSpec(
          intermediateSize: intermediate, isGated: family.isGated, activation: family.activation,
          hasBias: family.hasFeedForwardBias, fusesGateAndUp: family.fusesGateAndUp, experts: experts),
        vocabularySize: vocabulary, tiesEmbeddings: model.isTied ?? family.tiesEmbeddings,
        headHasBias: family.headHasBias, normalization: family.normalization,
        positions: family.positions, maximumPositions: family.learnedPositions ?? 1 << 20,
        finalLogitSoftcap: family.finalLogitSoftcap)
      return Found(spec: spec, notes: notes, isAlwaysEager: family.isAlwaysEager)
    } catch { throw Refusal(.model, "\(name): \(error)") }
  }
}

extension ModelFamily {
  fileprivate var normalization: Normalization {
    Normalization(
      kind: norm, epsilon: 1e-5, weightIsOffset: [.gemma, .gemma2, .gemma3].contains(architecture),
      normalizesOutputs: normalizesOutputs, isParallel: isParallel, sharesParallelNorm: sharesParallelNorm)
  }

  fileprivate var positions: Positions {
    learnedPositions.map { .learned($0) } ?? .rotary(RotarySpec(theta: 10000, rotatedShare: rotatedShare))
  }
}

extension ModelSpec {
  /// The same model with its head tied or not, and with room for longer sequences.
  fileprivate func with(tiesEmbeddings: Bool, maximumPositions: Int) throws(Refusal) -> ModelSpec {
    do {
      return try ModelSpec(
        name: name, architecture: architecture, layerCount: layerCount, hiddenSize: hiddenSize, attention: attention,
        feedForward: feedForward, vocabularySize: vocabularySize, tiesEmbeddings: tiesEmbeddings,
        headHasBias: headHasBias, normalization: normalization, positions: positions,
        maximumPositions: maximumPositions, finalLogitSoftcap: finalLogitSoftcap, checkpointFormat: checkpointFormat)
    } catch { throw Refusal(.model, "\(name): \(error)") }
  }
}

extension String {
  /// Without the spaces around it.
  fileprivate var trimmed: String {
    String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
  }
}
