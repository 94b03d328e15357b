import Bookkeeping
import Modeling
import Planning
import Testing

// Shape letters here: H hidden, q query width, k key/value width, I intermediate, A heads, r rank, T tokens.

/// What fused kernels leave for backward, derived from their sources, and what follows from it.
@Suite struct `Fused kernels` {
  static func perLayer(_ change: (inout TorchFixture) -> Void) throws -> Int {
    let model = TorchFixture(change)
    return try model.with { $0.L = 3 }.books().afterForward - model.books().afterForward
  }

  @Test func `Liger's norms and gate save 4H + 2I of bf16 LoRA's layer`() throws {
    // Plain: an fp32 copy of each norm's input (4H) and silu(gate) (2I) beside gate, up and product. Liger's norms keep
    // the residual stream itself, in bf16 (2H each), and no silu.
    let plain = try `Fused kernels`.perLayer { _ in }
    let liger = try `Fused kernels`.perLayer {
      $0.choices = { ($0.norm, $0.rotary, $0.gate) = (.liger, .liger, .liger) }
    }
    let model = TorchFixture()
    #expect(plain - liger == model.sequence * (4 * model.H + 2 * model.I))
  }

  @Test func `Unsloth's layer keeps eight tensors`() throws {
    // Both norms' inputs and results (2H each, the residual stream in two of them), q, k, v, context and its logsumexp,
    // gate and up, a number a row and norm. No output of an adapter's first half is kept.
    let layer = try `Fused kernels`.perLayer {
      $0.stack = .unsloth
      $0.loss = .full
    }
    let model = TorchFixture()
    let (query, key) = (model.A * model.D, model.KV * model.D)
    #expect(layer == model.sequence * (8 * model.H + 4 * query + 4 * key + 4 * model.I + 4 * model.A + 8))
  }

  @Test(arguments: [1024, 4096])
  func `offloaded checkpoints leave two buffers and the last layer's input`(_ sequence: Int) throws {
    // 1024 tokens of 1024 bf16 numbers are 2 MiB, which stay; more go.
    func books(_ storage: StackChoices.CheckpointStorage, layers: Int) throws -> Books {
      try TorchFixture {
        $0.L = layers
        $0.H = 1024
        $0.stack = .unsloth
        $0.checkpoints = true
        $0.sequence = sequence
        $0.choices = { $0.checkpoints = storage }
      }.books()
    }
    let states = 2 * sequence * 1024
    let difference = try books(.host, layers: 6).afterForward - books(.host, layers: 3).afterForward
    #expect(difference == (sequence == 1024 ? 3 * states : 0))
    let kept = try books(.device, layers: 6).afterForward - books(.device, layers: 3).afterForward
    #expect(kept == 3 * states)
  }

  @Test(arguments: [false, true], [TorchFixture.Kind.lora, .full, .nf4Double])
  func `Liger never holds more than Python does`(_ checkpoints: Bool, _ kind: TorchFixture.Kind) throws {
    func peak(_ stack: Stack, _ loss: LossImplementation) throws -> Int {
      try TorchFixture {
        $0.method = kind
        $0.stack = stack
        $0.loss = loss
        $0.checkpoints = checkpoints
        $0.V = 32000
      }.books().peak
    }
    #expect(try peak(.liger, .full) <= peak(.transformers, .full))
    #expect(try peak(.liger, .fused) <= peak(.transformers, .full))
  }

  @Test func `cross-entropy in place adds no tensor of the logits' size`() throws {
    func high(_ crossEntropy: StackChoices.CrossEntropyImplementation, at moment: String) throws -> Int {
      let model = TorchFixture {
        $0.V = 32000
        $0.choices = { $0.crossEntropy = crossEntropy }
      }
      return try model.books().high(.logits, at: moment) / (model.sequence * model.V)
    }
    // bf16 logits and their fp32 copy; in backward the copy alone, then its bf16 gradient.
    #expect(try high(.inPlace, at: "forward.loss") == 6)
    #expect(try high(.inPlace, at: "backward.loss") == 6)
    #expect(try high(.unsloth, at: "backward.loss") == 8)
    #expect(try high(.composed, at: "backward.loss") == 12)
  }

  @Test func `a fused head holds chunks of logits only`() throws {
    let model = TorchFixture {
      $0.V = 128_256
      $0.stack = .liger
      $0.loss = .fused
    }
    let books = try model.books()
    // ⌈320 / ⌈128256 / 512⌉⌉ = 2 rows; the hidden states' gradient; losses and mask.
    let expected = 2 * 2 * model.V + 2 * model.sequence * model.H + 5 * model.sequence
    #expect(books.high(.logits, at: "forward.head") == expected)
  }

  @Test(arguments: Stack.allCases.filter(\.isTorch), [Method.Name.full, .lora, .qlora, .dora])
  func `every stack plans every method or says why not`(_ stack: Stack, _ method: Method.Name) throws {
    for name in ["llama-3.1-8b", "qwen2.5-0.5b", "gemma-2-2b", "phi-3-mini", "gpt2"] {
      guard let preset = Presets.all.first(where: { $0.name.hasPrefix(name) }) else {
        Issue.record("no preset \(name)")
        continue
      }
      var request = RecipeRequest()
      request.stack = stack
      request.method = method
      request.sequence = 512
      let resolved = try request.resolved(for: preset.spec)
      do {
        let walk = try TorchWalk.journal(preset.spec, resolved.recipe)
        #expect(walk.journal.stillOpen.allSatisfy { $0.opened == Moment(0) }, "\(name)")
        let whole = try TorchWalk.wholeJournal(preset.spec, resolved.recipe)
        #expect(Ledger(posting: walk.journal).peak.bytes == Ledger(posting: whole.journal).peak.bytes, "\(name)")
      } catch {
        #expect(!error.description.isEmpty)
        #expect([.unsloth, .liger].contains(stack) || stack.choices.modelCode != .transformers, "\(name): \(error)")
      }
    }
  }
}
