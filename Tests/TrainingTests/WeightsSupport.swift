import Bookkeeping
import Foundation
import Modeling
import Testing
import Training

/// A folder for one test, gone when the test is.
final class TestFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "weights-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  subscript(name: String) -> String { path + "/" + name }

  var names: [String] { get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() } }
}

/// The path of a file or folder in `Golden`.
func goldenPath(_ name: String) throws -> String {
  try #require(Bundle.module.resourceURL).appendingPathComponent("Golden/\(name)").path
}

/// What `weights.py` wrote down for a model: tokens, and the losses that Transformers and PEFT have on them.
struct ExpectedWeights: Decodable {
  let tokens: [Int32]
  let loss: Double
  let peft_loss: Double?
  let parameters: Int?
  let checksums: [String: String]?

  static func named(_ name: String) throws -> ExpectedWeights {
    let data = try Data(contentsOf: URL(fileURLWithPath: goldenPath("weights.json")))
    return try #require(JSONDecoder().decode([String: ExpectedWeights].self, from: data)[name])
  }

  var batch: Trainer.MicroBatch { Trainer.MicroBatch(tokens: tokens, labels: tokens) }
}

/// The models that `weights.py` stored in both formats.
enum StoredModel: String, CaseIterable, Sendable {
  case llama, qwen2, qwen3

  var spec: ModelSpec { get throws { try GGUFHeader(path: ggufPath).spec(name: rawValue) } }
  var ggufPath: String { get throws { try goldenPath("tiny_\(rawValue).gguf") } }
  var safetensorsPath: String { get throws { try goldenPath("tiny_\(rawValue).safetensors") } }

  /// A trainer on sequences of the length that the expected losses are of.
  func trainer(
    _ method: Method.Name, source: some WeightSource, rank: Int = 3, alpha: Double = 12,
    targets: LoRA.Targets? = nil, dropout: Double? = nil, quantization: Quantization? = nil
  ) throws -> Trainer {
    let spec = try spec
    let recipe = try engineRecipe(
      method, rank: rank, alpha: alpha, dropout: dropout, targets: targets, microBatch: 1, sequence: 24,
      quantization: quantization, for: spec)
    return try Trainer(spec, recipe, source: source)
  }
}

extension WeightSource {
  /// The numbers of a parameter.
  func values(_ parameter: Parameter) throws -> [Float] {
    var values = [Float](repeating: .nan, count: parameter.count)
    try fill(parameter, into: values.mutableSpan)
    return values
  }
}

extension ParameterTensor {
  var numbers: [Float] { values() }
}

/// Writes tensors into one safetensors file.
func writeSafetensors(
  _ tensors: [(name: String, shape: Shape, values: [Float])], to path: String,
  format: SafetensorsWriter.Format = .fp32
) throws {
  var writer = try SafetensorsWriter(
    path: path, tensors: tensors.map { SafetensorsWriter.Tensor(name: $0.name, shape: $0.shape) }, format: format)
  for tensor in tensors { try writer.write(tensor.values.span) }
  try writer.finish()
}
