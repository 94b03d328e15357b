import Kernels
import Machine
import Testing
import Training

/// Memory under the arena: what it occupies, and that pages are used again rather than touched afresh.
@Suite struct `Pages of closed blocks` {
  /// Opens and closes blocks as a step does: many of a few sizes, then fewer of others, in an order of its own.
  private struct Step {
    var generator: Linear

    /// What happens in order: a size to open, or the place of an open block to close.
    mutating func events(_ count: Int) -> [(open: Int?, close: Int)] {
      var open = 0
      var events: [(open: Int?, close: Int)] = []
      for index in 0..<count {
        if open > 0, generator.next(100) < (index < count / 2 ? 35 : 65) {
          events.append((nil, generator.next(open)))
          open -= 1
        } else {
          events.append((BlockPool.mappingThreshold + generator.next(64) * 40_000, 0))
          open += 1
        }
      }
      return events + (0..<open).map { (nil, open - 1 - $0) }
    }
  }

  /// Numbers that look random and are the same on every machine.
  private struct Linear {
    var state: UInt64

    mutating func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
  }

  private struct NoMemory: Error {}

  private static func run(_ events: [(open: Int?, close: Int)], in pool: inout BlockPool) throws {
    var blocks: [(BlockPool.Block, mark: UInt64)] = []
    for (index, event) in events.enumerated() {
      if let size = event.open {
        guard let block = pool.take(size) else { throw NoMemory() }
        #expect(Int(bitPattern: block.base) % 64 == 0)
        let mark = UInt64(index + 1)
        for offset in stride(from: 0, to: size - 8, by: Pages.size) {
          block.base.storeBytes(of: mark, toByteOffset: offset, as: UInt64.self)
        }
        blocks.append((block, mark))
      } else {
        let (block, mark) = blocks.remove(at: event.close)
        for offset in stride(from: 0, to: block.count - 8, by: Pages.size) {
          guard block.base.load(fromByteOffset: offset, as: UInt64.self) == mark else {
            Issue.record("a page of one block was another's, or was lost")
            break
          }
        }
        pool.give(block)
      }
      #expect(pool.live + pool.kept <= pool.highWater)
    }
  }

  @Test(arguments: 1...8) func `belong to one block at a time and never exceed the high water`(seed: Int) throws {
    var step = Step(generator: Linear(state: UInt64(seed)))
    var pool = BlockPool()
    for _ in 0..<4 { try Self.run(step.events(300), in: &pool) }
    #expect(pool.live == 0)
    #expect(pool.kept == pool.highWater)
  }

  /// In a process of its own, since faults are counted by process and other tests fault at the same time.
  @Test func `are not touched afresh when a step comes again`() async {
    await #expect(processExitsWith: .success) {
      for seed in 1...4 {
        var step = Step(generator: Linear(state: UInt64(seed)))
        let events = step.events(400)
        var pool = BlockPool()
        for _ in 0..<2 { try Self.run(events, in: &pool) }
        var least = Int.max
        var seams = [pool.seamCount]
        for _ in 0..<8 {
          let before = try PageFaults.read().minor
          try Self.run(events, in: &pool)
          least = min(least, try PageFaults.read().minor - before)
          seams.append(pool.seamCount)
        }
        let pages = pool.highWater / Pages.size
        #expect(least < pages / 20, "\(least) faults in a round that needs \(pages) pages")
        // Putting blocks together again and again doesn't leave more and more mappings behind.
        #expect(try #require(seams.last) < 4 * 400)
      }
    }
  }
}
