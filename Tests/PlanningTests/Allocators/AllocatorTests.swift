import Bookkeeping
import Modeling
import Planning
import Testing

/// The caching allocator's rules, one by one (c10/cuda/CUDACachingAllocator.cpp).
@Suite struct `Caching allocator` {
  /// Opens and closes by size: a number opens, its negative closes the first that is open of that size.
  private func journal(_ steps: [Int]) -> Journal {
    var journal = Journal(clock: Clock(labels: ["load", "step"]))
    journal.advance(to: Moment(1))
    var open: [(size: Int, id: Journal.ID)] = []
    for step in steps {
      if step > 0 {
        open.append((step, journal.open("x", .activations, [step], .uint8)))
      } else if let index = open.firstIndex(where: { $0.size == -step }) {
        journal.close(open.remove(at: index).id)
      }
    }
    for entry in open { journal.close(entry.id) }
    return journal
  }

  private func peaks(_ steps: [Int], repeats: Int = 1, expandable: Bool = false) -> CachingAllocator.Peaks {
    CachingAllocator.replay(
      journal(steps), options: CachingAllocator.Options(usesExpandableSegments: expandable, steps: repeats))
  }

  private let mebi = 1 << 20

  @Test func `a byte costs a block of 512 and a segment of 2 MiB`() {
    #expect(peaks([1]) == CachingAllocator.Peaks(allocated: Bytes(512), reserved: 2 * .mebi))
    #expect(peaks([512, 513]).allocated == Bytes(512 + 1024))
  }

  @Test func `requests up to 1 MiB share small segments`() {
    #expect(peaks([mebi, mebi]).reserved == 2 * .mebi)
    #expect(peaks([mebi, mebi, 512]).reserved == 4 * .mebi)
  }

  @Test func `requests below 10 MiB share segments of 20 MiB`() {
    #expect(peaks([mebi + 512]).reserved == 20 * .mebi)
    #expect(peaks([9 * mebi, 9 * mebi]).reserved == 20 * .mebi)
  }

  @Test func `larger requests get a segment rounded to 2 MiB`() {
    #expect(peaks([10 * mebi]).reserved == 10 * .mebi)
    #expect(peaks([11 * mebi]).reserved == 12 * .mebi)
  }

  @Test func `a remainder of at most 1 MiB is not cut off a large block`() {
    // 11 MiB in a segment of 12: the whole block counts as allocated. 10.5 MiB leaves 1.5 MiB, which is cut off.
    #expect(peaks([11 * mebi]).allocated == 12 * .mebi)
    #expect(peaks([10 * mebi + mebi / 2]).allocated == Bytes(10 * mebi + mebi / 2))
  }

  @Test func `freed neighbors merge and serve a larger request`() {
    #expect(peaks([6 * mebi, 6 * mebi, 6 * mebi, -6 * mebi, -6 * mebi, 9 * mebi]).reserved == 20 * .mebi)
    // Freed blocks that are not neighbors do not.
    #expect(peaks([6 * mebi, 7 * mebi, 6 * mebi, -6 * mebi, -6 * mebi, 9 * mebi]).reserved == 40 * .mebi)
  }

  @Test func `the smallest block that fits is taken`() {
    // Two free segments of 12 and 30 MiB: 11 MiB goes into the first, so that 30 MiB still fits.
    let steps = [12 * mebi, 30 * mebi, -12 * mebi, -30 * mebi, 11 * mebi, 30 * mebi]
    #expect(peaks(steps).reserved == 42 * .mebi)
  }

  @Test func `a segment stays cached for the next step`() {
    let steps = [40 * mebi, -40 * mebi, 30 * mebi]
    #expect(peaks(steps).reserved == 40 * .mebi)
    #expect(peaks(steps, repeats: 3).reserved == 40 * .mebi)
  }

  @Test func `expandable segments grow by pages instead of leaving holes`() {
    // 12 MiB freed and 30 asked for: a new segment without, the same one 20 MiB longer with.
    let steps = [12 * mebi, -12 * mebi, 30 * mebi]
    #expect(peaks(steps).reserved == 42 * .mebi)
    #expect(peaks(steps, expandable: true).reserved == 40 * .mebi)
  }

  @Test func `beyond its capacity the allocator gives cached segments back`() {
    let steps = [40 * mebi, -40 * mebi, 60 * mebi]
    let options = CachingAllocator.Options(steps: 1, capacity: 64 * .mebi)
    #expect(CachingAllocator.replay(journal(steps)).reserved == 100 * .mebi)
    #expect(CachingAllocator.replay(journal(steps), options: options).reserved == 60 * .mebi)
  }

  @Test func `a block too large to be split goes whole to a request that is nearly as large`() {
    // From 64 MiB on nothing is split: 100 MiB go to 90, not to 70, which is more than 20 MiB less, nor to 30.
    let settings = AllocatorSettings { $0.maximumSplit = 64 * .mebi }
    func reserved(_ request: Int) -> Bytes {
      CachingAllocator.replay(
        journal([100 * mebi, -100 * mebi, request * mebi]),
        options: CachingAllocator.Options(settings: settings, steps: 1)
      ).reserved
    }
    #expect([90, 70, 30].map(reserved) == [100 * .mebi, 170 * .mebi, 130 * .mebi])
  }

  @Test func `sizes are rounded to so many steps of a doubling`() {
    // Between 1024 and 2048 four steps of 256, but blocks are no smaller than 512: only from 2048 on.
    let settings = AllocatorSettings { $0.divisions = Array(repeating: 4, count: 16) }
    func allocated(_ bytes: Int) -> Bytes {
      CachingAllocator.replay(
        journal([bytes]), options: CachingAllocator.Options(settings: settings, steps: 1)
      ).allocated
    }
    #expect(
      [500, 1200, 2048, 2100, 5 * mebi + 1].map(allocated) == [
        Bytes(512), Bytes(1536), Bytes(2048), Bytes(2560), 6 * .mebi,
      ])
  }

  @Test func `an emptied cache keeps what is cut in two`() throws {
    var allocator = AllocatorProbe(.standard)
    let first = allocator.allocate(6 * mebi)
    let second = allocator.allocate(30 * mebi)
    allocator.free(second)
    allocator.emptyCache()
    #expect(allocator.reserved == 20 * mebi)
    allocator.free(first)
    allocator.emptyCache()
    #expect(allocator.reserved == 0)
  }

  @Test func `an emptied cache unmaps whole pages of an expandable segment`() throws {
    var allocator = AllocatorProbe(AllocatorSettings { $0.usesExpandableSegments = true })
    let first = allocator.allocate(30 * mebi)
    let second = allocator.allocate(30 * mebi)
    let third = allocator.allocate(30 * mebi)
    #expect(allocator.reserved == 100 * mebi)
    // 30 to 60 MiB are free: of their pages of 20 MiB only that from 40 to 60 is wholly so, and the one behind 90
    // holds the last 10 MiB of the third block.
    allocator.free(second)
    allocator.emptyCache()
    #expect(allocator.reserved == 80 * mebi)
    // The hole is filled first.
    let fourth = allocator.allocate(30 * mebi)
    #expect(allocator.reserved == 100 * mebi)
    for block in [first, third, fourth] { allocator.free(block) }
    allocator.emptyCache()
    #expect(allocator.reserved == 0)
  }

  @Test func `what is not there is noticed`() {
    var allocator = AllocatorProbe(.standard, capacity: 50 * .mebi)
    _ = allocator.allocate(40 * mebi)
    #expect(!allocator.ranOut)
    _ = allocator.allocate(40 * mebi)
    #expect(allocator.ranOut)
  }

  @Test func `allocated never exceeds reserved and never undercuts the ledger`() throws {
    for kind in [TorchFixture.Kind.full, .lora, .nf4Double] {
      let walk = try TorchFixture {
        $0.method = kind
        $0.L = 4
      }.walk()
      for expandable in [false, true] {
        let peaks = CachingAllocator.replay(
          walk.journal, options: CachingAllocator.Options(usesExpandableSegments: expandable))
        #expect(peaks.allocated <= peaks.reserved)
        #expect(peaks.allocated >= Ledger(posting: walk.journal).peak.bytes)
      }
    }
  }

  @Test func `expandable segments never reserve more, and a replay is the same each time`() throws {
    for kind in [TorchFixture.Kind.full, .lora, .nf4Double] {
      for checkpoints in [false, true] {
        let walk = try TorchFixture {
          $0.method = kind
          $0.L = 4
          $0.sequence = 2048
          $0.checkpoints = checkpoints
        }.walk()
        let plain = CachingAllocator.replay(walk.journal)
        let expandable = CachingAllocator.replay(
          walk.journal, options: CachingAllocator.Options(usesExpandableSegments: true))
        // Pages of the large pool are 20 MiB: at most one of them stands half empty.
        #expect(expandable.reserved <= plain.reserved + 20 * .mebi)
        #expect(CachingAllocator.replay(walk.journal) == plain)
      }
    }
  }

  @Test func `pages of paged optimizers are not in the allocator`() throws {
    let fixture = TorchFixture {
      $0.method = .full
      $0.optimizer = .pagedAdamw
    }
    let walk = try fixture.walk()
    let parameters = try fixture.spec().parameters
    let paged = parameters.filter { $0.count >= 100_000 }.reduce(0) { $0 + $1.count }
    #expect(walk.outsideAllocator == Bytes(8 * paged))
    let within = CachingAllocator.replay(
      walk.journal, options: CachingAllocator.Options(excluded: walk.outsideEntries))
    let all = CachingAllocator.replay(walk.journal)
    #expect(all.reserved - within.reserved >= walk.outsideAllocator - 20 * .mebi)
  }
}
