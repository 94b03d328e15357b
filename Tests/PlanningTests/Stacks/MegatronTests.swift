import Bookkeeping
import Modeling
import Planning
import Testing

/// Full fine-tuning by Megatron-LM against what its authors publish.
///
/// Sources: Megatron Core's guide, "Distributed Optimizer" (bytes a parameter); Korthikanti and others 2022,
/// arXiv:2205.05198, sections 4.1 and 5 (bytes a layer keeps).
@Suite struct `Megatron` {
  private static func fixture(_ change: (inout TorchFixture) -> Void = { _ in }) -> TorchFixture {
    TorchFixture {
      $0.stack = .megatron
      $0.method = .full
      $0.optimizer = .fusedAdam
      change(&$0)
    }
  }

  private static func resident(_ fixture: TorchFixture) throws -> Int {
    let ledger = try fixture.books().ledger
    let accounts: Set<Account> = [.weights, .gradients, .optimizerState]
    return ledger.entries.filter { $0.opened == Moment(0) && accounts.contains($0.account) }
      .reduce(0) { $0 + $1.bytes.count }
  }

  /// "bf16 parameters, fp32 gradients: 18 bytes without the distributed optimizer".
  @Test(arguments: [1, 4])
  func `a parameter takes 18 bytes without the distributed optimizer`(_ devices: Int) throws {
    let fixture = Self.fixture {
      $0.devices = devices
      $0.sharding = devices > 1 ? .ddp : .none
    }
    #expect(try Self.resident(fixture) == 18 * fixture.spec().parameterCount)
  }

  /// "6 + 12/d with it"; buffers are aligned by less than 64 elements a parameter and 128·d at the end, a part of which
  /// is the first GPU's.
  @Test(arguments: [1, 2, 4, 8])
  func `a parameter takes 6 and 12 over d bytes with the distributed optimizer`(_ devices: Int) throws {
    let fixture = Self.fixture {
      $0.devices = devices
      $0.sharding = .zero1
    }
    let spec = try fixture.spec()
    let expected = Double(spec.parameterCount) * (6 + 12 / Double(devices))
    let slack = 18 * Double(128 * devices + 64 * spec.parameters.count)
    #expect(abs(Double(try Self.resident(fixture)) - expected) <= slack)
  }

  /// By hand from `_pad_start_of_param_if_needed` and `_pad_end_of_bucket_if_needed`: the last parameter lies at 0..<130,
  /// the first from 192 on, and 292 elements are rounded up to a multiple of lcm(d, 128).
  @Test func `parameters lie aligned in the buffer, the last one first`() {
    let four = MegatronLayout(counts: [100, 130], isDistributed: true, devices: 4)
    #expect([four.count, four.padding, four.ownCount] == [384, 154, 96])
    let two = MegatronLayout(counts: [100, 130], isDistributed: true, devices: 2)
    #expect([two.count, two.padding, two.ownCount] == [384, 154, 130])
    let three = MegatronLayout(counts: [100, 130], isDistributed: true, devices: 3)
    #expect([three.count, three.padding, three.ownCount] == [384, 154, 128])
    let plain = MegatronLayout(counts: [100, 130], isDistributed: false, devices: 4)
    #expect([plain.count, plain.padding] == [230, 0])
  }

  @Test func `gradients add up in one buffer that is always there`() throws {
    let fixture = Self.fixture { $0.accumulation = 2 }
    let ledger = try fixture.books().ledger
    let buffer = try #require(ledger.entries.first { $0.name == "megatron.main_gradients" })
    #expect(buffer.format == .fp32)
    #expect(try buffer.bytes.count == 4 * fixture.spec().parameterCount)
    let moment = try #require(ledger.clock["optimizer"])
    #expect(ledger.timeline[moment.ordinal].highByAccount[.gradients] == buffer.bytes)
    #expect(buffer.closed == nil)
  }

  private static func gpt(
    layers: Int, sequence: Int, microBatch: Int = 4, _ change: (inout RecipeRequest) -> Void
  ) throws -> (spec: ModelSpec, books: Books) {
    let spec = try #require(Presets.named("gpt2")?.spec.withLayers(layers))
    var request = RecipeRequest()
    request.stack = .megatron
    request.method = .full
    request.sequence = sequence
    request.microBatch = microBatch
    change(&request)
    let options = TorchWalk.Options(cublasWorkspace: .zero, countsAttentionWorkspace: false)
    let walk = try TorchWalk.journal(spec, request.resolved(for: spec).recipe, options: options)
    return (spec, Books(ledger: Ledger(posting: walk.journal)))
  }

  /// s·b·h·(34 + 5·a·s/h), equation 1, which leaves out what norms keep of each row: mean and deviation in fp32, twice.
  @Test(arguments: [128, 512])
  func `a layer of GPT keeps what the paper on activation recomputation says`(_ s: Int) throws {
    func kept(_ layers: Int) throws -> Int {
      try Self.gpt(layers: layers, sequence: s) {
        $0.attention = .eager
        $0.usesGradientCheckpointing = false
      }.books.afterForward
    }
    let (b, h, a) = (4, 768, 12)
    #expect(try kept(3) - kept(2) == 34 * s * b * h + 5 * a * s * s * b + 16 * s * b)
  }

  /// Without scores, dropout's mask and its result: s·b·h·34, and a log of sums a row and head in fp32.
  @Test func `flash attention keeps no scores`() throws {
    let (s, b, h, a) = (512, 4, 768, 12)
    func kept(_ layers: Int) throws -> Int {
      try Self.gpt(layers: layers, sequence: s) {
        $0.attention = .sdpa
        $0.usesGradientCheckpointing = false
      }.books.afterForward
    }
    // The paper counts inputs only: flash attention's result is the projection's input already.
    #expect(try kept(3) - kept(2) == 34 * s * b * h + 4 * a * s * b + 16 * s * b)
  }

  /// 2·s·b·h a layer, section 5.
  @Test func `full recomputation keeps a layer's input`() throws {
    let (s, b, h) = (512, 4, 768)
    func kept(_ layers: Int) throws -> Int {
      try Self.gpt(layers: layers, sequence: s) { $0.usesGradientCheckpointing = true }.books.afterForward
    }
    #expect(try kept(3) - kept(2) == 2 * s * b * h)
  }

  /// 16 bytes a token and hidden unit, and 6 a unit inside.
  ///
  /// Those are the inputs of both norms and of four products, queries, keys and values; gate and up, and their product.
  /// Norms keep a number a row, attention one a row and head.
  @Test func `a layer of Llama keeps each operation's input once`() throws {
    func kept(_ layers: Int) throws -> Int {
      try Self.fixture {
        $0.L = layers
        $0.KV = 8
      }.books().afterForward
    }
    let (s, h, i, a) = (320, 512, 1408, 8)
    #expect(try kept(3) - kept(2) == s * (16 * h + 6 * i) + 8 * s + 4 * a * s)
  }

  @Test(arguments: [Sharding.none, .ddp, .zero1], [true, false])
  func `deep models are booked as if every layer had been walked`(_ sharding: Sharding, _ checkpoints: Bool) throws {
    for attention in [AttentionImplementation.sdpa, .eager] {
      let fixture = Self.fixture {
        $0.L = 9
        $0.checkpoints = checkpoints
        $0.attention = attention
        $0.accumulation = 2
        $0.isTied = checkpoints
        $0.devices = sharding == .none ? 1 : 4
        $0.sharding = sharding
      }
      let (spec, recipe) = (try fixture.spec(), try fixture.recipe())
      #expect(TorchWalk.isCopied(spec, recipe))
      let quick = try TorchWalk.journal(spec, recipe)
      let whole = try TorchWalk.wholeJournal(spec, recipe)
      #expect(quick.journal.events == whole.journal.events)
      #expect(Ledger(posting: quick.journal).peak.bytes == Ledger(posting: whole.journal).peak.bytes)
      #expect(quick.journal.stillOpen.allSatisfy { $0.opened == Moment(0) })
    }
  }

  @Test(arguments: ["gpt2", "qwen2.5-0.5b", "smollm2-135m"], [Sharding.ddp, .zero1])
  func `every name has its rule`(_ name: String, _ sharding: Sharding) throws {
    let spec = try #require(Presets.named(name)?.spec.withLayers(3))
    for attention in [AttentionImplementation.sdpa, .flash, .eager] {
      var request = RecipeRequest()
      request.stack = .megatron
      request.method = .full
      request.sequence = 256
      request.microBatch = 4
      request.attention = attention
      request.devices = 4
      request.sharding = sharding
      let plan = try Planner.plan(spec, request.resolved(for: spec))
      for ledger in [plan.ledger, plan.load].compactMap(\.self) {
        let lines = PeakExplanation(ledger.entries, moment: "", spec: plan.spec, recipe: plan.recipe).lines
        #expect(lines.filter { !$0.isExplained }.map(\.name).isEmpty)
      }
    }
  }

  @Test func `what has no rule is refused`() throws {
    let changes: [(inout TorchFixture) -> Void] = [
      { $0.method = .lora }, { $0.weights = .fp32 }, { $0.precision = .autocast }, { $0.optimizer = .adamw },
      { $0.loss = .chunked }, { ($0.attention, $0.sequence) = (.eager, 6000) },
      { ($0.devices, $0.sharding) = (4, .zero2) }, { ($0.devices, $0.sharding) = (4, .fsdp) },
      { ($0.devices, $0.sharding, $0.settings.tensorParallelSize) = (8, .ddp, 8) },
    ]
    for change in changes {
      #expect(throws: PlanError.self) { try Self.fixture(change).walk() }
    }
    for name in ["gemma-2-2b", "qwen3-0.6b", "mixtral-8x7b", "pythia-160m"] {
      let spec = try #require(Presets.named(name)?.spec)
      var request = RecipeRequest()
      request.stack = .megatron
      request.method = .full
      #expect(throws: PlanError.self) { try TorchWalk.journal(spec, request.resolved(for: spec).recipe) }
    }
  }
}
