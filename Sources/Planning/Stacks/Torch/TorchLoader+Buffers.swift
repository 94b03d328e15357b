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
    case .megatron: return openAngles(&tape, width: max(2, Int(Double(width) * rotary.rotatedShare) / 2 * 2))
    }
  }

  private func open(_ tape: inout Tape, _ prefix: String, _ shape: Shape, _ account: Account) -> RotaryTables {
    RotaryTables(
      cosine: tape.openNamed(prefix + TensorName.cosineTable, shape, .fp32, account),
      sine: tape.openNamed(prefix + TensorName.sineTable, shape, .fp32, account))
  }

  /// Angles of every position of the longest sample, [1, s, R] in fp32, of which Megatron's kernel makes cosines and sines
  /// (megatron/core/models/common/embeddings/rotary_pos_embedding.py, `RotaryEmbedding.forward`, `lru_cache`).
  private func openAngles(_ tape: inout Tape, width: Int) -> RotaryTables {
    let angles = tape.openNamed("rotary.angles", [1, sequence, width], .fp32, .batch)
    return RotaryTables(cosine: angles, sine: angles)
  }

  /// Whether the head is quantized like any other linear layer.
  var quantizesHead: Bool { policy.quantization != nil && policy.choices.quantizesHead }

  /// A head that is quantized like any other linear layer.
  func openQuantizedHead(_ parameter: Parameter, _ tape: inout Tape) -> TorchWeights.Linear {
    openQuantized(parameter, &tape)
    let module = LinearModule(
      name: String(parameter.name.dropLast(".weight".count)), role: .output, layer: 0, input: spec.hiddenSize,
      output: spec.vocabularySize, hasBias: false)
    return TorchWeights.Linear(module: module, base: base(nil), bias: nil, added: [])
  }

  /// A weight as torchao keeps it.
  func openTorchaoNF4(_ parameter: Parameter, _ tape: inout Tape) {
    for part in TorchaoNF4.parts(of: parameter.count, policy.weightFormat) {
      let isCodes = part.account == .weights
      _ = tape.openNamed(
        isCodes ? parameter.name : TensorName.part(part.name, of: parameter.name), part.shape, part.format,
        part.account)
    }
  }

  /// LitGPT's projection to queries, keys and values, whose adapter serves some of them: one factor A of r rows for
  /// each, stacked, and one factor B of all their widths (litgpt/lora.py, `LoRAQKVLinear`).
  func litGPTProjection(
    _ module: LinearModule, _ base: TorchWeights.Linear.Base, bias: Tensor?, _ tape: inout Tape
  ) -> TorchWeights.Linear {
    guard let lora = policy.lora else { return TorchWeights.Linear(module: module, base: base, bias: bias, added: []) }
    let parts = spec.litGPTAdapterParts(lora.targets, module)
    var added: [Tensor] = []
    if !parts.isEmpty {
      let shapes: [Shape] = [[parts.count * lora.rank, module.input], [parts.reduce(0, +), lora.rank]]
      for (name, shape) in zip([TensorName.loraA(module.name), TensorName.loraB(module.name)], shapes) {
        added.append(tape.openParameter(name, shape, policy.adapterFormat, .adapters, trains: true))
      }
    }
    return TorchWeights.Linear(module: module, base: base, bias: bias, added: added, adapterParts: parts)
  }
}
