import Bookkeeping
import Foundation
import Modeling
import Testing
import Training

/// Weight files against what gguf-py and Transformers make of them (`Golden/weights.py`).
@Suite struct `Weights from files` {
  @Test(arguments: StoredModel.allCases)
  func `a GGUF file holds its checkpoint's weights to the bit, rows in order`(_ model: StoredModel) throws {
    let spec = try model.spec
    let gguf = try CheckpointWeights.open(model.ggufPath, for: spec)
    let safetensors = try CheckpointWeights.open(model.safetensorsPath, for: spec)
    for parameter in spec.parameters {
      let expected = try safetensors.values(parameter).map(\.bitPattern)
      #expect(try gguf.values(parameter).map(\.bitPattern) == expected, "\(parameter.name)")
    }
  }

  @Test(arguments: StoredModel.allCases, [true, false])
  func `the loss on them is Transformers'`(_ model: StoredModel, isGGUF: Bool) throws {
    let path = try isGGUF ? model.ggufPath : model.safetensorsPath
    let trainer = try model.trainer(.full, source: CheckpointWeights.open(path, for: model.spec))
    let expected = try ExpectedWeights.named(model.rawValue)
    let (loss, counted) = try trainer.evaluate([expected.batch])
    #expect(counted == expected.tokens.count - 1)
    // Transformers computed in fp64 and rounded logits to fp32; what is left is our fp32, some roundings of 6e-8.
    #expect(abs(loss - expected.loss) < 1e-6 * expected.loss, "\(loss), Transformers \(expected.loss)")
  }

  @Test func `a sharded checkpoint is read through its index`() throws {
    let folder = try TestFolder()
    let spec = try StoredModel.llama.spec
    let whole = try SafetensorsWeights(path: StoredModel.llama.safetensorsPath, for: spec)
    let tensors = try spec.parameters.map { (name: $0.name, shape: $0.shape, values: try whole.values($0)) }
    let names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    try writeSafetensors(Array(tensors.prefix(9)), to: folder[names[0]])
    try writeSafetensors(Array(tensors.dropFirst(9)), to: folder[names[1]])
    let map = tensors.enumerated().map { "\"\($1.name)\": \"\(names[$0 < 9 ? 0 : 1])\"" }.joined(separator: ", ")
    try Data("{\"weight_map\": {\(map)}}".utf8).write(to: URL(fileURLWithPath: folder["model.safetensors.index.json"]))
    for path in [folder.path, folder["model.safetensors.index.json"]] {
      let sharded = try CheckpointWeights.open(path, for: spec)
      for parameter in spec.parameters {
        #expect(try sharded.values(parameter) == whole.values(parameter), "\(parameter.name)")
      }
    }
  }

  @Test func `a checkpoint without the prefix, with a tied head and old buffers is read all the same`() throws {
    let folder = try TestFolder()
    let spec = try StoredModel.qwen2.spec
    let whole = try SafetensorsWeights(path: StoredModel.qwen2.safetensorsPath, for: spec)
    var tensors = try spec.parameters.map {
      (name: String($0.name.dropFirst("model.".count)), shape: $0.shape, values: try whole.values($0))
    }
    tensors.append(("lm_head.weight", [40, 32], try whole.values(spec.parameters[0])))
    tensors.append(("layers.0.self_attn.rotary_emb.inv_freq", [4], [1, 0.1, 0.01, 0.001]))
    try writeSafetensors(tensors, to: folder["model.safetensors"])
    let bare = try CheckpointWeights.open(folder.path, for: spec)
    for parameter in spec.parameters { #expect(try bare.values(parameter) == whole.values(parameter)) }
  }

  // MARK: Refusals

  /// The tensors of the tiny Llama, one thing about them changed.
  private func changed(
    _ change: (inout [(name: String, shape: Shape, values: [Float])]) -> Void
  ) throws -> (folder: TestFolder, spec: ModelSpec) {
    let folder = try TestFolder()
    let spec = try StoredModel.llama.spec
    let whole = try SafetensorsWeights(path: StoredModel.llama.safetensorsPath, for: spec)
    var tensors = try spec.parameters.map { (name: $0.name, shape: $0.shape, values: try whole.values($0)) }
    change(&tensors)
    try writeSafetensors(tensors, to: folder["model.safetensors"])
    return (folder, spec)
  }

  @Test func `a missing tensor is named`() throws {
    let (folder, spec) = try changed { $0.remove(at: 3) }
    #expect(
      throws: WeightFileError.missingTensors([spec.parameters[3].name], path: folder["model.safetensors"])
    ) { try CheckpointWeights.open(folder.path, for: spec) }
  }

  @Test func `a tensor too many is named`() throws {
    let (folder, spec) = try changed { $0.append(("model.layers.2.mlp.extra", [1], [1])) }
    #expect(
      throws: WeightFileError.unexpectedTensors(["model.layers.2.mlp.extra"], path: folder["model.safetensors"])
    ) { try CheckpointWeights.open(folder.path, for: spec) }
  }

  @Test func `another shape is refused with both`() throws {
    let (folder, spec) = try changed { $0[0].shape = [32, 48] }
    #expect(
      throws: WeightFileError.wrongShape(
        tensor: spec.embeddingName, found: [32, 48], expected: [48, 32], path: folder["model.safetensors"])
    ) { try CheckpointWeights.open(folder.path, for: spec) }
  }

  @Test(arguments: [Float.nan, .infinity])
  func `a weight that is no number is found where it stands`(_ value: Float) throws {
    let folder = try TestFolder()
    var bytes = try Data(contentsOf: URL(fileURLWithPath: StoredModel.llama.safetensorsPath))
    let header = try SafetensorsHeader(path: StoredModel.llama.safetensorsPath)
    let tensor = try #require(header.tensors.first { $0.name == "model.layers.1.mlp.up_proj.weight" })
    let place = tensor.byteRange.lowerBound + 4 * 77
    bytes.replaceSubrange(place..<place + 4, with: (0..<4).map { UInt8(value.bitPattern >> (8 * $0) & 255) })
    try bytes.write(to: URL(fileURLWithPath: folder["model.safetensors"]))
    let source = try CheckpointWeights.open(folder.path, for: StoredModel.llama.spec)
    #expect(
      throws: WeightFileError.notFinite(tensor: tensor.name, element: 77, path: folder["model.safetensors"])
    ) { try StoredModel.llama.trainer(.full, source: source) }
  }

  @Test func `integers are no weights`() throws {
    let folder = try TestFolder()
    let path = try StoredModel.llama.safetensorsPath
    let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
    // The first dtype of the header, of the same width.
    let place = try #require(Data(bytes).range(of: Data(#""F32""#.utf8)))
    var changed = Data(bytes)
    changed.replaceSubrange(place, with: Data(#""I32""#.utf8))
    try changed.write(to: URL(fileURLWithPath: folder["model.safetensors"]))
    #expect { try CheckpointWeights.open(folder.path, for: StoredModel.llama.spec) } throws: { error in
      guard case WeightFileError.unsupportedFormat("I32", _, let known, _) = error else { return false }
      return known == ["F32", "F16", "BF16"]
    }
  }

  @Test func `a file that is cut off is refused before anything is read`() throws {
    let folder = try TestFolder()
    for (model, name) in [
      (try StoredModel.llama.ggufPath, "a.gguf"), (try StoredModel.llama.safetensorsPath, "a.safetensors"),
    ] {
      let bytes = try Data(contentsOf: URL(fileURLWithPath: model))
      try bytes.prefix(bytes.count - 40).write(to: URL(fileURLWithPath: folder[name]))
      #expect(throws: WeightFileError.self) { try CheckpointWeights.open(folder[name], for: StoredModel.llama.spec) }
    }
  }

  @Test func `a folder without weights and a path without anything are told apart`() throws {
    let folder = try TestFolder()
    #expect(throws: WeightFileError.noWeights(path: folder.path)) {
      try CheckpointWeights.open(folder.path, for: StoredModel.llama.spec)
    }
    #expect(throws: WeightFileError.file(.noSuchFile(path: folder["none"]))) {
      try CheckpointWeights.open(folder["none"], for: StoredModel.llama.spec)
    }
  }

  @Test func `a GGUF file of another architecture is refused by name`() throws {
    let folder = try TestFolder()
    var bytes = try Data(contentsOf: URL(fileURLWithPath: StoredModel.llama.ggufPath))
    // Every key and the architecture change together: "llama" and "mamba" have five letters each.
    while let place = bytes.range(of: Data("llama".utf8)) { bytes.replaceSubrange(place, with: Data("mamba".utf8)) }
    try bytes.write(to: URL(fileURLWithPath: folder["m.gguf"]))
    #expect(
      throws: WeightFileError.unsupportedArchitecture(
        "mamba", known: GGUFWeights.knownArchitectures, path: folder["m.gguf"])
    ) { try CheckpointWeights.open(folder["m.gguf"], for: StoredModel.llama.spec) }
  }
}
