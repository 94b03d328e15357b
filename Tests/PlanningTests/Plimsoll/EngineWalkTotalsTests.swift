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
    let plan = try Models.plan(Models.tiny(), .full)
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
    // q 32, k 16 and v 16, and attention borrows 2·4·4 + 2·4·4 = 64.
    #expect(plan.peakMoment == "backward.layer.0.attention")
    #expect(plan.peak.bytes - load == Bytes(4 * (1084 + 32 + 64 + 64 + 64)))
    #expect(plan.accounts[.workspace] == Bytes(4 * 64))
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
    // Blocks of 64 rows of 100 scores and 64 sums; backward two such blocks and two gradients of 100·4.
    #expect(entries.map(\.bytes) == [Bytes(4 * threads * 6464), Bytes(4 * threads * (12_800 + 800))])
  }
}
