import Bookkeeping
import Modeling
import Planning
import Testing

// Shape letters here: T tokens, V vocabulary.

/// Bytes of scores over the vocabulary, per T·V, when the loss is made and when it is taken back.
///
/// Derived from `ForCausalLMLoss`, `log_softmax` and `nll_loss`, and measured as the whole step is in the traced tests.
@Suite struct `Torch walk: logits` {
  struct Case: Sendable {
    let weights: ScalarFormat
    let keepsOutputs: Bool
    let forward: Int
    let backward: Int
  }

  @Test(arguments: [
    // bf16 logits, their fp32 copy, log-probabilities; then log-probabilities, their gradient, the copy's gradient.
    Case(weights: .bf16, keepsOutputs: false, forward: 2 + 4 + 4, backward: 4 + 4 + 4),
    Case(weights: .bf16, keepsOutputs: true, forward: 2 + 4 + 4, backward: 2 + 4 + 4 + 4),
    Case(weights: .fp32, keepsOutputs: false, forward: 4 + 4, backward: 4 + 4 + 4),
    Case(weights: .fp32, keepsOutputs: true, forward: 4 + 4, backward: 4 + 4 + 4 + 4),
  ])
  func `full logits cost so many bytes an element`(_ example: Case) throws {
    let model = TorchFixture {
      $0.V = 32000
      $0.weights = example.weights
      $0.adapters = example.weights
      $0.choices = { $0.keepsOutputs = example.keepsOutputs }
    }
    let books = try model.books()
    let elements = model.sequence * model.V
    #expect(books.high(.logits, at: "forward.loss") == example.forward * elements)
    #expect(books.high(.logits, at: "backward.loss") == example.backward * elements)
  }

  // modeling_qwen.py of Qwen/Qwen-7B: `loss_fct(shift_logits.view(...), ...)` of logits as the head made them; torch's
  // list of operations that autocast runs in fp32 has log_softmax.
  @Test(arguments: [(Precision.pure, 2 + 2, 2 + 2 + 2), (.autocast, 2 + 4 + 4, 4 + 4 + 4)])
  func `Qwen's first generation leaves the cast of its logits to autocast`(
    precision: Precision, forward: Int, backward: Int
  ) throws {
    let spec = try #require(Presets.named("qwen-1.8b")).spec
    var request = RecipeRequest()
    (request.method, request.stack, request.precision) = (.lora, .transformersUnprepared, precision)
    (request.sequence, request.weightFormat, request.adapterFormat) = (256, .bf16, .bf16)
    let books = Books(
      ledger: Ledger(posting: try TorchWalk.journal(spec, request.resolved(for: spec).recipe).journal))
    let elements = 256 * spec.vocabularySize
    #expect(books.high(.logits, at: "forward.loss") == forward * elements)
    #expect(books.high(.logits, at: "backward.loss") == backward * elements)
  }

  @Test func `TRL's head never holds more than a tile and a few vectors`() throws {
    let model = TorchFixture {
      $0.V = 128_256
      $0.stack = .trl
      $0.loss = .fused
      $0.precision = .autocast
    }
    let books = try model.books()
    let rows = model.sequence - 1
    // Seven running statistics, log-normalizer, entropy, and the log-probabilities themselves.
    #expect(books.high(.logits, at: "forward.head") == 2 * rows * 32768 + 10 * 4 * rows)
    // The tile is that wide even for a vocabulary that is not.
    let small = try model.with { $0.V = 1024 }.books()
    #expect(small.high(.logits, at: "forward.head") == books.high(.logits, at: "forward.head"))
  }

  @Test func `eight chunks of logits cost bf16 of all and fp32 of one`() throws {
    let model = TorchFixture {
      $0.V = 32000
      $0.loss = .chunked
    }
    let books = try model.books()
    let (all, chunk) = (model.sequence * model.V, model.sequence / 8 * model.V)
    // Each chunk's log-probabilities are kept for backward; the fp32 copy beside them is one chunk's.
    #expect(books.high(.logits, at: "forward.loss") == 2 * all + 4 * all + 4 * chunk)
  }
}
