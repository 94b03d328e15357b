import Planning
import Testing

@Suite struct `The largest number that fits` {
  /// Steele, Lea and Flood 2014, figure 1: the same draws on every machine.
  struct Draw {
    var state: UInt64

    mutating func number(_ range: ClosedRange<Int>) -> Int {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      z ^= z >> 31
      return range.lowerBound + Int(z % UInt64(range.count))
    }

    mutating func pick<Value>(_ values: [Value]) -> Value { values[number(0...values.count - 1)] }
  }

  /// Floors that never fall but at breaks, and sizes that jump about above them.
  @Test(arguments: 0..<2000)
  func `is the one that trying them all finds`(seed: Int) {
    var draw = Draw(state: UInt64(seed))
    let rungs = Ladder(upTo: draw.number(1...3000), unit: draw.pick([1, 16])).rungs
    let breaks = (0..<draw.number(0...3)).map { _ in draw.number(1...3000) }
    let last = draw.pick([Int.max, draw.number(1...3000)])
    var probes: [Int: LargestFit.Probe] = [:]
    var floor = draw.number(0...500)
    for rung in rungs where rung <= last {
      if breaks.contains(where: { $0 > (rungs.last { $0 < rung } ?? 0) && $0 <= rung }) { floor = draw.number(0...900) }
      floor += draw.pick([0, 1, 10, draw.number(0...50)])
      probes[rung] = LargestFit.Probe(floor: floor, size: floor + draw.pick([0, 5, draw.number(0...400)]))
    }
    let budget = draw.number(0...2500)
    let truth = rungs.last { (probes[$0]?.size ?? .max) <= budget }
    var seen = 0
    let found = LargestFit.find(rungs, breaks: breaks, within: budget) { number in
      seen += 1
      return probes[number]
    }
    #expect(found.number == truth)
    #expect(seen <= rungs.count)
    for hole in found.holes {
      #expect(hole < (truth ?? 0) && (probes[hole]?.size ?? .max) > budget)
    }
  }

  @Test func `is found with few looks where sizes are straight lines`() {
    let rungs = Ladder(upTo: 131_072, unit: 16).rungs
    var seen = 0
    let found = LargestFit.find(rungs, within: 1_000_000) { number in
      seen += 1
      return LargestFit.Probe(floor: 20 * number + 7000, size: 20 * number + 9000)
    }
    #expect(found.number == rungs.last { 20 * $0 + 9000 <= 1_000_000 })
    #expect(seen <= 12)
  }

  @Test func `rungs are a unit apart at first and a sixteenth at most`() {
    for (top, unit) in [(4096, 1), (131_072, 16), (100, 16), (7, 16), (1, 1)] {
      let rungs = Ladder(upTo: top, unit: unit, including: [5]).rungs
      #expect(rungs == Array(Set(rungs)).sorted())
      #expect(rungs.last == max(1, top))
      for (one, next) in zip(rungs, rungs.dropFirst()) { #expect(next - one <= max(unit, one / 16)) }
    }
    #expect(Array(Ladder(upTo: 64).rungs) == Array(1...64))
  }
}
