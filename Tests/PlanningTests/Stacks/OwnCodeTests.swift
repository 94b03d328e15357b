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

  @Test(arguments: [
    ("gemma-2-2b", Stack.torchtune), ("gpt2", .litgpt), ("pythia-160m", .torchtune), ("mixtral-8x7b", .litgpt),
  ])
  func `models that are not derived are refused`(_ model: String, _ stack: Stack) throws {
    let (spec, resolved) = try Self.recipe(model, stack, .lora) { $0.targets = .attention }
    #expect(throws: PlanError.self) { try TorchWalk.journal(spec, resolved.recipe) }
  }
}
