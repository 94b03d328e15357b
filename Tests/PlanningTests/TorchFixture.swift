import Bookkeeping
import Modeling
import Planning

// Shape letters here: L layers, H hidden, I intermediate, A heads, KV key/value heads, D width of a head, V vocabulary.

/// A small Llama and a recipe on it, with the settings that the PyTorch walks are checked under.
struct TorchFixture {
  var L = 2
  var H = 512
  var I = 1408
  var A = 8
  var KV = 4
  var D = 64
  var V = 1024
  var hasBias = false
  var isTied = false
  var method = Kind.lora
  /// A method in place of ``method``.
  var other: Method?
  var rank = 16
  var targets = LoRA.Targets.allLinear
  var dropout = 0.0
  var weights = ScalarFormat.bf16
  var adapters = ScalarFormat.bf16
  var precision = Precision.pure
  var optimizer = Optimizer.Kind.adamw
  var implementation = Optimizer.Implementation.fused
  /// A base in a format that ``method`` does not name.
  var quantization: Quantization?
  var microBatch = 1
  var sequence = 320
  var accumulation = 1
  var checkpoints = false
  var attention = AttentionImplementation.sdpa
  var loss = LossImplementation.full
  var stack = Stack.transformers
  var devices = 1
  var sharding = Sharding.none
  var settings = ShardingSettings()
  /// Changes to the stack's own choices.
  var choices: (inout StackChoices) -> Void = { _ in }
  /// The traces ran on a CPU: no cuBLAS, and attention kernels that borrow nothing.
  var options = TorchWalk.Options(cublasWorkspace: .zero, countsAttentionWorkspace: false)

  enum Kind { case full, lora, nf4, nf4Double, int8 }

  init(_ change: (inout TorchFixture) -> Void = { _ in }) { change(&self) }

  func with(_ change: (inout TorchFixture) -> Void) -> TorchFixture {
    var copy = self
    change(&copy)
    return copy
  }

  func spec() throws -> ModelSpec {
    try ModelSpec(
      name: "small", architecture: .llama, layerCount: L, hiddenSize: H,
      attention: AttentionSpec(heads: A, keyValueHeads: KV, headDimension: D, hasProjectionBias: hasBias),
      feedForward: FeedForwardSpec(intermediateSize: I), vocabularySize: V, tiesEmbeddings: isTied,
      normalization: Normalization(kind: .rms, epsilon: 1e-5), positions: .rotary(RotarySpec(theta: 10000)),
      maximumPositions: 1 << 20)
  }

  func recipe() throws -> Recipe {
    let lora = try LoRA(rank: rank, alpha: 32, dropout: dropout, targets: targets)
    let method: Method =
      switch quantization == nil ? method : .nf4 {
      case .full: .full
      case .lora: .lora(lora)
      case .nf4: .qlora(lora, quantization ?? .nf4(double: false))
      case .nf4Double: .qlora(lora, .nf4(double: true))
      case .int8: .qlora(lora, .int8)
      }
    var choices = stack.choices
    self.choices(&choices)
    return try Recipe(
      method: other ?? method, weightFormat: weights, adapterFormat: adapters, precision: precision,
      optimizer: Optimizer(kind: optimizer, implementation: implementation, learningRate: 1e-4),
      batch: BatchShape(microBatch: microBatch, sequence: sequence, accumulation: accumulation),
      usesGradientCheckpointing: checkpoints, attention: attention, loss: loss, stack: stack, choices: choices,
      parallelism: Parallelism(devices: devices, sharding: sharding, settings: settings))
  }

  func walk() throws -> TorchWalk.Result { try TorchWalk.journal(spec(), recipe(), options: options) }

  func books() throws -> Books { Books(ledger: Ledger(posting: try walk().journal)) }
}

/// A ledger seen from after load.
struct Books {
  let ledger: Ledger

  var loaded: Int { ledger.timeline[0].end.count }
  /// What the step itself holds at its highest.
  var peak: Int { ledger.peak.bytes.count - loaded }

  /// What the step itself holds when the last forward pass has ended and outputs are let go.
  var afterForward: Int {
    let end = ledger.timeline.last { ledger.clock.label(of: $0.moment).hasSuffix("forward.loss") }
    return (end?.end.count ?? 0) - loaded
  }

  func high(_ account: Account, at label: String) -> Int {
    guard let moment = ledger.clock[label] else { return -1 }
    return ledger.timeline[moment.ordinal].highByAccount[account]?.count ?? 0
  }
}
