import Bookkeeping
import Modeling
import Planning
import Testing

@Suite struct `An epoch` {
  private func recipe(batch: Int = 2, accumulation: Int = 1, gpus: Int = 1) throws -> Recipe {
    try Models.recipe(Models.llama2Seven(), .lora, sequence: 1024) {
      $0.stack = .transformers
      $0.microBatch = batch
      $0.accumulation = accumulation
      $0.devices = gpus
    }.recipe
  }

  /// Lengths that differ widely, the same on every machine.
  private static let lengths = (0..<500).map { 20 + ($0 * $0 * 7919) % 1400 }

  @Test func `rows are padded to the longest of their micro-batch`() throws {
    // Two to a micro-batch, in whatever order: 5 goes with one of the 3s, or the 3s with each other.
    let epoch = try Epoch(.random, lengths: [3, 5, 3, 3], sequence: 8, recipe(), times: nil)
    #expect(epoch.tokens == 14)
    #expect(epoch.paddedTokens == 2 * 5 + 2 * 3)
    #expect(epoch.paddingShare == 1 - 14.0 / 16)
    #expect(epoch.rows == 4 && epoch.steps == 2 && epoch.seconds == nil)
  }

  @Test func `one row to a micro-batch needs no padding`() throws {
    let epoch = try Epoch(.random, lengths: Self.lengths, sequence: 2048, recipe(batch: 1), times: nil)
    #expect(epoch.paddingShare == 0)
    #expect(epoch.tokens == Self.lengths.reduce(0, +))
  }

  @Test func `groups of like length waste less than a random order, and lose nothing`() throws {
    let random = try Epoch(.random, lengths: Self.lengths, sequence: 2048, recipe(batch: 8), times: nil)
    let grouped = try Epoch(.grouped, lengths: Self.lengths, sequence: 2048, recipe(batch: 8), times: nil)
    #expect(random.tokens == grouped.tokens && random.steps == grouped.steps)
    #expect(grouped.paddingShare < 0.5 * random.paddingShare)
    #expect(try random == Epoch(.random, lengths: Self.lengths, sequence: 2048, recipe(batch: 8), times: nil))
    #expect(try random != Epoch(.random, lengths: Self.lengths, sequence: 2048, recipe(batch: 8), times: nil, seed: 1))
  }

  /// Best fit decreasing as it is defined: the longest first, each into the fullest row that has room.
  private func bestFit(_ lengths: [Int], room: Int) -> Int {
    var rows: [Int] = []
    for length in lengths.sorted(by: >) {
      if let place = rows.indices.filter({ rows[$0] >= length }).min(by: { rows[$0] < rows[$1] }) {
        rows[place] -= length
      } else {
        rows.append(room - length)
      }
    }
    return rows.count
  }

  @Test(arguments: [16, 100, 777, 1400])
  func `packed rows are those of best fit decreasing`(room: Int) throws {
    let cut = Self.lengths.map { min($0, room) }
    let epoch = try Epoch(.packed, lengths: Self.lengths, sequence: room, recipe(batch: 1), times: nil)
    #expect(epoch.rows == bestFit(cut, room: room))
    #expect(epoch.tokens == cut.reduce(0, +))
    #expect(epoch.paddedTokens == epoch.rows * room)
  }

  // 223 samples, two a micro-batch: 112 micro-batches, 28 steps of four; over two GPUs 56 each, 14 steps.
  @Test(arguments: [(1, 112, 1), (4, 28, 1), (4, 14, 2), (3, 38, 1)])
  func `steps are those of the Trainer`(accumulation: Int, steps: Int, gpus: Int) throws {
    let recipe = try recipe(accumulation: accumulation, gpus: gpus)
    let epoch = Epoch(.random, lengths: Array(repeating: 64, count: 223), sequence: 64, recipe, times: nil)
    #expect(epoch.steps == steps)
  }
}

@Suite struct `The fastest recipe for a run` {
  private static func find(_ method: Method.Name, _ lengths: [Int], order: RowOrder) throws -> FastRecipe {
    let spec = try Models.llama("small", layers: 8, hidden: 512, heads: 8, keyValueHeads: 4, intermediate: 2048)
    let data = MeasuredData(
      name: "data", samples: SampleLengths(lengths: lengths, basis: .tokenizer("t")), order: order, epochs: 2)
    var request = RecipeRequest()
    request.method = method
    request.stack = .trl
    let sequence = try data.fill(&request, for: spec)
    let recipe = try request.resolved(for: spec).recipe
    let card = try #require(DeviceCatalog.named("rtx-4060"))
    let estimates = Estimates(spec, budget: card.usable, device: card)
    return try #require(FastRecipe.find(recipe, estimates, on: card, run: .data(data, sequence: sequence)))
  }

  /// Time by the study of the data, which prints the hours of `fit`.
  @Test(arguments: RowOrder.allCases)
  func `takes what its study says, and no more than other batches of it`(order: RowOrder) throws {
    let lengths = (0..<300).map { $0.isMultiple(of: 40) ? 1024 : 16 + $0 % 50 }
    let found = try Self.find(.lora, lengths, order: order)
    let (spec, card) = (
      try Models.llama("small", layers: 8, hidden: 512, heads: 8, keyValueHeads: 4, intermediate: 2048),
      try #require(DeviceCatalog.named("rtx-4060"))
    )
    func study(_ batch: Int) throws -> DataStudy {
      let recipe = try #require(found.recipe.changed(RecipeChange(microBatch: batch)))
      return try DataStudy(
        name: "data", SampleLengths(lengths: lengths, basis: .tokenizer("t")), spec, recipe, sequence: 1024,
        order: order, passes: 2, on: card)
    }
    let same = try study(found.recipe.batch.microBatch)
    #expect(found.run?.steps == same.steps && found.run?.seconds == same.seconds)
    let hours = try #require(found.run?.hours)
    for batch in [1, 2, 4, 8, 16, 32, 64] {
      let recipe = try #require(found.recipe.changed(RecipeChange(microBatch: batch)))
      guard try Planner.deviceBytes(spec, recipe, device: card).expected <= card.usable else { continue }
      #expect(try #require(study(batch).seconds?.expected) / 3600 >= hours * (1 - 1e-12), "\(batch)")
    }
  }
}

@Suite struct `The time of an epoch` {
  private func plan(sequence: Int, batch: Int = 1, accumulation: Int = 1) throws -> Plan {
    let spec = try Models.llama2Seven()
    let resolved = try Models.recipe(spec, .qlora, sequence: sequence) {
      $0.stack = .transformers
      $0.attention = .flash
      $0.microBatch = batch
      $0.accumulation = accumulation
    }
    let card = try #require(DeviceCatalog.named("rtx-4090"))
    return try Planner.plan(spec, resolved, device: card)
  }

  private func study(_ lengths: [Int], _ plan: Plan, passes: Double = 1) throws -> DataStudy {
    try DataStudy(
      name: "data", SampleLengths(lengths: lengths, basis: .tokenizer("t")), plan.spec, plan.recipe,
      sequence: plan.recipe.batch.sequence, order: .random, passes: passes, on: plan.target)
  }

  @Test func `of samples of one length is that of so many steps`() throws {
    let plan = try plan(sequence: 512, batch: 2, accumulation: 2)
    let step = try #require(plan.throughput?.seconds.expected)
    let study = try study(Array(repeating: 512, count: 40), plan, passes: 3)
    // 40 samples: 20 micro-batches, 10 steps.
    #expect(study.steps == 30)
    let seconds = try #require(study.seconds?.expected)
    #expect(abs(seconds / (30 * step) - 1) < 1e-9)
    let run = RunTime(.samples(40), epochs: 3, plan: plan)
    #expect(run.steps == 30)
    #expect(abs(try #require(run.seconds?.expected) / seconds - 1) < 1e-9)
  }

  /// Lagrange's formula is exact but for kernels that round lengths up.
  @Test func `between walked lengths is that of a plan there`() throws {
    let whole = try plan(sequence: 2048)
    let times = try LengthTimes(
      whole.spec, whole.recipe, lengths: 512...2048, on: #require(whole.target))
    for length in [768, 1152, 1792] {
      let epoch = Epoch(.random, lengths: [length], sequence: 2048, whole.recipe, times: times)
      let planned = try #require(plan(sequence: length).throughput?.seconds.expected)
      #expect(abs(try #require(epoch.seconds?.expected) / planned - 1) < 0.002, "\(length)")
    }
  }

  @Test func `short samples take less time than the longest, and packed ones less than padded ones`() throws {
    let plan = try plan(sequence: 1024, batch: 4)
    let lengths = (0..<200).map { $0.isMultiple(of: 10) ? 1024 : 64 }
    let study = try study(lengths, plan)
    let full = RunTime(.samples(200), epochs: 1, plan: plan)
    #expect(try #require(study.seconds?.expected) < #require(full.seconds?.expected))
    #expect(try #require(study.packingGain) > 1.5)
    #expect(study.worstMicroBatchTokens == 4096)
    #expect(study.cutSamples == 0 && study.cutShare == 0)
  }

  @Test func `tokens make steps, and epochs multiply them`() throws {
    let plan = try plan(sequence: 512, batch: 2)
    // 1,024 tokens a step.
    let run = RunTime(.tokens(1_000_000), epochs: 1.5, plan: plan)
    #expect(run.steps == 1465)
    #expect(run.tokens == 1_500_000)
    let step = try #require(plan.throughput?.seconds)
    #expect(run.seconds?.high == 1465 * step.high)
  }
}
