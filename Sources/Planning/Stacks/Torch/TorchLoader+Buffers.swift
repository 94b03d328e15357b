import Bookkeeping
import Modeling

// Shape letters here: P positions, D width of a head, of which R are rotated.

extension TorchLoader {
  /// Tables of rotations that a model holds as buffers; Transformers makes them anew for every batch.
  ///
  /// torchtune's are for every position of the model, [P, D/2] each in fp32, one for all layers or, in 2024, one a layer
  /// (modules/position_embeddings.py, `build_rope_cache`; modules/transformer.py of 0.0.1, `_get_clones`). LitGPT makes
  /// them anew in fp32 for the longest sample, [s, R] each (litgpt/model.py, `max_seq_length`).
  func openRotaryTables(_ tape: inout Tape) -> RotaryTables? {
    guard case .rotary(let rotary) = spec.positions else { return nil }
    let width = spec.attention.headDimension
    switch policy.choices.modelCode {
    case .transformers: return nil
    case .torchtune, .torchtune2024:
      let copies = policy.choices.modelCode == .torchtune2024 ? spec.layerCount : 1
      var tables: RotaryTables?
      for layer in 0..<copies {
        tape.layer = copies == 1 ? nil : layer
        let prefix = copies == 1 ? "" : "layers.\(layer)."
        tables = open(&tape, prefix, [spec.maximumPositions, width / 2], .weights)
      }
      tape.layer = nil
      return tables
    case .litgpt, .litgpt2023:
      let rotated = max(2, Int(Double(width) * rotary.rotatedShare) / 2 * 2)
      return open(&tape, "", [sequence, rotated], .batch)
    }
  }

  private func open(_ tape: inout Tape, _ prefix: String, _ shape: Shape, _ account: Account) -> RotaryTables {
    RotaryTables(
      cosine: tape.openNamed(prefix + TensorName.cosineTable, shape, .fp32, account),
      sine: tape.openNamed(prefix + TensorName.sineTable, shape, .fp32, account))
  }

  /// Whether the head is quantized like any other linear layer.
  var quantizesHead: Bool { policy.quantization != nil && policy.choices.quantizesHead }
}
