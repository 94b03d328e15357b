import Bookkeeping
import Modeling
import Planning
import Testing

// Shape letters here: H hidden, q query width, k key/value width, I intermediate, A heads, r rank, L layers.

/// What forward leaves behind for backward, per token and layer: the difference of two models of two layers and one.
///
/// The formulas were derived from the libraries' sources and measured on CPU by tracking live storages (torch 2.13,
/// transformers 5.23, peft 0.21.2, bitsandbytes 0.50.2); they are exact, and so is the comparison.
@Suite struct `Torch walk: what is saved` {
  struct Case: CustomTestStringConvertible, Sendable {
    let title: String
    let change: @Sendable (inout TorchFixture) -> Void
    /// Bytes a token and layer.
    let activations: @Sendable (_ s: Sizes) -> Int
    /// Bytes a layer, whatever the tokens: autocast's copies of weights.
    var weights: @Sendable (_ s: Sizes) -> Int = { _ in 0 }

    var testDescription: String { title }
  }

  struct Sizes: Sendable {
    let H: Int, q: Int, k: Int, I: Int, A: Int, r: Int, tokens: Int
    var linear: Int { H * q + 2 * H * k + q * H + 3 * H * I }
    var adapters: Int { r * ((H + q) + 2 * (H + k) + (q + H) + 3 * (H + I)) }
  }

  static let shapes: [@Sendable (inout TorchFixture) -> Void] = [
    { _ in },
    {
      $0.I = 1400
      $0.KV = 2
      $0.D = 80
      $0.rank = 24
    },
  ]

  static let cases: [Case] = [
    Case(title: "full, bf16", change: { $0.method = .full }) {
      16 * $0.H + 4 * $0.q + 4 * $0.k + 8 * $0.I + 4 * $0.A + 8
    },
    Case(
      title: "full, fp32",
      change: {
        $0.method = .full
        $0.weights = .fp32
      }
    ) { 24 * $0.H + 8 * $0.q + 8 * $0.k + 16 * $0.I + 4 * $0.A + 8 },
    Case(
      title: "full, fp32 with autocast",
      change: {
        $0.method = .full
        $0.weights = .fp32
        $0.precision = .autocast
      },
      activations: { 26 * $0.H + 4 * $0.q + 4 * $0.k + 8 * $0.I + 4 * $0.A + 8 }, weights: { 2 * $0.linear }),
    Case(title: "LoRA, bf16", change: { _ in }) {
      12 * $0.H + 4 * $0.q + 4 * $0.k + 8 * $0.I + 14 * $0.r + 4 * $0.A + 8
    },
    Case(title: "LoRA on q and v", change: { $0.targets = .modules(["q_proj", "v_proj"]) }) {
      10 * $0.H + 4 * $0.q + 4 * $0.k + 6 * $0.I + 4 * $0.r + 4 * $0.A + 8
    },
    Case(
      title: "LoRA, fp32 adapters with autocast",
      change: {
        $0.adapters = .fp32
        $0.precision = .autocast
      },
      activations: { 18 * $0.H + 6 * $0.q + 4 * $0.k + 8 * $0.I + 14 * $0.r + 4 * $0.A + 8 },
      weights: { 2 * $0.adapters }),
    Case(title: "LoRA, fp32 adapters", change: { $0.adapters = .fp32 }) {
      28 * $0.H + 8 * $0.q + 4 * $0.k + 10 * $0.I + 28 * $0.r + 4 * $0.A + 8
    },
    Case(
      title: "QLoRA as TRL runs it",
      change: {
        $0.method = .nf4Double
        $0.stack = .trl
        $0.precision = .autocast
      }
    ) { 12 * $0.H + 4 * $0.q + 4 * $0.k + 8 * $0.I + 14 * $0.r + 4 * $0.A + 8 },
    Case(
      title: "QLoRA, fp32 adapters with autocast",
      change: {
        $0.method = .nf4Double
        $0.adapters = .fp32
        $0.precision = .autocast
        $0.choices = { $0.preparesForKbitTraining = false }
      },
      activations: { 12 * $0.H + 4 * $0.q + 4 * $0.k + 8 * $0.I + 14 * $0.r + 4 * $0.A + 8 },
      weights: { 2 * $0.adapters }),
    Case(
      title: "QLoRA, prepared, with autocast",
      change: {
        $0.method = .nf4Double
        $0.adapters = .fp32
        $0.precision = .autocast
      },
      activations: { 18 * $0.H + 4 * $0.q + 4 * $0.k + 14 * $0.I + 14 * $0.r + 4 * $0.A + 8 },
      weights: { 2 * $0.adapters }),
    Case(
      title: "QLoRA, prepared",
      change: {
        $0.method = .nf4Double
        $0.adapters = .fp32
      }
    ) { 16 * $0.H + 8 * $0.q + 8 * $0.k + 16 * $0.I + 28 * $0.r + 4 * $0.A + 8 },
    // fp32 softmax and bf16 probabilities instead of logsumexp; keys and values repeated for every query head.
    Case(
      title: "full, bf16, eager attention",
      change: {
        $0.method = .full
        $0.attention = .eager
      }
    ) { 16 * $0.H + 8 * $0.q + 8 * $0.I + 6 * $0.A * $0.tokens + 8 },
    // Weights that don't train are copied at every product, and what the product keeps is the copy.
    Case(
      title: "LoRA on an fp32 base with autocast",
      change: {
        $0.weights = .fp32
        $0.adapters = .fp32
        $0.precision = .autocast
      },
      activations: { 18 * $0.H + 6 * $0.q + 4 * $0.k + 8 * $0.I + 14 * $0.r + 4 * $0.A + 8 },
      weights: { 2 * $0.linear + 2 * $0.adapters }),
  ]

  @Test(arguments: cases, [0, 1])
  func `a layer leaves what its operations need`(_ example: Case, _ shape: Int) throws {
    let two = TorchFixture {
      `Torch walk: what is saved`.shapes[shape](&$0)
      example.change(&$0)
    }
    // A layer with trained parameters below it on both sides: the third minus the second.
    let difference = try two.with { $0.L = 3 }.books().afterForward - two.books().afterForward
    let sizes = Sizes(
      H: two.H, q: two.A * two.D, k: two.KV * two.D, I: two.I, A: two.A, r: two.rank, tokens: two.sequence)
    #expect(difference == two.sequence * example.activations(sizes) + example.weights(sizes))
  }

  @Test(arguments: [ScalarFormat.bf16, .fp32])
  func `checkpointing leaves one hidden state a layer`(_ format: ScalarFormat) throws {
    let model = TorchFixture {
      $0.method = .full
      $0.weights = format
      $0.checkpoints = true
    }
    let difference = try model.with { $0.L = 3 }.books().afterForward - model.books().afterForward
    #expect(difference == format.storage(of: model.sequence * model.H).count)
  }

  @Test func `LLM.int8 keeps every input through checkpointing`() throws {
    let model = TorchFixture {
      $0.method = .int8
      $0.choices = { $0.preparesForKbitTraining = false }
      $0.checkpoints = true
    }
    // bitsandbytes holds the inputs by attributes of the node: the normed hidden state twice, the context, the product,
    // in bf16, beside the checkpoint.
    let difference = try model.with { $0.L = 3 }.books().afterForward - model.books().afterForward
    let inputs = 2 * (2 * model.H + model.A * model.D + model.I)
    #expect(difference == model.sequence * (2 * model.H + inputs))
  }

  @Test func `a dropout on adapters costs a mask and a copy of every input`() throws {
    func perLayer(_ dropout: Double) throws -> Int {
      let model = TorchFixture { $0.dropout = dropout }
      return try model.with { $0.L = 3 }.books().afterForward - model.books().afterForward
    }
    let model = TorchFixture()
    let query = model.A * model.D
    // q, k, v and gate, up share no input any more: five copies for two. The output projection's copy stands beside what
    // attention keeps, the down projection's replaces the product. A byte an element masks each of the seven.
    let copies = 2 * (5 * model.H - 2 * model.H + query)
    let masks = 5 * model.H + query + model.I
    #expect(try perLayer(0.1) - perLayer(0) == model.sequence * (copies + masks))
  }
}
