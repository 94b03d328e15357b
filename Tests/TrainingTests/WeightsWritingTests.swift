import Bookkeeping
import Foundation
import Modeling
import Testing
import Training

/// Checkpoints that the engine writes, read back by its own readers; Transformers reads them in `check_adapter.py`.
@Suite struct `Weights to files` {
  @Test(arguments: SafetensorsWriter.Format.allCases)
  func `what is written is read back, rounded to the format`(_ format: SafetensorsWriter.Format) throws {
    let folder = try TestFolder()
    let values: [Float] = [1, -2.5, 3.14159, 1e-6, 0, -0.333]
    try writeSafetensors([("a", [2, 3], values), ("b\"é", [1], [7])], to: folder["x.safetensors"], format: format)
    let header = try SafetensorsHeader(path: folder["x.safetensors"])
    #expect(header.tensors.map(\.name) == ["a", "b\"é"])
    #expect(header.tensors.map(\.shape) == [[2, 3], [1]])
    #expect(header.metadata == ["format": "pt"])
    let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: folder["x.safetensors"])))
    let start = header.tensors[0].byteRange.lowerBound
    #expect(start.isMultiple(of: 8))
    for (index, value) in values.enumerated() {
      switch format {
      case .fp32:
        let bits = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[start + 4 * index + $1]) << (8 * $1) }
        #expect(bits == value.bitPattern)
      case .fp16:
        let bits = UInt16(bytes[start + 2 * index]) | UInt16(bytes[start + 2 * index + 1]) << 8
        #expect(Float16(bitPattern: bits) == Float16(value))
      case .bf16:
        let bits = UInt32(bytes[start + 2 * index]) << 16 | UInt32(bytes[start + 2 * index + 1]) << 24
        // bfloat16 has 8 significant bits: half a unit of the last place is at most 2^-8 of the number.
        #expect(abs(Float(bitPattern: bits) - value) <= abs(value) / 256)
      }
    }
  }

  @Test func `the same tensors make the same bytes, and leave no passing file`() throws {
    let folder = try TestFolder()
    for name in ["x", "y"] { try writeSafetensors([("a", [2], [1, 2]), ("b", [1], [3])], to: folder[name]) }
    #expect(FileManager.default.contents(atPath: folder["x"]) == FileManager.default.contents(atPath: folder["y"]))
    #expect(try folder.names == ["x", "y"])
  }

  @Test func `a file that is not finished never gets its name`() throws {
    let folder = try TestFolder()
    try Data("before".utf8).write(to: URL(fileURLWithPath: folder["x"]))
    #expect(throws: WeightFileError.notFinite(tensor: "a", element: 1, path: folder["x"])) {
      try writeSafetensors([("a", [2], [1, .nan])], to: folder["x"])
    }
    #expect(FileManager.default.contents(atPath: folder["x"]) == Data("before".utf8))
    #expect(try folder.names == ["x"])
  }

  @Test func `a number too large for halves is an error, not infinity`() throws {
    let folder = try TestFolder()
    #expect(throws: WeightFileError.notFinite(tensor: "a", element: 1, path: folder["x"])) {
      try writeSafetensors([("a", [2], [65504, 65520])], to: folder["x"], format: .fp16)
    }
  }

  @Test func `a place that cannot be written to is an error with its path`() throws {
    let folder = try TestFolder()
    try Data().write(to: URL(fileURLWithPath: folder["file"]))
    func path(of error: any Error) -> String? {
      if case WeightFileError.cannotWrite(let path, _) = error { path } else { nil }
    }
    #expect {
      try writeSafetensors([("a", [1], [1])], to: folder["none/x"])
    } throws: {
      path(of: $0) == folder["none/x"]
    }
    let trainer = try StoredModel.llama.trainer(.full, source: SeededWeights())
    #expect {
      try CheckpointFolder.write(trainer, to: folder["file"])
    } throws: {
      path(of: $0) == folder["file"]
    }
  }

  @Test(arguments: TinyModel.allCases)
  func `the configuration that is written describes the same model`(_ model: TinyModel) throws {
    let folder = try TestFolder()
    let spec = try model.spec
    let trainer = try Trainer(spec, try engineRecipe(.full, for: spec), source: SeededWeights())
    try CheckpointFolder.write(trainer, to: folder.path)
    let written = try ConfigJSON(
      bytes: [UInt8](Data(contentsOf: URL(fileURLWithPath: folder["config.json"]))), file: "config.json",
      name: spec.name
    ).spec
    #expect(written.positions == spec.positions)
    #expect(written.attention == spec.attention)
    #expect(written.feedForward == spec.feedForward)
    #expect(written.tiesEmbeddings == spec.tiesEmbeddings)
    #expect(written.parameters == spec.parameters)
  }

  @Test(arguments: StoredModel.allCases)
  func `a full fine-tuning is written whole, and goes on from there`(_ model: StoredModel) throws {
    let folder = try TestFolder()
    let trainer = try model.trainer(.full, source: CheckpointWeights.open(model.ggufPath, for: model.spec))
    let batch = try ExpectedWeights.named(model.rawValue).batch
    _ = try trainer.step([batch])
    try CheckpointFolder.write(trainer, to: folder["out"])
    // The folder alone is enough: the spec comes out of the config.json that was written.
    let config = try ConfigJSON(
      bytes: [UInt8](Data(contentsOf: URL(fileURLWithPath: folder["out/config.json"]))), file: "config.json",
      name: model.rawValue)
    let spec = config.spec
    #expect(spec.parameters == trainer.spec.parameters)
    #expect(spec.positions == trainer.spec.positions)
    #expect(spec.normalization == trainer.spec.normalization)
    #expect(spec.maximumPositions == trainer.spec.maximumPositions)
    #expect(config.defaulted.isEmpty)
    let again = try CheckpointWeights.open(folder["out"], for: spec)
    for parameter in spec.parameters {
      #expect(try again.values(parameter) == trainer.parameter(parameter.name).numbers, "\(parameter.name)")
    }
    let reloaded = try model.trainer(.full, source: again)
    #expect(try reloaded.evaluate([batch]).loss == trainer.evaluate([batch]).loss)
  }

  @Test func `the base's tokenizer and configuration come along`() throws {
    let folder = try TestFolder()
    let base = try TestFolder()
    try Data(#"{"vocab": 1}"#.utf8).write(to: URL(fileURLWithPath: base["tokenizer.json"]))
    try Data(#"{"eos_token_id": 2, "torch_dtype": "float16", "quantization_config": {}}"#.utf8).write(
      to: URL(fileURLWithPath: base["config.json"]))
    let trainer = try StoredModel.llama.trainer(.full, source: SeededWeights())
    try CheckpointFolder.write(trainer, to: folder.path, format: .bf16, base: base.path)
    #expect(try folder.names == ["config.json", "model.safetensors", "tokenizer.json"])
    let text = try [UInt8](Data(contentsOf: URL(fileURLWithPath: folder["config.json"])))
    #expect(
      try JSONValue(parsing: text) == ["eos_token_id": 2, "torch_dtype": "bfloat16", "dtype": "bfloat16"])
  }
}
