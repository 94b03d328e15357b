import Bookkeeping
import Modeling
import Planning
import Testing

/// Facts of the symbolic autograd, seen through the walks that it writes.
@Suite struct `Autograd` {
  @Test(arguments: [false, true])
  func `everything that a step opens is closed, and what was loaded stays`(_ checkpoints: Bool) throws {
    for kind in [TorchFixture.Kind.full, .lora, .nf4Double, .int8] {
      for attention in [AttentionImplementation.sdpa, .eager] {
        for loss in LossImplementation.allCases {
          let walk = try TorchFixture {
            $0.method = kind
            $0.attention = attention
            $0.loss = loss
            $0.checkpoints = checkpoints
            $0.accumulation = 2
            $0.dropout = kind == .full ? 0 : 0.1
            $0.precision = .autocast
            $0.adapters = .fp32
          }.walk()
          #expect(walk.journal.stillOpen.allSatisfy { $0.opened == Moment(0) })
          let loaded = walk.journal.stillOpen.count
          #expect(loaded == Ledger(posting: walk.journal).entries.filter { $0.opened == Moment(0) }.count)
        }
      }
    }
  }

  @Test func `no gradient is made for what does not train`() throws {
    let ledger = try TorchFixture { $0.targets = .modules(["q_proj"]) }.books().ledger
    let gradients = ledger.entries.filter { $0.account == .gradients }
    #expect(gradients.count == 4)
    #expect(gradients.allSatisfy { $0.name.contains("q_proj.lora_") })
  }

  @Test func `layers below the lowest trained parameter keep nothing`() throws {
    // Nothing in layer 0 before the output projection's adapter needs a gradient.
    let ledger = try TorchFixture { $0.targets = .modules(["down_proj"]) }.books().ledger
    let forwardEnd = try #require(ledger.clock["forward.loss"])
    let kept = ledger.entries.filter {
      $0.name.hasPrefix("layers.0.") && $0.opened < forwardEnd && ($0.closed ?? forwardEnd) > forwardEnd
    }
    #expect(Set(kept.map(\.name)) == ["layers.0.product", "layers.0.down.lora_A.output"])
  }

  @Test func `the second micro-batch adds its gradients in place`() throws {
    let ledger = try TorchFixture { $0.accumulation = 2 }.books().ledger
    let zeroGrad = try #require(ledger.clock["zero_grad"])
    let kept = ledger.entries.filter { $0.account == .gradients && $0.closed == zeroGrad }
    let added = ledger.entries.filter { $0.name.hasSuffix(".grad.addend") }
    #expect(kept.count == 2 * 7 * 2)
    #expect(added.count == kept.count)
    #expect(added.allSatisfy { $0.closed == $0.opened })
  }

  @Test func `gradients that are set to zero and not given back are there before the step and after it`() throws {
    let model = TorchFixture { $0.method = .full }
    let plain = try model.books()
    let kept = try model.with { $0.choices = { $0.keepsGradients = true } }.books()
    let gradients = plain.ledger.entries.filter { $0.account == .gradients && $0.name.hasSuffix(".grad") }
    #expect(kept.loaded - plain.loaded == gradients.reduce(0) { $0 + $1.bytes.count })
    #expect(!kept.ledger.entries.contains { $0.name.hasSuffix(".grad") && $0.closed != nil })
  }

  @Test func `checkpoints are freed from the last layer to the first`() throws {
    let ledger = try TorchFixture {
      $0.L = 4
      $0.checkpoints = true
    }.books().ledger
    let checkpoints = ledger.entries.filter { $0.account == .checkpoints }
    #expect(checkpoints.map(\.name) == (0..<4).map { TensorName.layer($0, .checkpoint) })
    let closed = checkpoints.compactMap(\.closed)
    #expect(closed.count == 4)
    #expect(closed == closed.sorted(by: >))
  }

  @Test func `a recomputation stops at the last tensor that was saved`() throws {
    let ledger = try TorchFixture { $0.checkpoints = true }.books().ledger
    // The down projection's adapter is the last to save its input; what comes after it is not computed again.
    let names = Set(
      ledger.entries.filter { ledger.clock.label(of: $0.opened).hasPrefix("recompute.layer.1.down") }.map(\.name))
    #expect(names.contains("layers.1.down.lora_A.output"))
    #expect(!names.contains("layers.1.down.lora_B.output"))
  }
}
