import Foundation
import Modeling
import Testing
import Training

/// A real model, SmolLM2-135M-Instruct, which `make model` fetches.
enum RealModel {
  static let path: String = {
    let environment = ProcessInfo.processInfo.environment
    let folder = environment["PLIMSOLL_MODELS"] ?? (environment["HOME"] ?? "") + "/.cache/plimsoll/models"
    return folder + "/smollm2-135m-instruct-q4_1.gguf"
  }()

  static var isThere: Bool { FileManager.default.fileExists(atPath: path) }
  static let hint: Comment = "SmolLM2-135M is not there: `make model` fetches it"
}

/// The real model against Transformers' own GGUF reader (`Golden/weights.py`).
@Suite(.enabled(if: RealModel.isThere, RealModel.hint), .serialized) struct `SmolLM2` {
  /// Sum of (bits + 1)·(2i + 1) modulo 2^64: every bit counts, and its place does.
  private func checksum(_ values: [Float]) -> UInt64 {
    values.indices.reduce(0) { $0 &+ (UInt64(values[$1].bitPattern) &+ 1) &* (2 &* UInt64($1) &+ 1) }
  }

  @Test func `every weight is the one that Transformers reads, to the bit`() throws {
    let expected = try ExpectedWeights.named("smollm2")
    let spec = try GGUFHeader(path: RealModel.path).spec(name: "smollm2-135m")
    #expect(spec.parameterCount == expected.parameters)
    let weights = try CheckpointWeights.open(RealModel.path, for: spec)
    let checksums = try #require(expected.checksums)
    #expect(checksums.count == 20)
    for parameter in spec.parameters {
      guard let sum = checksums[parameter.name] else { continue }
      #expect(try String(checksum(weights.values(parameter))) == sum, "\(parameter.name)")
    }
  }

  @Test func `its loss on a text is Transformers'`() throws {
    let expected = try ExpectedWeights.named("smollm2")
    let spec = try GGUFHeader(path: RealModel.path).spec(name: "smollm2-135m")
    let recipe = try engineRecipe(
      .lora, rank: 1, alpha: 1, microBatch: 1, sequence: expected.tokens.count, for: spec)
    let trainer = try Trainer(spec, recipe, source: CheckpointWeights.open(RealModel.path, for: spec))
    let (loss, counted) = try trainer.evaluate([expected.batch])
    #expect(counted == expected.tokens.count - 1)
    // Adapters that have not learned add nothing. Transformers' fp32 stands 1e-7 from its fp64, and so does the engine;
    // ten times that leaves room for processors whose products add up in another order.
    #expect(abs(loss - expected.loss) < 1e-6 * expected.loss, "\(loss), Transformers \(expected.loss)")
  }

  #if os(Linux)
    @Test func `once its weights are read, the file takes no memory`() throws {
      let spec = try GGUFHeader(path: RealModel.path).spec(name: "smollm2-135m")
      let weights = try CheckpointWeights.open(RealModel.path, for: spec)
      for parameter in spec.parameters { _ = try weights.values(parameter) }
      // Kept open up to here, where its mapping is looked up among the process's.
      try withExtendedLifetime(weights) {
        let resident = try residentKibibytes(ofMappings: "smollm2-135m-instruct-q4_1.gguf")
        // Of 96 MiB; other tests here may have the same file open and be at a tensor of theirs.
        #expect(resident < 4096, "\(resident) KiB of the file are in memory")
      }
    }

    /// Source: proc(5), `/proc/pid/smaps`.
    private func residentKibibytes(ofMappings name: String) throws -> Int {
      let text = try String(contentsOfFile: "/proc/self/smaps", encoding: .utf8)
      var isOurs = false
      var resident = 0
      for line in text.split(separator: "\n") {
        if line.first?.isHexDigit == true, line.contains("-"), !line.contains("kB") {
          isOurs = line.hasSuffix(name)
        } else if isOurs, line.hasPrefix("Rss:") {
          resident += line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        }
      }
      return resident
    }
  #endif
}
