import Bookkeeping
import Modeling
import Planning
import Testing

@Suite struct `Own model code` {
  static let stacks: [Stack] = [.torchtune, .torchtune2024, .litgpt, .litgpt2023]

  private static func recipe(
    _ model: String, _ stack: Stack, _ method: Method.Name, _ change: (inout RecipeRequest) -> Void = { _ in }
  ) throws -> (ModelSpec, ResolvedRecipe) {
    let spec = try #require(Presets.named(model)).spec
    var request = RecipeRequest()
    request.stack = stack
    request.method = method
    request.sequence = 256
    change(&request)
    return (spec, try request.resolved(for: spec))
  }

  @Test(arguments: stacks, [Method.Name.full, .lora, .qlora])
  func `deep models are booked as if every layer had been walked`(_ stack: Stack, _ method: Method.Name) throws {
    for checkpoints in [true, false] {
      let (spec, resolved) = try Self.recipe("tinyllama-1.1b", stack, method) {
        $0.usesGradientCheckpointing = checkpoints
      }
      let quick = try TorchWalk.journal(spec, resolved.recipe)
      let whole = try TorchWalk.wholeJournal(spec, resolved.recipe)
      #expect(quick.journal.events == whole.journal.events)
      #expect(Ledger(posting: quick.journal).peak.bytes == Ledger(posting: whole.journal).peak.bytes)
      #expect(quick.journal.stillOpen.allSatisfy { $0.opened == Moment(0) })
    }
  }

  @Test func `gradients that an optimizer takes in backward are gone before the step`() throws {
    let (spec, resolved) = try Self.recipe("tinyllama-1.1b", .torchtune, .full)
    #expect(resolved.recipe.choices.stepsInBackward)
    #expect(resolved.assumptions.contains("optimizer: steps in backward, torchtune's default"))
    #expect(resolved.assumptions.contains("batch: 2 sequences a micro-batch, torchtune's default"))
    let ledger = Ledger(posting: try TorchWalk.journal(spec, resolved.recipe).journal)
    let moment = try #require(ledger.clock["optimizer"])
    #expect(ledger.timeline[moment.ordinal].highByAccount[.gradients, default: .zero] == .zero)
  }

  @Test func `gradients that add up are not taken in backward`() throws {
    let (_, resolved) = try Self.recipe("tinyllama-1.1b", .torchtune, .full) { $0.accumulation = 2 }
    #expect(!resolved.recipe.choices.stepsInBackward)
    let (spec, wanted) = try Self.recipe("tinyllama-1.1b", .torchtune, .full) {
      $0.accumulation = 2
      $0.choices = Stack.torchtune.choices.with { $0.stepsInBackward = true }
    }
    #expect(throws: PlanError.self) { try TorchWalk.journal(spec, wanted.recipe) }
  }

  /// 4.5 bits and a 64 · 256th of bf16 an element, and 17 constants of bf16 a weight: `NF4Tensor` of 1408 × 512 elements
  /// has tensors of 360448, 11264, 88, 2 and 32 bytes.
  @Test func `torchao keeps a weight in five tensors`() throws {
    let fixture = TorchFixture {
      $0.stack = .torchtune
      $0.method = .nf4Double
      $0.loss = .chunked
    }
    let ledger = try fixture.books().ledger
    let parts = ledger.entries.filter { $0.opened == Moment(0) && $0.name.contains("layers.0.mlp.gate_proj.weight") }
    #expect(parts.map(\.bytes.count) == [360_448, 11_264, 88, 2, 32])
  }

  @Test func `LitGPT's adapters stack one factor for each of queries and values`() throws {
    let books = try TorchFixture {
      $0.stack = .litgpt
      $0.targets = .modules(["q_proj", "v_proj"])
    }.books()
    let adapters = books.ledger.entries.filter { $0.account == .adapters && $0.name.contains("layers.0.") }
    #expect(adapters.map(\.shape) == [[2 * 16, 512], [512 + 256, 16]])
  }

  @Test(arguments: [Stack.litgpt, .litgpt2023])
  func `LitGPT quantizes the head too`(_ stack: Stack) throws {
    let (spec, resolved) = try Self.recipe("pythia-160m", stack, .qlora)
    let ledger = Ledger(posting: try TorchWalk.journal(spec, resolved.recipe).journal)
    let head = try #require(ledger.entries.first { $0.name == spec.headName })
    #expect(head.format == .nf4)
  }

  /// What is copied between zeros is kept for its shape (torch derivatives.yaml, `index_copy`), and so are its places.
  ///
  /// A step of litgpt 0.5.13 of this size, run under `Fabric(precision="bf16-true")` on a CPU, held 14,992,404 bytes after
  /// forward with adapters on queries and values, 14,693,396 with adapters on the output and on all three.
  @Test func `an adapter on two of queries, keys and values keeps what it pads with zeros`() throws {
    func peak(_ targets: [String]) throws -> Int {
      try TorchFixture {
        $0.stack = .litgpt
        $0.loss = .chunked
        $0.targets = .modules(targets)
      }.books().afterForward
    }
    let padded = try peak(["q_proj", "v_proj"])
    let whole = try peak(["q_proj", "k_proj", "v_proj", "o_proj"])
    #expect(abs(padded - 14_992_404) <= 16)
    #expect(abs(whole - 14_693_396) <= 16)
  }

  /// bitsandbytes 0.42, autograd/_functions.py, `MatMul4Bit.forward`: `ctx.tensors = (A, B)`.
  ///
  /// Of the inputs of a layer, that of queries, keys and values is an adapter's too; the last one is the head's.
  @Test func `bitsandbytes before 0.43.2 keeps the input of every 4-bit product`() throws {
    func books(_ product: StackChoices.FourBitProduct, _ checkpoints: Bool = false) throws -> Books {
      try TorchFixture {
        $0.stack = .litgpt
        $0.method = .nf4
        $0.loss = .chunked
        $0.targets = .modules(["q_proj", "v_proj"])
        $0.checkpoints = checkpoints
        $0.choices = {
          $0.fourBitProduct = product
          $0.keepsPreviousOutputs = false
        }
      }.books()
    }
    let tokens = 320
    let kept = 2 * tokens * (512 + 512 + 1408)
    let head = tokens * 512 * 2
    #expect(try books(.keepingInput).afterForward - books(.current).afterForward == 2 * kept + head)
    // Checkpointing does not see them, nor the input that an adapter shares.
    let shared = 2 * tokens * 512
    #expect(
      try books(.keepingInput, true).afterForward - books(.current, true).afterForward == 2 * (kept + shared) + head)
  }

  @Test func `logits that a loop still names hold the graph before, and with it what its products kept`() throws {
    func start(_ keepsOutputs: Bool) throws -> Int {
      let books = try TorchFixture {
        $0.stack = .litgpt2023
        $0.method = .nf4
        $0.loss = .chunked
        $0.targets = .modules(["q_proj", "v_proj"])
        $0.choices = { $0.keepsPreviousOutputs = keepsOutputs }
      }.books()
      let moment = try #require(books.ledger.clock["forward.embedding"])
      return books.ledger.timeline[moment.ordinal].end.count
    }
    let tokens = 320
    let inputs = 2 * 2 * tokens * (512 + 512 + 512 + 1408) + 2 * tokens * 512
    #expect(try start(true) - start(false) == inputs + 4 * tokens * 1024)
  }

  /// Lightning casts to fp16 before it quantizes (fabric/plugins/precision/bitsandbytes.py, `_quantize_weight`).
  @Test(arguments: [Stack.litgpt, .litgpt2023])
  func `a weight that was quantized from fp16 comes back in fp16 and is cast`(_ stack: Stack) throws {
    let ledger = try TorchFixture {
      $0.stack = stack
      $0.method = .nf4
      $0.loss = .chunked
      $0.targets = .modules(["q_proj", "v_proj"])
    }.books().ledger
    let whole = ledger.entries.filter { $0.name.hasSuffix("gate_proj.weight.dequantized") }
    let casts = ledger.entries.filter { $0.name.hasSuffix("gate_proj.weight.dequantized.cast") }
    #expect(whole.contains { $0.format == .fp16 })
    #expect(!casts.isEmpty)
    #expect(casts.allSatisfy { $0.format == .bf16 })
  }

  /// `to_nf4(weight.get_original_weight())` of torchao 0.1, run on a CPU, held 68.08 bytes an element at most.
  @Test func `torchtune of 2024 quantizes a weight all at once`() throws {
    func peak(_ stack: Stack) throws -> Double {
      let (spec, resolved) = try Self.recipe("tinyllama-1.1b", stack, .qlora)
      let result = try TorchWalk.journal(spec, resolved.recipe)
      let resident = result.load.entries.filter { $0.closed == nil }.reduce(0) { $0 + $1.bytes.count }
      let largest = spec.linearModules(0).map { $0.input * $0.output }.max() ?? 1
      return (Double(result.load.peak.bytes.count) - Double(resident)) / Double(largest)
    }
    // What is still to be loaded behind the largest weight is not there at the peak.
    #expect((55...68.1).contains(try peak(.torchtune2024)))
    #expect(try peak(.torchtune) < 10)
  }

  @Test(arguments: [
    ("gemma-2-2b", Stack.torchtune), ("gpt2", .litgpt), ("pythia-160m", .torchtune), ("mixtral-8x7b", .litgpt),
  ])
  func `models that are not derived are refused`(_ model: String, _ stack: Stack) throws {
    let (spec, resolved) = try Self.recipe(model, stack, .lora) { $0.targets = .attention }
    #expect(throws: PlanError.self) { try TorchWalk.journal(spec, resolved.recipe) }
  }
}
