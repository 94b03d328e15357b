import Bookkeeping
import Modeling
import Planning
import Testing

@Suite struct `Optimizers: states` {
  static func sketch(
    _ kind: Optimizer.Kind, _ shapes: [Shape], _ format: ScalarFormat = .bf16, names: [String]? = nil,
    headElements: Int = 1, isFirstStep: Bool = false
  ) throws -> OptimizerSketch {
    OptimizerSketch(
      try Optimizer(kind: kind, learningRate: 1e-3),
      shapes.enumerated().map {
        OptimizerSketch.Parameter(names?[$0] ?? "layers.0.mlp.matrix\($0)", $1, format, layer: 0)
      },
      headElements: headElements, isFirstStep: isFirstStep)
  }

  @Test func `8-bit Adam takes 2.03125 bytes a parameter, and its tables`() throws {
    let books = try Self.sketch(.adamw8bit, [[4096, 4096]])
    #expect(books.stateBytes == 4096 * 4096 * 65 / 32 + 2 * 256 * 4)
  }

  @Test func `Lion's single 8-bit state takes half of that and one table`() throws {
    let books = try Self.sketch(.lion8bit, [[4096, 4096]])
    #expect(books.stateBytes == 4096 * 4096 * 65 / 64 + 256 * 4)
  }

  @Test func `AdEMAMix keeps two averages of the gradient`() throws {
    #expect(try Self.sketch(.ademamix, [[64, 64]]).stateBytes == 3 * 4 * 4096)
  }

  @Test(arguments: [
    (99_999, 0), (100_000, 200_000),
  ])
  func `paged states leave torch's allocator from 100,000 elements on`(count: Int, outside: Int) throws {
    #expect(try Self.sketch(.pagedAdamw8bit, [[count]]).outside == Bytes(outside))
    #expect(try Self.sketch(.pagedAdamw, [[count]]).outside == Bytes(4 * outside))
    #expect(try Self.sketch(.adamw8bit, [[count]]).outside == .zero)
  }

  /// torchao 0.18 on a CPU: bytes of the tensors inside `_new_buffer` of [64, 128], [32] and [4100], both states.
  @Test(arguments: [
    (Optimizer.Kind.adamwTorch8bit, ScalarFormat.fp32, 51744), (.adamwTorch8bit, .bf16, 35216),
    (.adamwTorch4bit, .fp32, 41632), (.adamwTorch4bit, .bf16, 25104),
    (.adamwTorchFP8, .fp32, 49696), (.adamwTorchFP8, .bf16, 33168),
  ])
  func `torchao's states are those of its buffers`(kind: Optimizer.Kind, format: ScalarFormat, bytes: Int) throws {
    #expect(try Self.sketch(kind, [[64, 128], [32], [4100]], format).stateBytes == bytes)
  }

  /// adam_mini 1.1.1 on a CPU with dim=32, n_heads=4: states and, from 1024 bytes on, what is borrowed at most.
  @Test(arguments: [(ScalarFormat.fp32, 26148, 25600), (.bf16, 13074, 12800)])
  func `Adam-mini keeps a second moment a head, row or norm`(format: ScalarFormat, states: Int, peak: Int) throws {
    let books = try Self.sketch(
      .adamMini, [[100, 32], [32, 32], [64, 32], [32], [32]], format,
      names: [
        "model.embed_tokens.weight", "layers.0.self_attn.q_proj.weight", "layers.0.mlp.up_proj.weight", "norm.weight",
        "layers.0.self_attn.v_proj.bias",
      ], headElements: 256)
    #expect(books.stateBytes == states)
    #expect(books.peak >= peak && books.peak < peak + 2048)
  }

  @Test func `DeepSpeed's FusedAdam is torch's fused AdamW without counters`() throws {
    let (torch, deepSpeed) = (
      try Self.sketch(.adamw, [[64, 64], [64]]), try Self.sketch(.fusedAdam, [[64, 64], [64]])
    )
    #expect(torch.stateBytes - deepSpeed.stateBytes == 2 * 4)
    #expect(deepSpeed.peak == 0)
  }

  @Test func `LOMO keeps nothing, AdaLOMO rows and columns`() throws {
    #expect(try Self.sketch(.lomo, [[64, 32]]).stateBytes == 0)
    #expect(try Self.sketch(.adalomo, [[64, 32], [32]]).stateBytes == 4 * (64 + 32 + 32))
  }

  @Test(arguments: Optimizer.Kind.allCases)
  func `a first step ends with the states that later ones find`(_ kind: Optimizer.Kind) throws {
    let shapes: [Shape] = [[256, 128], [128, 512], [128]]
    let steady = try Self.sketch(kind, shapes, headElements: 128)
    let first = try Self.sketch(kind, shapes, headElements: 128, isFirstStep: true)
    #expect(steady.states.map(\.name) == first.states.map(\.name))
    #expect(steady.stateBytes == first.stateBytes)
    #expect(first.states.allSatisfy { $0.closed == nil })
  }

  @Test(arguments: Optimizer.Kind.allCases)
  func `what is borrowed is given back`(_ kind: Optimizer.Kind) throws {
    for format in [ScalarFormat.bf16, .fp32] {
      let books = try Self.sketch(kind, [[256, 128], [128, 512], [128]], format, headElements: 128)
      // Gradients are given back at most: those of layer-wise optimizers.
      #expect(books.events.reduce(0, +) <= 512 * 128 * 4)
      #expect(books.events.filter { $0 > 0 }.count <= books.events.filter { $0 < 0 }.count + 2)
    }
  }
}
