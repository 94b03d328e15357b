import Bookkeeping
import Modeling
import Planning
import Testing

/// Families that are not Llama: each walks, balances, and keeps what sets it apart.
@Suite struct `Torch walk: families` {
  static func spec(_ architecture: Architecture, traced: Bool = false) throws -> ModelSpec {
    let isGemma = [.gemma, .gemma2, .gemma3].contains(architecture)
    let isLayerNorm = [.gpt2, .gptNeoX, .phi].contains(architecture)
    let isFused = [.gpt2, .gptNeoX, .phi3, .qwen, .chatGLM].contains(architecture)
    let isMixture = [.mixtral, .qwen3MoE, .qwen2MoE].contains(architecture)
    let isParallel = [.gptNeoX, .phi].contains(architecture)
    return try ModelSpec(
      name: architecture.rawValue, architecture: architecture, layerCount: traced ? 2 : 3,
      hiddenSize: traced ? 512 : 256,
      attention: AttentionSpec(
        heads: traced ? 8 : 4, keyValueHeads: traced ? (isLayerNorm ? 8 : 4) : (isLayerNorm ? 4 : 2), headDimension: 64,
        hasProjectionBias: isLayerNorm || [.qwen, .chatGLM, .qwen2MoE].contains(architecture),
        hasOutputBias: isLayerNorm, normalizesQueryAndKey: [.qwen3, .gemma3, .qwen3MoE].contains(architecture),
        fusesProjections: isFused, logitSoftcap: architecture == .gemma2 ? 50 : nil),
      feedForward: FeedForwardSpec(
        intermediateSize: traced ? 1408 : 512, isGated: !isLayerNorm,
        activation: isLayerNorm || isGemma ? .geluTanh : .silu,
        hasBias: isLayerNorm, fusesGateAndUp: [.phi3, .chatGLM].contains(architecture),
        experts: isMixture
          ? FeedForwardSpec.Experts(
            count: 8, active: 2, intermediateSize: traced ? (architecture == .mixtral ? 1408 : 704) : 384,
            sharedIntermediateSize: architecture == .qwen2MoE ? (traced ? 1408 : 512) : nil,
            normalizesWeights: architecture != .qwen2MoE) : nil),
      vocabularySize: 1024, tiesEmbeddings: !traced && (isGemma || architecture == .gpt2),
      normalization: Normalization(
        kind: isLayerNorm ? .layer : .rms, epsilon: 1e-5, weightIsOffset: isGemma,
        normalizesOutputs: [.gemma2, .gemma3].contains(architecture), isParallel: isParallel,
        sharesParallelNorm: architecture == .phi),
      positions: architecture == .gpt2
        ? .learned(512) : .rotary(RotarySpec(theta: 10000, rotatedShare: isParallel ? 0.25 : 1)),
      maximumPositions: 512, finalLogitSoftcap: architecture == .gemma2 ? 30 : nil)
  }

  struct Traced: CustomTestStringConvertible, Sendable {
    let architecture: Architecture
    let kind: TorchFixture.Kind
    let checkpoints: Bool
    let peak: Int

    init(_ architecture: Architecture, _ kind: TorchFixture.Kind, _ checkpoints: Bool, _ peak: Int) {
      self.architecture = architecture
      self.kind = kind
      self.checkpoints = checkpoints
      self.peak = peak
    }

    var testDescription: String { "\(architecture) \(kind) \(checkpoints)" }

    /// Four bytes, for the loss.
    ///
    /// Layer norm's statistics are bf16 in CPU's kernel and fp32 in CUDA's, which is walked:
    /// 2 bytes twice a row and norm. Of a mixture's index tensors only the larger ones are walked.
    var tolerance: Int {
      switch architecture {
      case .gptNeoX: 4 * 320 * 5 + 4
      case .mixtral: 64 * 320
      default: 4
      }
    }
  }

  /// Traced as the Llamas are: bf16, 320 tokens, rank 16 on all linear layers (on attention's for the mixture).
  @Test(arguments: [
    Traced(.qwen3, .full, false, 22_749_448), Traced(.qwen3, .lora, false, 19_287_048),
    Traced(.qwen3, .full, true, 19_743_752), Traced(.qwen3, .lora, true, 10_557_448),
    Traced(.gemma2, .full, false, 41_071_880), Traced(.gemma2, .lora, false, 34_330_632),
    Traced(.gemma2, .full, true, 27_896_072), Traced(.gemma2, .lora, true, 19_581_192),
    Traced(.phi3, .full, false, 21_408_008), Traced(.phi3, .lora, false, 18_867_208),
    Traced(.phi3, .full, true, 19_072_776), Traced(.phi3, .lora, true, 10_941_448),
    Traced(.gptNeoX, .full, false, 14_792_968), Traced(.gptNeoX, .lora, false, 14_216_968),
    Traced(.gptNeoX, .full, true, 13_829_896), Traced(.gptNeoX, .lora, true, 7_664_648),
    Traced(.mixtral, .full, false, 80_812_840), Traced(.mixtral, .lora, false, 22_048_072),
    Traced(.mixtral, .full, true, 81_143_080), Traced(.mixtral, .lora, true, 14_588_200),
  ])
  func `a family's step holds what torch held`(_ row: Traced) throws {
    let fixture = TorchFixture {
      $0.method = row.kind
      $0.checkpoints = row.checkpoints
      $0.attention = row.architecture == .gemma2 ? .eager : .sdpa
      $0.targets = row.architecture == .mixtral ? .attention : .allLinear
    }
    let spec = try `Torch walk: families`.spec(row.architecture, traced: true)
    let journal = try TorchWalk.journal(spec, fixture.recipe(), options: fixture.options).journal
    #expect(abs(Books(ledger: Ledger(posting: journal)).peak - row.peak) <= row.tolerance)
  }

  static func recipe(
    _ kind: TorchFixture.Kind, _ precision: Precision, checkpoints: Bool, attention: AttentionImplementation
  ) throws -> Recipe {
    try TorchFixture {
      $0.method = kind
      $0.precision = precision
      $0.adapters = .fp32
      $0.weights = precision == .autocast && kind == .full ? .fp32 : .bf16
      $0.checkpoints = checkpoints
      $0.attention = attention
      $0.targets = .attention
      $0.sequence = 128
    }.recipe()
  }

  @Test(arguments: Architecture.allCases, [false, true])
  func `every family's books are closed at the end`(_ architecture: Architecture, _ checkpoints: Bool) throws {
    let spec = try `Torch walk: families`.spec(architecture)
    for kind in [TorchFixture.Kind.full, .lora, .nf4Double, .int8] {
      for precision in Precision.allCases {
        for attention in [AttentionImplementation.sdpa, .eager]
        where architecture != .gemma2 || attention == .eager {
          let recipe = try `Torch walk: families`.recipe(
            kind, precision, checkpoints: checkpoints, attention: attention)
          let journal = try TorchWalk.journal(spec, recipe).journal
          #expect(journal.stillOpen.allSatisfy { $0.opened == Moment(0) })
          let ledger = Ledger(posting: journal)
          // Everything that trains has a gradient when the optimizer steps.
          let optimizer = try #require(ledger.clock["optimizer"])
          let gradients = ledger.entries.filter {
            $0.account == .gradients && $0.opened < optimizer && ($0.closed ?? optimizer) >= optimizer
          }
          let adapters = ledger.entries.filter { $0.account == .adapters && $0.opened == Moment(0) }.count
          let trained =
            kind == .full ? ledger.entries.filter { $0.account == .weights && $0.opened == Moment(0) }.count : adapters
          #expect(gradients.count == trained)
        }
      }
    }
  }

  @Test func `experts are two unquantized tensors a layer`() throws {
    let spec = try `Torch walk: families`.spec(.mixtral)
    let recipe = try `Torch walk: families`.recipe(.nf4Double, .pure, checkpoints: false, attention: .sdpa)
    let ledger = Ledger(posting: try TorchWalk.journal(spec, recipe).journal)
    let experts = ledger.entries.filter { $0.name.contains(".experts.") && $0.opened == Moment(0) }
    #expect(experts.count == 6)
    // The k-bit preparation casts them to fp32 with everything else that is not quantized.
    #expect(experts.allSatisfy { $0.format == .fp32 })
    #expect(experts.map(\.shape).contains([8, 2 * 384, 256]))
  }

  @Test func `DoRA on stacked experts is refused, as PEFT refuses it`() throws {
    let spec = try `Torch walk: families`.spec(.mixtral)
    let dora = Method.lora(try LoRA(rank: 16, alpha: 32, decomposesWeights: true))
    let recipe = try TorchFixture {
      $0.other = dora
      $0.sequence = 128
    }.recipe()
    #expect(throws: PlanError.self) { try TorchWalk.journal(spec, recipe) }
  }

  @Test func `a capped attention runs eagerly or not at all`() throws {
    let spec = try `Torch walk: families`.spec(.gemma2)
    let recipe = try `Torch walk: families`.recipe(.lora, .pure, checkpoints: false, attention: .sdpa)
    #expect(throws: PlanError.self) { try TorchWalk.journal(spec, recipe) }
    var request = RecipeRequest()
    request.stack = .trl
    request.sequence = 128
    #expect(try request.resolved(for: spec).recipe.attention == .eager)
  }

  @Test func `the plimsoll stack is not PyTorch's`() throws {
    var request = RecipeRequest()
    request.stack = .plimsoll
    request.sequence = 128
    let spec = try `Torch walk: families`.spec(.llama)
    let recipe = try request.resolved(for: spec).recipe
    #expect(throws: PlanError.self) { try TorchWalk.journal(spec, recipe) }
  }

  @Test func `loading peaks at the cast of the largest table`() throws {
    // Llama-3.1-8B's proportions: a vocabulary that dwarfs every layer.
    let fixture = TorchFixture {
      $0.V = 128_256
      $0.method = .nf4Double
      $0.adapters = .fp32
    }
    let walk = try fixture.walk()
    let resident = try fixture.spec().parameters.reduce(0) { sum, parameter in
      guard case .linear = parameter.role else { return sum + 4 * parameter.count }
      return sum + BlockQuantization(isDouble: true).parts(of: parameter.count).reduce(0) { $0 + $1.bytes.count }
    }
    // The head is cast last: its bf16 original stands beside everything resident.
    #expect(walk.loadPeak == Bytes(resident + 2 * fixture.V * fixture.H))
    #expect(try TorchFixture().walk().loadPeak == nil)
  }
}
