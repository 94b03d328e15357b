import Bookkeeping
import Modeling

/// Finds or builds the model that a row is about.
enum MeasuredModel {
  /// The spec, with sentences on what was taken for granted.
  static func spec(of row: Measurement) throws(Refusal) -> (spec: ModelSpec, notes: [String]) {
    // `mistralai/Mistral-7B-v0.2 (base)`: what stands between parentheses is no part of the name.
    let name = row.model.name.split(separator: "(").first.map { String($0).trimmed } ?? row.model.name
    var notes: [String] = []
    let preset = Presets.named(name)
    var spec: ModelSpec
    if let preset, agrees(preset.spec, row.model) {
      spec = preset.spec
      if preset.name != name.lowercased(), preset.huggingFaceID.lowercased() != name.lowercased() {
        notes.append("model: \(name) is planned as \(preset.name)")
      }
    } else {
      spec = try built(name, row.model, &notes)
    }
    let length = row.setting.sequence ?? 0
    if length > spec.maximumPositions, case .rotary = spec.positions {
      notes.append(
        "positions: \(length) tokens are more than \(spec.name)'s \(spec.maximumPositions); rotary tables grow")
      spec = try spec.with(maximumPositions: length)
    }
    if let billions = row.model.billions {
      let stated = billions * 1e9
      let share = abs(Double(spec.parameterCount) - stated) / stated
      if share > 0.02 {
        notes.append(
          "model: planned with \(Fixed.text(Double(spec.parameterCount) / 1e9, decimals: 3)) × 10^9 parameters, and the row "
            + "states \(Fixed.text(billions, decimals: 3))")
      }
    }
    return (spec, notes)
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

  private static func built(
    _ name: String, _ model: Measurement.Model, _ notes: inout [String]
  ) throws(Refusal) -> ModelSpec {
    guard let hidden = model.hidden, let layers = model.layers, let heads = model.heads,
      let vocabulary = model.vocabulary, let intermediate = model.intermediate
    else { throw Refusal(.model, "\(name) is no preset, and the row leaves out some of its sizes") }
    let guessed = ModelFamily.guess(name)
    var family = guessed ?? .typical(isGated: model.isGated ?? true)
    // The row's own word on the feed-forward network counts more than the name's.
    if let isGated = model.isGated, isGated != family.isGated { family = .typical(isGated: isGated) }
    notes.append("model: \(name) is no preset; built from the row's sizes as \(family.name)")
    if model.isTied == nil {
      notes.append("model: head and embedding \(family.tiesEmbeddings ? "" : "not ")tied, as in its family")
    }
    var experts: FeedForwardSpec.Experts?
    if let count = model.experts, count > 1 {
      let active = min(count, family.activeExperts)
      notes.append("model: \(active) of \(count) experts a token, as in its family")
      experts = FeedForwardSpec.Experts(count: count, active: active, intermediateSize: intermediate)
    }
    guard heads > 0 else { throw Refusal(.model, "\(name) has no attention heads") }
    do {
      return try ModelSpec(
        name: name, architecture: family.architecture, layerCount: layers, hiddenSize: hidden,
        attention: AttentionSpec(
          heads: heads, keyValueHeads: model.keyValueHeads ?? heads,
          headDimension: model.headDimension ?? hidden / heads, hasProjectionBias: family.hasProjectionBias,
          hasOutputBias: family.hasOutputBias, normalizesQueryAndKey: family.normalizesQueryAndKey,
          fusesProjections: family.fusesProjections, logitSoftcap: family.logitSoftcap),
        feedForward: FeedForwardSpec(
          intermediateSize: intermediate, isGated: family.isGated, activation: family.activation,
          hasBias: family.hasFeedForwardBias, fusesGateAndUp: family.fusesGateAndUp, experts: experts),
        vocabularySize: vocabulary, tiesEmbeddings: model.isTied ?? family.tiesEmbeddings,
        headHasBias: family.headHasBias,
        normalization: Normalization(
          kind: family.norm, epsilon: 1e-5, weightIsOffset: family.isGemma,
          normalizesOutputs: family.normalizesOutputs, isParallel: family.isParallel,
          sharesParallelNorm: family.sharesParallelNorm),
        positions: family.learnsPositions
          ? .learned(1024) : .rotary(RotarySpec(theta: 10000, rotatedShare: family.rotatedShare)),
        maximumPositions: family.learnsPositions ? 1024 : 1 << 20, finalLogitSoftcap: family.finalLogitSoftcap)
    } catch { throw Refusal(.model, "\(name): \(error)") }
  }
}

extension ModelFamily {
  fileprivate var isGemma: Bool { [.gemma, .gemma2, .gemma3].contains(architecture) }
}

extension ModelSpec {
  /// The same model with room for longer sequences.
  fileprivate func with(maximumPositions: Int) throws(Refusal) -> ModelSpec {
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
