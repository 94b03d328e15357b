import Bookkeeping
import Foundation
import Modeling
import Testing
import Training

@Suite struct `Frozen weights in their file` {
  private func steps(_ trainer: Trainer) throws -> [Trainer.StepResult] {
    let tokens = Array(variedTokens(24).map { $0 % 40 })
    return try (0..<2).map { _ in try trainer.step([Trainer.MicroBatch(tokens: tokens, labels: tokens)]) }
  }

  /// Trains adapters on a checkpoint twice, its weights copied and in place.
  private func expectSame(
    _ spec: ModelSpec, _ path: String, _ format: ScalarFormat, method: Method.Name = .lora,
    parameter: String? = nil, mapped: Bool
  ) throws {
    let recipe = try engineRecipe(method, microBatch: 1, sequence: 24, weights: format, for: spec)
    let weights = try CheckpointWeights.open(path, for: spec)
    let copied = try Trainer(spec, recipe, source: weights, seed: 5)
    let inPlace = try Trainer(spec, recipe, source: weights, mapsWeights: true, seed: 5)
    let probe = try inPlace.parameter(parameter ?? spec.headName)
    #expect((format == .bf16 ? probe.narrowValue.isMapped : probe.value.isMapped) == mapped)
    let (expected, seen) = (try steps(copied), try steps(inPlace))
    #expect(seen.map(\.loss) == expected.map(\.loss))
    for parameter in copied.trained {
      #expect(try inPlace.parameter(parameter.name).numbers == parameter.numbers, "\(parameter.name)")
    }
    // On the books they are tensors as any other.
    for (left, right) in zip(expected, seen) {
      #expect(Reconciliation(planned: left.ledger, measured: right.ledger).isBalanced)
    }
  }

  @Test(arguments: StoredModel.allCases)
  func `train the same adapter to the bit, in fp32`(_ model: StoredModel) throws {
    try expectSame(model.spec, model.safetensorsPath, .fp32, mapped: true)
  }

  @Test func `train the same adapter to the bit, in bf16`() throws {
    let folder = try TestFolder()
    let spec = try StoredModel.llama.spec
    let whole = try SafetensorsWeights(path: StoredModel.llama.safetensorsPath, for: spec)
    let tensors = try spec.parameters.map { (name: $0.name, shape: $0.shape, values: try whole.values($0)) }
    try writeSafetensors(tensors, to: folder["model.safetensors"], format: .bf16)
    try expectSame(spec, folder.path, .bf16, mapped: true)
  }

  @Test func `are copied where the recipe has them in another format`() throws {
    try expectSame(StoredModel.llama.spec, StoredModel.llama.safetensorsPath, .bf16, mapped: false)
  }

  @Test func `are copied where they train`() throws {
    try expectSame(StoredModel.llama.spec, StoredModel.llama.safetensorsPath, .fp32, method: .full, mapped: false)
  }

  /// Norms are stored in fp32 there; rows of queries and keys come in another order, and others have block formats.
  @Test(arguments: [Method.Name.lora, .qlora])
  func `of a GGUF file are in place as far as they can be`(_ method: Method.Name) throws {
    try expectSame(
      StoredModel.llama.spec, StoredModel.llama.ggufPath, .fp32, method: method, parameter: "model.norm.weight",
      mapped: true)
  }

  @Test func `that are no numbers are refused as copied ones are`() throws {
    let folder = try TestFolder()
    let spec = try StoredModel.llama.spec
    var bytes = try Data(contentsOf: URL(fileURLWithPath: StoredModel.llama.safetensorsPath))
    let header = try SafetensorsHeader(path: StoredModel.llama.safetensorsPath)
    let tensor = try #require(header.tensors.first { $0.name == "model.layers.1.mlp.up_proj.weight" })
    let place = tensor.byteRange.lowerBound + 4 * 77
    // Infinity: 0x7F800000.
    bytes.replaceSubrange(place..<place + 4, with: [0, 0, 0x80, 0x7F])
    try bytes.write(to: URL(fileURLWithPath: folder["model.safetensors"]))
    let recipe = try engineRecipe(.lora, microBatch: 1, sequence: 24, for: spec)
    let weights = try CheckpointWeights.open(folder.path, for: spec)
    #expect(
      throws: WeightFileError.notFinite(tensor: tensor.name, element: 77, path: folder["model.safetensors"])
    ) {
      _ = try Trainer(spec, recipe, source: weights, mapsWeights: true)
    }
  }
}
