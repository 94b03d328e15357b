import Bookkeeping
import Modeling
import Planning
import Testing

/// Megatron's tensor and sequence parallelism against what its authors publish.
///
/// Source: Korthikanti and others 2022, arXiv:2205.05198, table 2: bytes a layer of GPT keeps with 16-bit activations and
/// masks of a byte, with tensor parallelism s·b·h·(10 + 24/t + 5·a·s/(h·t)), with sequence parallelism too
/// s·b·h/t·(34 + 5·a·s/h).
@Suite struct `Megatron: tensor parallelism` {
  private static func request(
    tensor: Int, isSequence: Bool, devices: Int? = nil, _ change: (inout RecipeRequest) -> Void = { _ in }
  ) -> RecipeRequest {
    var request = RecipeRequest()
    request.stack = .megatron
    request.method = .full
    request.devices = devices ?? tensor
    var settings = ShardingSettings()
    settings.tensorParallelSize = tensor
    settings.usesSequenceParallel = isSequence
    request.shardingSettings = settings
    change(&request)
    return request
  }

  private static func books(_ spec: ModelSpec, _ request: RecipeRequest) throws -> Books {
    let options = TorchWalk.Options(cublasWorkspace: .zero, countsAttentionWorkspace: false)
    let walk = try TorchWalk.journal(spec, request.resolved(for: spec).recipe, options: options)
    return Books(ledger: Ledger(posting: walk.journal))
  }

  /// Bytes that a third layer keeps.
  private static func kept(
    tensor: Int, isSequence: Bool, _ s: Int, attention: AttentionImplementation, checkpoints: Bool = false
  ) throws -> Int {
    let counts = try [2, 3].map { layers in
      let spec = try #require(Presets.named("gpt2")?.spec.withLayers(layers))
      return try books(
        spec,
        request(tensor: tensor, isSequence: isSequence) {
          $0.sequence = s
          $0.microBatch = 4
          $0.attention = attention
          $0.usesGradientCheckpointing = checkpoints
        }
      ).afterForward
    }
    return counts[1] - counts[0]
  }

  /// The paper leaves out what norms keep of each row: mean and deviation in fp32, twice.
  @Test(arguments: [2, 4], [256, 512])
  func `a layer keeps what the paper says with scores`(_ t: Int, _ s: Int) throws {
    let (b, h, a) = (4, 768, 12)
    let scores = 5 * a * s * s * b / t
    #expect(
      try Self.kept(tensor: t, isSequence: false, s, attention: .eager)
        == 10 * s * b * h + 24 * s * b * h / t + scores + 16 * s * b)
    #expect(
      try Self.kept(tensor: t, isSequence: true, s, attention: .eager)
        == 34 * s * b * h / t + scores + 16 * s * b / t)
  }

  /// Flash attention keeps no scores, but a log of sums a row and head in fp32.
  @Test(arguments: [2, 4])
  func `a layer keeps what the paper says without scores`(_ t: Int) throws {
    let (s, b, h, a) = (512, 4, 768, 12)
    let sums = 4 * a * s * b / t
    #expect(
      try Self.kept(tensor: t, isSequence: false, s, attention: .sdpa)
        == 10 * s * b * h + 24 * s * b * h / t + sums + 16 * s * b)
    #expect(
      try Self.kept(tensor: t, isSequence: true, s, attention: .sdpa)
        == 34 * s * b * h / t + sums + 16 * s * b / t)
  }

  /// Section 5: 2·s·b·h a layer; with sequence parallelism the input is this GPU's tokens.
  @Test(arguments: [2, 4])
  func `full recomputation keeps a layer's input`(_ t: Int) throws {
    let (s, b, h) = (512, 4, 768)
    #expect(try Self.kept(tensor: t, isSequence: false, s, attention: .sdpa, checkpoints: true) == 2 * s * b * h)
    #expect(try Self.kept(tensor: t, isSequence: true, s, attention: .sdpa, checkpoints: true) == 2 * s * b * h / t)
  }

  /// Published counts: Llama 2 has 6,738,415,616 parameters, of which 65 norms of 4096 are on every GPU; GPT-2 has
  /// 124,439,808, of which positions, norms and the biases of sums are, and its vocabulary is padded to 128·t rows.
  @Test(arguments: [2, 4, 8])
  func `weights of a GPU are a share of what is divided and all of what isn't`(_ t: Int) throws {
    let llama = try #require(Presets.named("llama-2-7b")?.spec)
    func weights(_ spec: ModelSpec, _ t: Int) throws -> Int {
      let ledger = try Self.books(spec, Self.request(tensor: t, isSequence: t > 1) { $0.sequence = 1024 }).ledger
      return ledger.timeline[0].highByAccount[.weights]?.count ?? 0
    }
    func rows(_ vocabulary: Int) -> Int { (vocabulary + 128 * t - 1) / (128 * t) * 128 }
    let (norms, tables) = (65 * 4096, 2 * 4096 * 32000)
    // Beside them lie the angles of rotations, of as many bytes on every GPU.
    let angles = try weights(llama, 1) - 2 * 6_738_415_616
    let share = (6_738_415_616 - norms - tables) / t + norms + 2 * 4096 * rows(32000)
    #expect(try weights(llama, t) == 2 * share + angles)
    guard t < 8 else { return }
    let gpt = try #require(Presets.named("gpt2")?.spec)
    let (h, layers) = (768, 12)
    let whole = 1024 * h + layers * (4 * h + 2 * h) + 2 * h
    let table = 50257 * h
    #expect(try weights(gpt, t) == 2 * ((124_439_808 - whole - table) / t + whole + rows(50257) * h))
  }

  /// "6 + 12/d" of Megatron Core's guide, for the parameters of one GPU and d groups.
  @Test(arguments: [(2, 4), (4, 8), (2, 2)])
  func `the distributed optimizer divides among groups`(_ t: Int, _ devices: Int) throws {
    let spec = try #require(Presets.named("smollm2-1.7b")?.spec)
    let request = Self.request(tensor: t, isSequence: false, devices: devices) {
      $0.sharding = .zero1
      $0.sequence = 256
    }
    let ledger = try Self.books(spec, request).ledger
    let accounts: Set<Account> = [.gradients, .optimizerState]
    let bytes = ledger.entries.filter { $0.opened == Moment(0) && accounts.contains($0.account) }
      .reduce(0) { $0 + $1.bytes.count }
    let norms = spec.parameters.filter { if case .norm = $0.role { true } else { false } }.reduce(0) { $0 + $1.count }
    // 49152 rows are a multiple of 128·t.
    let own = (spec.parameterCount - norms) / t + norms
    let d = devices / t
    let slack = 18 * (128 * d + 64 * spec.parameters.count)
    #expect(abs(bytes - (4 * own + 12 * own / d)) <= slack)
  }

  @Test(arguments: [true, false], [Sharding.none, .zero1])
  func `deep models are booked as if every layer had been walked`(_ isSequence: Bool, _ sharding: Sharding) throws {
    for (attention, checkpoints) in [(AttentionImplementation.sdpa, true), (.eager, false)] {
      let fixture = TorchFixture {
        $0.stack = .megatron
        $0.method = .full
        $0.optimizer = .fusedAdam
        $0.L = 9
        $0.checkpoints = checkpoints
        $0.attention = attention
        $0.accumulation = 2
        $0.isTied = checkpoints
        $0.microBatch = 2
        $0.devices = sharding == .none ? 4 : 8
        $0.sharding = sharding
        $0.settings.tensorParallelSize = 4
        $0.settings.usesSequenceParallel = isSequence
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

  @Test(arguments: ["gpt2", "qwen2.5-0.5b", "smollm2-1.7b"], [true, false])
  func `every name has its rule`(_ name: String, _ isSequence: Bool) throws {
    let spec = try #require(Presets.named(name)?.spec.withLayers(3))
    for attention in [AttentionImplementation.sdpa, .flash, .eager] {
      let request = Self.request(tensor: 2, isSequence: isSequence, devices: 4) {
        $0.sequence = 256
        $0.microBatch = 4
        $0.attention = attention
        $0.sharding = .zero1
      }
      let plan = try Planner.plan(spec, request.resolved(for: spec))
      for ledger in [plan.ledger, plan.load].compactMap(\.self) {
        let lines = PeakExplanation(ledger.entries, moment: "", spec: plan.spec, recipe: plan.recipe).lines
        #expect(lines.filter { !$0.isExplained }.map(\.name).isEmpty)
      }
    }
  }

  @Test(arguments: [2, 4, 8])
  func `a GPU computes its share of the products`(_ t: Int) throws {
    // Its 49152 rows need no padding.
    let spec = try #require(Presets.named("smollm2-1.7b")?.spec)
    func products(_ request: RecipeRequest) throws -> Double {
      try Planner.plan(spec, request.resolved(for: spec)).work.lines.filter(\.isMatrixProduct)
        .reduce(0) { $0 + Double($1.flops.count) }
    }
    let alone = try products(Self.request(tensor: 1, isSequence: false))
    #expect(try products(Self.request(tensor: t, isSequence: false)) * Double(t) == alone)
  }

  @Test func `sequence parallelism takes less, and tensor parallelism less than one GPU`() throws {
    let spec = try #require(Presets.named("llama-2-7b")?.spec)
    func peak(_ t: Int, _ isSequence: Bool) throws -> Bytes {
      try Self.books(spec, Self.request(tensor: t, isSequence: isSequence) { $0.sequence = 2048 }).ledger.peak.bytes
    }
    let peaks = try [peak(1, false), peak(2, false), peak(2, true), peak(4, false), peak(4, true), peak(8, true)]
    #expect(zip(peaks, peaks.dropFirst()).allSatisfy { $0 > $1 })
  }

  /// Widths that don't divide, and tokens that don't.
  @Test func `what does not divide is refused with what does`() throws {
    let cases: [(String, Int, Bool, Int)] = [
      ("smollm2-135m", 2, false, 256), ("llama-2-7b", 3, false, 256), ("qwen2.5-0.5b", 4, false, 256),
      ("gpt2", 2, true, 255),
    ]
    for (name, t, isSequence, s) in cases {
      let spec = try #require(Presets.named(name)?.spec)
      let request = Self.request(tensor: t, isSequence: isSequence) { $0.sequence = s }
      #expect(throws: PlanError.self, "\(name)") { try Planner.plan(spec, request.resolved(for: spec)) }
    }
  }
}
