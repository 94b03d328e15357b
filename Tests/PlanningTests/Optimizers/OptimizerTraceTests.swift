import Bookkeeping
import Modeling
import Planning
import Testing

/// What real optimizers keep and borrow, seen on a CPU through a dispatch mode that counts the births and deaths of
/// storages in a step after the first: torch 2.15 (AdamW, SGD, RMSprop, Adagrad, Adafactor, Muon), transformers 5.23
/// (Adafactor), galore_torch 1.0, apollo_torch 1.0.3, schedulefree 1.4.1, bitsandbytes 0.50.2.
///
/// Parameters are [64, 32], [32, 128] and [40] unless a row says otherwise, projections of rank 8, decomposed anew in
/// the step. Columns: optimizer, implementation, format, shapes, decay, bytes of states on the device, most bytes
/// borrowed, and what is opened and closed from 1024 bytes on; `*` where that is too long to print. Frees in a row are
/// compared as a set: a list of temporaries goes from its end in Python and from its start here.
@Suite struct `Optimizers: traced steps` {
  static let table = """
    adamw | fused | fp32 |  | 0 | 49484 | 0 |
    adamw | fused | bf16 |  | 0 | 24748 | 0 |
    adamw | foreach | fp32 |  | 0 | 49472 | 24576 | 8192 16384 -16384 -8192
    adamw | foreach | bf16 |  | 0 | 24736 | 12288 | 4096 8192 -8192 -4096
    adamw | single | fp32 |  | 0 | 49472 | 40960 | 8192 8192 -8192 16384 16384 -16384 -8192 -16384
    adamw | single | bf16 |  | 0 | 24736 | 20480 | 4096 4096 -4096 8192 8192 -8192 -4096 -8192
    sgd | foreach | bf16 |  | 0 | 0 | 0 |
    sgd | foreach | fp32 |  | 0.1 | 0 | 24576 | 8192 16384 -16384 -8192
    sgd | foreach | bf16 |  | 0.1 | 0 | 12288 | 4096 8192 -8192 -4096
    sgd-momentum | foreach | bf16 |  | 0 | 12368 | 0 |
    sgd-momentum | foreach | bf16 |  | 0.1 | 12368 | 12288 | 4096 8192 -8192 -4096
    rmsprop | foreach | bf16 |  | 0 | 12368 | 12288 | 4096 8192 -8192 -4096
    rmsprop | foreach | bf16 |  | 0.1 | 12368 | 24576 | 4096 8192 4096 8192 -8192 -4096 -8192 -4096
    adagrad | foreach | bf16 |  | 0 | 12368 | 24576 | 4096 8192 4096 8192 -8192 -4096 -8192 -4096
    adagrad | foreach | bf16 |  | 0.1 | 12368 | 24576 | 4096 8192 4096 8192 -8192 -4096 -8192 -4096
    adafactor-torch | foreach | fp32 |  | 0 | 1184 | 24576 | 8192 16384 -16384 -8192
    adafactor-torch | foreach | bf16 |  | 0 | 592 | 12288 | 4096 8192 -8192 -4096
    sgd | single | bf16 |  | 0 | 0 | 0 |
    sgd | single | fp32 |  | 0.1 | 0 | 16384 | 8192 -8192 16384 -16384
    sgd | single | bf16 |  | 0.1 | 0 | 8192 | 4096 -4096 8192 -8192
    sgd-momentum | single | bf16 |  | 0 | 12368 | 0 |
    sgd-momentum | single | bf16 |  | 0.1 | 12368 | 8192 | 4096 -4096 8192 -8192
    rmsprop | single | bf16 |  | 0 | 12368 | 12288 | 4096 8192 -4096 -8192
    rmsprop | single | bf16 |  | 0.1 | 12368 | 20480 | 4096 4096 -4096 8192 8192 -4096 -8192 -8192
    adagrad | single | bf16 |  | 0 | 12368 | 12288 | 4096 8192 -4096 -8192
    adagrad | single | bf16 |  | 0.1 | 12368 | 20480 | 4096 4096 -4096 8192 8192 -4096 -8192 -8192
    adafactor-torch | single | fp32 |  | 0 | 1184 | 24576 | 8192 16384 -8192 -16384
    adafactor-torch | single | bf16 |  | 0 | 592 | 12288 | 4096 8192 -4096 -8192
    adafactor | fused | fp32 |  | 0 | 1196 | 40960 | *
    adafactor | fused | bf16 |  | 0 | 1196 | 73728 | *
    muon | foreach | fp32 | 64x32 32x128 | 0 | 24576 | 36864 | *
    muon | foreach | bf16 | 64x32 32x128 | 0 | 12288 | 28672 | *
    galore-adamw | fused | fp32 |  | 0 | 20800 | 45056 | *
    galore-adamw | fused | bf16 |  | 0 | 7328 | 46080 | *
    galore-adafactor | fused | fp32 |  | 0 | 9196 | 40960 | *
    galore-adafactor | fused | bf16 |  | 0 | 9196 | 57344 | *
    galore-adamw-8bit | fused | fp32 | 1024x32 32x1024 40 | 0 | 43852 | 196608 | *
    galore-adamw-8bit | fused | bf16 | 1024x32 32x1024 40 | 0 | 36684 | 299008 | *
    apollo-adamw | fused | fp32 |  | 0 | 14664 | 45056 | *
    apollo-adamw | fused | bf16 |  | 0 | 7332 | 22528 | *
    schedule-free-adamw | foreach | bf16 |  | 0 | 24736 | 12288 | 4096 8192 -8192 -4096
    schedule-free-radam | foreach | bf16 |  | 0 | 24736 | 12288 | 4096 8192 -8192 -4096
    schedule-free-sgd | foreach | bf16 |  | 0 | 12368 | 0 |
    schedule-free-adamw | single | bf16 |  | 0 | 24736 | 12288 | 4096 8192 -4096 -8192
    schedule-free-radam | single | bf16 |  | 0 | 24736 | 12288 | 4096 8192 -4096 -8192
    schedule-free-sgd | single | bf16 |  | 0 | 12368 | 0 |
    adamw-8bit | fused | bf16 | 64x100 33x128 40 | 0 | 23952 | 0 |
    adamw-32bit | fused | bf16 | 64x100 33x128 40 | 0 | 85312 | 0 |
    lion-8bit | fused | bf16 | 64x100 33x128 40 | 0 | 11976 | 0 |
    lion | fused | bf16 | 64x100 33x128 40 | 0 | 42656 | 0 |
    rmsprop-8bit | fused | bf16 | 64x100 33x128 40 | 0 | 11976 | 0 |
    rmsprop-32bit | fused | bf16 | 64x100 33x128 40 | 0 | 42656 | 0 |
    ademamix-8bit | fused | bf16 | 64x100 33x128 40 | 0 | 34904 | 0 |
    """

  struct Row: Sendable, CustomTestStringConvertible {
    let text: String
    let optimizer: Optimizer
    let parameters: [OptimizerSketch.Parameter]
    let states: Int
    let peak: Int
    /// `nil` where the events are not printed.
    let events: [Int]?
    var testDescription: String { text }

    init(_ line: String) throws {
      let cells = line.split(separator: "|", omittingEmptySubsequences: false).map { cell in
        cell.split(separator: " ").map(String.init)
      }
      text = line
      let kind = try #require(Optimizer.Kind(rawValue: cells[0][0]))
      let format = try #require(ScalarFormat(rawValue: cells[2][0]))
      optimizer = try Optimizer(
        kind: kind, implementation: try #require(Optimizer.Implementation(rawValue: cells[1][0])), learningRate: 1e-3,
        weightDecay: try #require(Double(cells[4][0])), rank: 8)
      let shapes = cells[3].isEmpty ? ["64x32", "32x128", "40"] : cells[3]
      parameters = shapes.enumerated().map { index, shape in
        let extents = shape.split(separator: "x").compactMap { Int($0) }
        return OptimizerSketch.Parameter("layers.0.mlp.matrix\(index)", Shape(extents), format)
      }
      states = try #require(Int(cells[5][0]))
      peak = try #require(Int(cells[6][0]))
      events = cells[7] == ["*"] ? nil : cells[7].compactMap { Int($0) }
    }
  }

  static let lines = table.split(separator: "\n").map(String.init)

  @Test(arguments: lines)
  func `are walked storage by storage`(_ line: String) throws {
    let row = try Row(line)
    let sketch = OptimizerSketch(row.optimizer, row.parameters)
    #expect(sketch.stateBytes == row.states)
    let events = sketch.events.filter { abs($0) >= 1024 }
    var live = 0
    let peak = events.reduce(0) { peak, bytes in
      live += bytes
      return max(peak, live)
    }
    #expect(peak == row.peak)
    if let expected = row.events {
      #expect(`Optimizers: traced steps`.inRuns(events) == `Optimizers: traced steps`.inRuns(expected))
    }
  }

  /// Frees in a row, largest first.
  static func inRuns(_ events: [Int]) -> [Int] {
    var result: [Int] = []
    var frees: [Int] = []
    for event in events {
      if event < 0 {
        frees.append(event)
      } else {
        result += frees.sorted() + [event]
        frees = []
      }
    }
    return result + frees.sorted()
  }
}
