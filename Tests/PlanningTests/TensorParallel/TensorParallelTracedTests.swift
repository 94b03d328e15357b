import Bookkeeping
import Modeling
import Planning
import Testing

/// Steps that Transformers 5.23 really ran in tensor parallel on a CPU: `from_pretrained` with a `DistributedConfig` of
/// `tp_plan="auto"`, processes over gloo, torch 2.15, fused AdamW in a group for DTensors and one for the rest, as the
/// Trainer makes them; rank 0's allocations seen by the profiler (`profile_memory`) in the third step: bytes above those
/// at its start after forward, and at most.
///
/// gloo's threads may let go of a collective's operand unseen: runs whose step ended where it began count. Tolerance:
/// the loss, its weight, and the number that eager attention's mask is filled with, 20 bytes.
@Suite struct `Tensor parallel: traced steps` {
  struct Case: CustomTestStringConvertible, Sendable {
    let title: String
    let afterForward: Int
    let peak: Int
    let change: @Sendable (inout TorchFixture) -> Void
    var testDescription: String { title }

    init(_ title: String, _ afterForward: Int, _ peak: Int, _ change: @escaping @Sendable (inout TorchFixture) -> Void)
    {
      self.title = title
      self.afterForward = afterForward
      self.peak = peak
      self.change = change
    }
  }

  static let cases: [Case] = [
    Case("bf16", 12_552_976, 15_171_848) { _ in },
    Case("fp32", 20_499_216, 23_118_088) { $0.weights = .fp32 },
    Case("autocast", 22_661_904, 25_283_344) {
      $0.weights = .fp32
      $0.precision = .autocast
    },
    Case("checkpointed", 3_365_136, 12_120_840) { $0.checkpoints = true },
    Case("two micro-batches", 20_029_200, 22_648_072) { $0.accumulation = 2 },
    Case("eager", 17_785_632, 20_404_504) { $0.attention = .eager },
    Case("tied", 12_552_976, 15_171_848) { $0.isTied = true },
    Case("two sequences", 12_512_008, 15_130_888) {
      $0.microBatch = 2
      $0.sequence = 160
    },
    // The whole gradient of the table beside this GPU's rows of it, of the head's and of their sum.
    Case("tied, large vocabulary", 4_345_616, 26_874_888) {
      $0.isTied = true
      $0.V = 8192
      $0.sequence = 64
    },
  ]

  private static func fixture(_ change: (inout TorchFixture) -> Void = { _ in }) -> TorchFixture {
    TorchFixture {
      $0.method = .full
      $0.devices = 2
      $0.settings.tensorParallelSize = 2
      change(&$0)
    }
  }

  @Test(arguments: cases)
  func `a rank holds what torch held`(_ example: Case) throws {
    let books = try Self.fixture(example.change).books()
    #expect(abs(books.peak - example.peak) <= 20, "\(books.ledger.clock.label(of: books.ledger.peak.moment))")
    #expect(abs(books.afterForward - example.afterForward) <= 20)
  }

  /// `named_parameters` of rank 0: rows of embedding, head, queries, keys, values, gate and up, columns of the two others.
  @Test func `weights have the shapes of the local tensors`() throws {
    let entries = try Self.fixture().walk().journal.entries
    for (name, shape) in [
      ("model.embed_tokens", [512, 512]), ("model.layers.0.self_attn.q_proj", [256, 512]),
      ("model.layers.0.self_attn.k_proj", [128, 512]), ("model.layers.0.self_attn.o_proj", [512, 256]),
      ("model.layers.0.mlp.gate_proj", [704, 512]), ("model.layers.0.mlp.down_proj", [512, 704]),
      ("model.layers.0.input_layernorm", [512]), ("lm_head", [512, 512]),
    ] {
      #expect(entries.first { $0.name == name + ".weight" }?.shape.extents == shape)
    }
  }

  /// Of the trace: the gradient of the table is [1024, 512] on every rank, that of the head [512, 512].
  @Test func `the gradient of the embedding is whole on every GPU`() throws {
    let entries = try Self.fixture().walk().journal.entries
    #expect(entries.first { $0.name == "model.embed_tokens.weight.grad" }?.shape.extents == [1024, 512])
    #expect(entries.first { $0.name == "lm_head.weight.grad" }?.shape.extents == [512, 512])
  }

  @Test(arguments: [true, false])
  func `deep models are booked as if every layer had been walked`(_ isTied: Bool) throws {
    let fixture = Self.fixture {
      $0.L = 9
      $0.isTied = isTied
      $0.checkpoints = isTied
      $0.accumulation = 2
    }
    let (spec, recipe) = (try fixture.spec(), try fixture.recipe())
    #expect(TorchWalk.isCopied(spec, recipe))
    let quick = try TorchWalk.journal(spec, recipe)
    let whole = try TorchWalk.wholeJournal(spec, recipe)
    #expect(quick.journal.events == whole.journal.events)
    #expect(Ledger(posting: quick.journal).peak.bytes == Ledger(posting: whole.journal).peak.bytes)
  }

  @Test(arguments: ["qwen3-0.6b", "gemma-2-2b", "llama-3.2-1b"])
  func `every name has its rule`(_ name: String) throws {
    let spec = try #require(Presets.named(name)?.spec.withLayers(3))
    for precision in [Precision.pure, .autocast] {
      var request = RecipeRequest()
      request.stack = .transformers
      request.method = .full
      request.precision = precision
      request.sequence = 256
      request.microBatch = 2
      request.loss = .full
      request.optimizer = .adamw
      request.optimizerImplementation = .fused
      request.devices = 2
      var settings = ShardingSettings()
      settings.tensorParallelSize = 2
      request.shardingSettings = settings
      let plan = try Planner.plan(spec, request.resolved(for: spec))
      let lines = PeakExplanation(plan.ledger.entries, moment: "", spec: plan.spec, recipe: plan.recipe).lines
      #expect(lines.filter { !$0.isExplained }.map(\.name).isEmpty)
    }
  }

  @Test func `what has no rule is refused`() throws {
    let changes: [(inout TorchFixture) -> Void] = [
      { $0.method = .lora }, { $0.method = .nf4 }, { $0.loss = .fused }, { $0.implementation = .foreach },
      { $0.settings.usesSequenceParallel = true }, { ($0.devices, $0.sharding) = (4, .fsdp) },
      { ($0.devices, $0.sharding) = (4, .ddp) }, { $0.stack = .unsloth }, { $0.stack = .torchtune }, { $0.KV = 1 },
      { $0.V = 1023 }, { $0.I = 1407 }, { ($0.A, $0.KV) = (5, 5) },
    ]
    for (place, change) in changes.enumerated() {
      #expect(throws: PlanError.self, "\(place)") { try Self.fixture(change).walk() }
    }
    for name in ["gpt2", "phi-2", "pythia-160m", "mixtral-8x7b"] {
      let spec = try #require(Presets.named(name)?.spec)
      #expect(throws: PlanError.self) { try TorchWalk.journal(spec, Self.fixture().recipe()) }
    }
  }
}
