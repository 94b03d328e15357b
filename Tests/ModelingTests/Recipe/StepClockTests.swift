import Bookkeeping
import Modeling
import Testing

@Suite struct `The clock of a step` {
  /// One shape of step.
  struct Steps: Sendable, CustomTestStringConvertible {
    let layers: Int
    let accumulation: Int
    let checkpointing: Bool

    var clock: StepClock {
      StepClock(layers: layers, accumulation: accumulation, usesGradientCheckpointing: checkpointing)
    }

    var testDescription: String { "\(layers) layers, \(accumulation) micro-batches, checkpointing \(checkpointing)" }
  }

  static let all = [1, 2, 5].flatMap { layers in
    [1, 3].flatMap { accumulation in
      [false, true].map { Steps(layers: layers, accumulation: accumulation, checkpointing: $0) }
    }
  }

  @Test(arguments: all)
  func `labels are unique and as many as the operations`(steps: Steps) {
    let labels = steps.clock.clock.labels
    #expect(Set(labels).count == labels.count)
    let operations = LayerOperation.allCases.count * steps.layers
    // Per micro-batch: embedding, final norm, head and loss both ways, and every operation of every layer.
    let perMicroBatch = 8 + operations * (steps.checkpointing ? 3 : 2)
    #expect(labels.count == 1 + steps.accumulation * perMicroBatch + 2)
    #expect(labels.first == "load" && labels.suffix(2) == ["optimizer", "zero_grad"])
  }

  @Test(arguments: all)
  func `forward, loss, backward and update follow each other`(steps: Steps) {
    let clock = steps.clock
    for microBatch in 0..<steps.accumulation {
      func at(_ phase: StepClock.Phase, _ place: StepClock.Place) -> Moment {
        clock[phase, place, microBatch: microBatch]
      }
      var order = [clock[.load], at(.forward, .embedding)]
      for layer in 0..<steps.layers { order += LayerOperation.allCases.map { at(.forward, .layer(layer, $0)) } }
      order += [at(.forward, .finalNorm), at(.forward, .head), at(.forward, .loss)]
      order += [at(.backward, .loss), at(.backward, .head), at(.backward, .finalNorm)]
      for layer in (0..<steps.layers).reversed() {
        if steps.checkpointing { order += LayerOperation.allCases.map { at(.recompute, .layer(layer, $0)) } }
        order += LayerOperation.allCases.reversed().map { at(.backward, .layer(layer, $0)) }
      }
      order += [at(.backward, .embedding), clock[.optimizer], clock[.zeroGrad]]
      #expect(order == order.sorted())
      #expect(Set(order).count == order.count)
      if microBatch > 0 {
        #expect(clock[.backward, .embedding, microBatch: microBatch - 1] < at(.forward, .embedding))
      }
    }
  }

  @Test func `micro-batches are named only where there are several`() {
    let one = StepClock(layers: 1, accumulation: 1, usesGradientCheckpointing: false).clock
    let two = StepClock(layers: 1, accumulation: 2, usesGradientCheckpointing: false).clock
    #expect(one["forward.layer.0.qkv"] != nil)
    #expect(two["micro_batch.1.forward.layer.0.qkv"] != nil && two["forward.layer.0.qkv"] == nil)
  }

  @Test func `tensor names of a layer are unique`() {
    let names = (0..<3).flatMap { layer in LayerTensor.allCases.map { TensorName.layer(layer, $0) } }
    let flows = names.map(TensorName.flow)
    #expect(Set(names + flows).count == 2 * names.count)
  }
}
