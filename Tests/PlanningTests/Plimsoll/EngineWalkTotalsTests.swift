import Bookkeeping
import Modeling
import Planning
import Testing

// Shapes of the tiny model: T = S = 4 tokens, H = q = 8, k = 4, I = 12, V = 10, A = 2 heads, D = 4; fp32 throughout.
// Parameters of a layer: norms 2·8, q and o 64 each, k and v 32 each, gate, up and down 96 each: 496. With the table
// (80), the head (80) and the last norm (8): 1160 in all.

@Suite struct EngineWalkTotalsTests {
  @Test func `what full fine-tuning loads adds up to weights, two moments, tables and tokens`() throws {
    let plan = try Models.plan(Models.tiny(), .full)
    // 4·1160 of weights, 8·1160 of moments, 2 tables of 4·2 floats, 4 tokens and 4 labels of 4 bytes.
    #expect(try plan.ledger.end(of: "load") == Bytes(12 * 1160 + 64 + 32))
  }

  @Test func `full fine-tuning keeps 352 floats a layer and the stream`() throws {
    let plan = try Models.plan(Models.tiny(), .full) { $0.loss = .full }
    let load = try plan.ledger.end(of: "load")
    // Of a layer: normed 32 + 4, q 32, k 16, v 16, context 32, logsumexp 8, middle 32, normed 32 + 4, gate, up and
    // product 48 each. The stream before it is 32 more.
    #expect(try plan.ledger.end(of: "forward.layer.0.down") - load == Bytes(4 * (32 + 352 + 32)))
    #expect(try plan.ledger.end(of: "forward.layer.1.down") - load == Bytes(4 * (32 + 2 * (352 + 32))))
    // Besides: the last norm's output and reciprocals, 36, and the logits, 40.
    #expect(try plan.ledger.end(of: "forward.loss") - load == Bytes(4 * (32 + 2 * (352 + 32) + 36 + 40)))
  }

  @Test func `full fine-tuning peaks in the attention of the first layer`() throws {
    let plan = try Models.plan(Models.tiny(), .full)
    let load = try plan.ledger.end(of: "load")
    // Followed by hand through backward: 888 floats are live when the layers' backward begins (both layers' 704, two
    // streams of 32, the stream's gradient 32 and 88 of gradients); the second layer leaves 1000. In the first: down adds
    // its gradient 96, gate and up 192 less their 96, product 48 and the normed stream 32 go, the norm adds 8 and frees
    // 36, middle goes within them: 1084 before `output`. There the context's gradient 32 and o's 64 come, then those of
    // q 32, k 16 and v 16, and attention borrows 2·4·4 + 128 + 2·4·4 = 192.
    #expect(plan.peakMoment == "backward.layer.0.attention")
    #expect(plan.peak.bytes - load == Bytes(4 * (1084 + 32 + 64 + 64 + 192)))
    #expect(plan.accounts[.workspace] == Bytes(4 * 192))
    // Everything but the embedding's table, the first layer's q, k, v and its first norm has its gradient by now.
    #expect(plan.accounts[.gradients] == Bytes(4 * (1160 - 80 - 128 - 8)))
  }

  @Test func `before the optimizer there are gradients of every parameter and nothing else of the step`() throws {
    let plan = try Models.plan(Models.tiny(), .full)
    let load = try plan.ledger.end(of: "load")
    #expect(try plan.ledger.end(of: "backward.embedding") - load == Bytes(4 * 1160))
    #expect(try plan.ledger.end(of: "optimizer") - load == Bytes(4 * 1160))
  }

  @Test func `LoRA keeps the normed streams only for the modules it is on`() throws {
    let plan = try Models.plan(Models.tiny(layers: 1), .lora) {
      $0.rank = 2
      $0.targets = .modules(["v_proj"])
    }
    let load = try plan.ledger.end(of: "load")
    // Nothing below v trains: the norm before it keeps no reciprocals and the stream goes. Kept: normed 32, A·x 4·2,
    // q 32, k 16, v 16, context 32, logsumexp 8, middle 32, reciprocals 4, gate and up 96; not the second normed stream
    // and not the product.
    let kept = 32 + 8 + 32 + 16 + 16 + 32 + 8 + 32 + 4 + 96
    #expect(try plan.ledger.end(of: "forward.layer.0.down") - load == Bytes(4 * (kept + 32)))
  }

  @Test func `QLoRA loads half a byte a weight and its constants`() throws {
    let plan = try Models.plan(Models.tiny(layers: 1), .qlora) {
      $0.rank = 1
      $0.optimizer = .sgd
    }
    // Linear weights: 480 elements in 4-bit codes, 240 bytes. Blocks of 64 by tensor: 1 + 1 + 1 + 1 + 2 + 2 + 2 = 10 of
    // one byte; for each of the seven tensors one absmax of absmaxes and one offset, 4 bytes each.
    let accounts = plan.ledger.entries.filter { $0.opened.ordinal == 0 && $0.closed == nil }
    func total(_ account: Account) -> Bytes {
      accounts.filter { $0.account == account }.reduce(.zero) { $0 + $1.bytes }
    }
    #expect(total(.weights) == Bytes(240 + 4 * (80 + 16 + 8 + 80)))
    #expect(total(.quantizationConstants) == Bytes(10 + 7 * 8))
    #expect(total(.optimizerState) == .zero)
    // Rank 1: in + out of the seven layers.
    #expect(total(.adapters) == Bytes(4 * (16 + 12 + 12 + 16 + 20 + 20 + 20)))
  }

  @Test func `a quantized weight is loaded source first, its source goes last, and a step borrows nothing for it`()
    throws
  {
    let spec = try Models.tiny(layers: 1)
    let journal = try EngineWalk.journal(spec, Models.recipe(spec, .qlora).recipe, threads: 1)
    let name = "model.layers.0.self_attn.q_proj.weight"
    let ledger = Ledger(posting: journal)
    let opened = ledger.entries.filter { $0.name.hasPrefix(name + ".") }.map(\.name)
    #expect(
      opened == ["source", "codes", "absmax.source", "absmax", "nested_absmax", "offset"].map { name + "." + $0 })
  }

  @Test func `dropout keeps a byte of mask an element and no dropped input`() throws {
    let spec = try Models.tiny(layers: 1)
    func activations(dropout: Double) throws -> Bytes {
      let plan = try Models.plan(spec, .lora) {
        $0.rank = 2
        $0.loraDropout = dropout
      }
      return try plan.ledger.end(of: "forward.layer.0.down")
    }
    // Inputs of q, k, v, o, gate, up: 8 each; of down: 12; for 4 tokens.
    #expect(try activations(dropout: 0.1) - activations(dropout: 0) == Bytes(4 * (6 * 8 + 12)))
  }

  @Test(arguments: [1, 2, 5]) func `every thread borrows attention's workspace`(threads: Int) throws {
    let spec = try Models.tiny(layers: 1)
    let journal = try EngineWalk.journal(spec, Models.recipe(spec, .full, sequence: 100).recipe, threads: threads)
    let entries = Ledger(posting: journal).entries.filter { $0.account == .workspace }
    // A block of 100 rows of 100 scores, with room for 128 maxima and 128 sums of 8 bytes; backward two such blocks, 128
    // products of rows and two gradients of 100·4. Both are whole cache lines: 649 and 1308 of 16 floats.
    #expect(entries.map(\.bytes) == [Bytes(4 * threads * (10_000 + 384)), Bytes(4 * threads * (20_000 + 128 + 800))])
  }

  @Test func `in bf16 activations take half, and statistics, scores, gradients and moments what they took`() throws {
    let plan = try Models.plan(Models.tiny(), .full) {
      $0.weightFormat = .bf16
      $0.loss = .full
    }
    // 2·1160 of weights, 8·1160 of moments, tables and tokens as ever.
    let load = try plan.ledger.end(of: "load")
    #expect(load == Bytes(10 * 1160 + 64 + 32))
    // Of a layer's 352 numbers, 16 are statistics: two reciprocals a token, 2·4, and a logsumexp a head and token, 8.
    #expect(try plan.ledger.end(of: "forward.layer.0.down") - load == Bytes(2 * (32 + 336 + 32) + 4 * 16))
    // The normed stream, 32, in bf16; four reciprocals and the scores, 40, in fp32.
    #expect(
      try plan.ledger.end(of: "forward.loss") - load == Bytes(2 * (32 + 2 * (336 + 32) + 32) + 4 * (2 * 16 + 4 + 40)))
    #expect(try plan.ledger.end(of: "optimizer") - load == Bytes(4 * 1160))
  }

  @Test func `a weight in bf16 is widened by pieces while it is updated, one in fp32 is not`() throws {
    func widened(_ change: (inout RecipeRequest) -> Void) throws -> [Bytes] {
      try Models.plan(Models.tiny(layers: 1), .lora) {
        $0.rank = 2
        $0.targets = .modules(["v_proj"])
        change(&$0)
      }.ledger.entries.filter { $0.name.hasSuffix(".widened") }.map(\.bytes)
    }
    #expect(try widened { $0.weightFormat = .bf16 }.isEmpty)
    // A [2, 8] and B [4, 2], smaller than a piece.
    #expect(
      try widened {
        $0.weightFormat = .bf16
        $0.adapterFormat = .bf16
      } == [Bytes(4 * 16), Bytes(4 * 8)])
  }

  @Test func `a chunked loss has the scores of 512 tokens and no more`() throws {
    let spec = try Models.tiny(layers: 1)
    func scores(_ sequence: Int) throws -> [Bytes] {
      let recipe = try Models.recipe(spec, .full, sequence: sequence) { $0.loss = .chunked }
      let journal = try EngineWalk.journal(spec, recipe.recipe, threads: 1)
      return Ledger(posting: journal).entries.filter { $0.account == .logits }.map(\.bytes)
    }
    #expect(try scores(4) == [Bytes(4 * 4 * 10)])
    #expect(try scores(1000) == [Bytes(4 * 512 * 10)])
  }
}
