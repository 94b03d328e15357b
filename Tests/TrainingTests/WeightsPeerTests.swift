import Bookkeeping
import Foundation
import Modeling
import Testing
import Training

/// Where to leave files for `Benchmarks/peers/check_adapter.py`, which has PEFT and Transformers read them.
private let peerFolder = ProcessInfo.processInfo.environment["PLIMSOLL_PEER_FOLDER"]

/// Files of the engine's for its peers to read; they judge, this only writes.
@Suite(.enabled(if: peerFolder != nil, "set PLIMSOLL_PEER_FOLDER to write files for check_adapter.py"))
struct `Files for the peers` {
  private struct Expected: Encodable {
    var tokens: [Int32]
    var losses: [String: Double]
  }

  @Test(arguments: StoredModel.allCases)
  func `a base, an adapter, a merged checkpoint and a full one`(_ model: StoredModel) throws {
    let folder = try #require(peerFolder) + "/" + model.rawValue
    let spec = try model.spec
    let source = try CheckpointWeights.open(model.ggufPath, for: spec)
    let batch = try ExpectedWeights.named(model.rawValue).batch
    var losses: [String: Double] = [:]

    let full = try model.trainer(.full, source: source)
    try CheckpointFolder.write(full, to: folder + "/base")
    losses["base"] = try full.evaluate([batch]).loss
    for _ in 0..<5 { _ = try full.step([batch], learningRate: 3e-3) }
    try CheckpointFolder.write(full, to: folder + "/full")
    losses["full"] = try full.evaluate([batch]).loss
    try CheckpointFolder.write(full, to: folder + "/full_bf16", format: .bf16)
    let rounded = try model.trainer(.full, source: CheckpointWeights.open(folder + "/full_bf16", for: spec))
    losses["full_bf16"] = try rounded.evaluate([batch]).loss

    let lora = try model.trainer(.lora, source: source, rank: 4, alpha: 8, targets: .allLinear)
    for _ in 0..<20 { _ = try lora.step([batch], learningRate: 1e-2) }
    try AdapterFile.write(lora, baseModel: folder + "/base", to: folder + "/adapter")
    losses["adapter"] = try lora.evaluate([batch]).loss
    let adapter = try AdapterFile(folder: folder + "/adapter")
    try MergedCheckpoint.write(spec, weights: source, adapter: adapter, to: folder + "/merged")
    losses["merged"] = losses["adapter"]

    let expected = Expected(tokens: batch.tokens, losses: losses)
    try JSONEncoder().encode(expected).write(to: URL(fileURLWithPath: folder + "/expected.json"))
  }

  @Test(arguments: TinyModel.allCases)
  func `a base for every kind of rotary embedding and tying`(_ model: TinyModel) throws {
    let folder = try #require(peerFolder) + "/" + model.rawValue + "_base"
    let spec = try model.spec
    let recipe = try engineRecipe(.full, microBatch: 1, sequence: 200, for: spec)
    let trainer = try Trainer(spec, recipe, source: SeededWeights(seed: 5))
    try CheckpointFolder.write(trainer, to: folder + "/base")
    let tokens = (0..<200).map { Int32($0 * $0 % 97) }
    let loss = try trainer.evaluate([Trainer.MicroBatch(tokens: tokens, labels: tokens)]).loss
    try JSONEncoder().encode(Expected(tokens: tokens, losses: ["base": loss])).write(
      to: URL(fileURLWithPath: folder + "/expected.json"))
  }
}
