import Bookkeeping
import Foundation
import Modeling
import Testing
import Training

@Suite struct `Saved states` {
  private static let settings = ["seed": "7", "--learning-rate": "0.001"]

  private static func trainer(
    _ method: Method.Name, _ optimizer: Optimizer.Kind = .adamw, accumulation: Int = 1, model: TinyModel = .base,
    rank: Int = 4, weights: ScalarFormat = .fp32, precision: Precision = .pure
  ) throws -> Trainer {
    let spec = try model.spec
    let recipe = try engineRecipe(
      method, rank: rank, dropout: method == .full ? nil : 0.25, optimizer: optimizer, accumulation: accumulation,
      weights: weights, precision: precision, for: spec)
    let trainer = try Trainer(spec, recipe, source: SeededWeights(seed: 3), seed: 7)
    trainer.groups = [try ParameterGroup(matches: ["lora_B", "norm"], learningRateFactor: 4)]
    return trainer
  }

  /// Other tokens at every step, and a rate that moves: what a resumed run must find again.
  private static func train(_ trainer: Trainer, through last: Int) throws -> [Double] {
    let schedule = try LearningRateSchedule(kind: .cosine, peak: 1e-2, warmUpSteps: 2, totalSteps: 8)
    return try (trainer.stepCount..<last).map { step in
      let batches = (0..<trainer.recipe.batch.accumulation).map { index in
        let tokens = (0..<32).map { Int32(($0 * 7 + step * 31 + index * 17) % 97) }
        return Trainer.MicroBatch(tokens: tokens, labels: tokens)
      }
      return try trainer.step(batches, learningRate: schedule.rate(at: step), maximumGradientNorm: 0.5).loss
    }
  }

  private static func save(_ trainer: Trainer, in folder: String, kept: Int = 2) throws {
    try RunState.save(trainer, in: folder, settings: settings, extra: ["epoch": 2], kept: kept)
  }

  @Test(
    arguments: [Method.Name.full, .lora, .qlora],
    [(Optimizer.Kind.adamw, 2), (.sgdMomentum, 2), (.sgd, 1), (.adamw, 1), (.adamw8bit, 1)])
  func `a run goes on to the same losses and weights, bit by bit`(
    method: Method.Name, setting: (optimizer: Optimizer.Kind, accumulation: Int)
  ) throws {
    let folder = try TestFolder()
    func fresh() throws -> Trainer { try Self.trainer(method, setting.optimizer, accumulation: setting.accumulation) }
    let first = try fresh()
    let early = try Self.train(first, through: 3)
    try Self.save(first, in: folder.path)
    let late = try Self.train(first, through: 6)

    let second = try fresh()
    let path = try #require(RunState.newest(in: folder.path))
    #expect(try RunState.resume(second, from: path, settings: Self.settings) == ["epoch": 2])
    #expect(second.stepCount == 3)
    #expect(try Self.train(second, through: 6) == late)
    #expect(second.trained.map(\.numbers) == first.trained.map(\.numbers))
    // What is equal above is not equal of itself.
    #expect(early != late)
    #expect(try fresh().trained.map(\.numbers) != first.trained.map(\.numbers))
  }

  @Test(
    arguments: [Method.Name.full, .lora, .qlora], [(ScalarFormat.bf16, Precision.pure), (.fp32, .autocast)])
  func `a run in bf16 goes on bit by bit too`(
    method: Method.Name, formats: (weights: ScalarFormat, precision: Precision)
  ) throws {
    let folder = try TestFolder()
    func fresh() throws -> Trainer {
      try Self.trainer(method, weights: formats.weights, precision: formats.precision)
    }
    let first = try fresh()
    _ = try Self.train(first, through: 3)
    try Self.save(first, in: folder.path)
    let late = try Self.train(first, through: 6)
    let second = try fresh()
    let path = try #require(RunState.newest(in: folder.path))
    _ = try RunState.resume(second, from: path, settings: Self.settings)
    #expect(try Self.train(second, through: 6) == late)
    #expect(second.trained.map(\.numbers) == first.trained.map(\.numbers))
  }

  @Test func `saving takes nothing from the run that is saved`() throws {
    let folder = try TestFolder()
    let saved = try Self.trainer(.lora)
    let plain = try Self.trainer(.lora)
    let live = saved.arena.live
    for step in 1...4 {
      #expect(try Self.train(saved, through: step) == Self.train(plain, through: step))
      try Self.save(saved, in: folder.path)
    }
    #expect(saved.arena.live == live)
  }

  @Test func `the newest is the one of the most steps, and unfinished ones do not count`() throws {
    let folder = try TestFolder()
    #expect(RunState.newest(in: folder.path) == nil)
    #expect(RunState.newest(in: folder["not there"]) == nil)
    for name in [".checkpoint-300.part", "checkpoint-", "checkpoint-9x", "model", "checkpoint-9", "checkpoint-10"] {
      try FileManager.default.createDirectory(atPath: folder[name], withIntermediateDirectories: true)
    }
    #expect(RunState.newest(in: folder.path) == folder["checkpoint-10"])
  }

  @Test func `older states go when newer ones are whole`() throws {
    let folder = try TestFolder()
    let trainer = try Self.trainer(.lora)
    for step in 1...4 {
      _ = try Self.train(trainer, through: step)
      try Self.save(trainer, in: folder.path, kept: step < 4 ? 2 : 1)
      let kept = step < 4 ? max(1, step - 1)...step : 4...4
      #expect(try folder.names == kept.map { "checkpoint-\($0)" })
    }
  }

  @Test func `what a kill left half-written is cleared away, stray files and all`() throws {
    let folder = try TestFolder()
    let trainer = try Self.trainer(.lora)
    _ = try Self.train(trainer, through: 3)
    for draft in [".checkpoint-3.part", ".checkpoint-2.part"] {
      try FileManager.default.createDirectory(atPath: folder[draft], withIntermediateDirectories: true)
      for name in ["state.safetensors", "state.safetensors.4711.part", ".nfs0001"] {
        try Data("half".utf8).write(to: URL(fileURLWithPath: folder[draft + "/" + name]))
      }
    }
    try Self.save(trainer, in: folder.path)
    #expect(try folder.names == ["checkpoint-3"])
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder["checkpoint-3"]).sorted()
        == ["state.json", "state.safetensors"])
    _ = try RunState.resume(Self.trainer(.lora), from: folder["checkpoint-3"], settings: Self.settings)
  }

  @Test func `a folder that cannot be written to is an error that names it`() throws {
    let folder = try TestFolder()
    try Data("a file".utf8).write(to: URL(fileURLWithPath: folder["taken"]))
    let error = #expect(throws: WeightFileError.self) { try Self.save(Self.trainer(.lora), in: folder["taken"]) }
    #expect(error.map { "\($0)".contains("taken") } == true)
    #expect(try folder.names == ["taken"])
  }

  // MARK: Settings and damage

  @Test func `other settings are refused, the ones that are no flags first`() throws {
    let folder = try TestFolder()
    try Self.save(Self.trainer(.lora), in: folder.path)
    let path = folder["checkpoint-0"]
    #expect(throws: RunStateError.differs(setting: "seed", saved: "7", now: "8", path: path)) {
      try RunState.resume(
        Self.trainer(.lora), from: path, settings: ["seed": "8", "--learning-rate": "0.1"])
    }
    let error = #expect(throws: RunStateError.self) {
      try RunState.resume(Self.trainer(.lora), from: path, settings: ["--learning-rate": "0.1"])
    }
    #expect(error.map { "\($0)".contains("has --learning-rate 0.001, and this run has 0.1") } == true)
    #expect(throws: RunStateError.self) {
      try RunState.resume(Self.trainer(.lora), from: path, settings: ["new": "1"])
    }
  }

  @Test func `a state of other tensors is refused, and named`() throws {
    let folder = try TestFolder()
    try Self.save(Self.trainer(.lora), in: folder.path)
    let path = folder["checkpoint-0"]
    for other in [
      try Self.trainer(.full), try Self.trainer(.lora, rank: 8), try Self.trainer(.lora, model: .llama3rope),
    ] {
      let error = #expect(throws: RunStateError.self) {
        try RunState.resume(other, from: path, settings: Self.settings)
      }
      #expect(error.map { "\($0)".contains("model.") } == true)
    }
    try Self.save(Self.trainer(.lora, .sgd), in: folder.path)
    let error = #expect(throws: RunStateError.self) {
      try RunState.resume(Self.trainer(.lora), from: path, settings: Self.settings)
    }
    #expect(error.map { "\($0)".hasSuffix("is missing") } == true)
  }

  @Test(arguments: [0.0, 0.0001, 0.05, 0.5, 0.999, -1])
  func `a file of tensors cut short is an error, and no crash`(share: Double) throws {
    let folder = try TestFolder()
    try Self.save(Self.trainer(.lora), in: folder.path)
    let file = URL(fileURLWithPath: folder["checkpoint-0/state.safetensors"])
    let bytes = try Data(contentsOf: file)
    if share < 0 {
      try FileManager.default.removeItem(at: file)
    } else {
      try bytes.prefix(Int(share * Double(bytes.count))).write(to: file)
    }
    let error = #expect(throws: RunStateError.self) {
      try RunState.resume(Self.trainer(.lora), from: folder["checkpoint-0"], settings: Self.settings)
    }
    #expect(error.map { "\($0)".contains("state.safetensors") } == true)
  }

  @Test(arguments: [
    (#""step": 0"#, #""step": -1"#), (#""step": 0"#, #""step": 9223372036854775807"#),
    (#""step": 0"#, #""step": 1e300"#), (#""step": 0"#, #""step": "three""#), (#""step": 0"#, #""stop": 0"#),
    (#""settings""#, #""sittings""#), (#""extra""#, #""more""#), (#""seed": "7""#, #""seed": 7"#), ("{", ""),
    ("{", "\u{0}"), ("}", "}}"),
  ])
  func `a damaged description is an error, and no crash`(old: String, new: String) throws {
    let folder = try TestFolder()
    try Self.save(Self.trainer(.lora), in: folder.path)
    let file = URL(fileURLWithPath: folder["checkpoint-0/state.json"])
    let text = try String(contentsOf: file, encoding: .utf8)
    try #require(text.contains(old))
    try text.replacingOccurrences(of: old, with: new).write(to: file, atomically: true, encoding: .utf8)
    let error = #expect(throws: RunStateError.self) {
      try RunState.resume(Self.trainer(.lora), from: folder["checkpoint-0"], settings: Self.settings)
    }
    #expect(error.map { "\($0)".contains("state.json") } == true)
  }

  @Test func `tensors that are not what was saved are refused`() throws {
    let folder = try TestFolder()
    let trainer = try Self.trainer(.lora, .sgd)
    try Self.save(trainer, in: folder.path)
    let whole = trainer.trained.map { (name: $0.name, shape: $0.shape, values: $0.numbers) }
    let file = folder["checkpoint-0/state.safetensors"]
    func resume() throws {
      _ = try RunState.resume(Self.trainer(.lora, .sgd), from: folder["checkpoint-0"], settings: Self.settings)
    }
    try writeSafetensors(whole, to: file)
    try resume()
    try writeSafetensors(whole, to: file, format: .bf16)
    #expect(throws: RunStateError.self) { try resume() }
    try writeSafetensors(Array(whole.dropLast()), to: file)
    #expect(throws: RunStateError.self) { try resume() }
    var turned = whole
    turned[0].shape = [whole[0].values.count, 1]
    try writeSafetensors(turned, to: file)
    #expect(throws: RunStateError.self) { try resume() }
    // The last element of the file becomes a number that is none.
    try writeSafetensors(whole, to: file)
    var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
    bytes.replaceSubrange(bytes.count - 4..<bytes.count, with: [0, 0, 0xC0, 0x7F])
    try bytes.write(to: URL(fileURLWithPath: file))
    #expect(throws: WeightFileError.self) { try resume() }
  }
}
