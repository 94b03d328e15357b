import Bookkeeping
import Modeling
import Planning
import Testing

/// What the allocator reserves for a whole process, and how sure that is.
@Suite struct `Reserved bytes` {
  private func plan(
    _ method: Method.Name = .qlora, _ change: (inout RecipeRequest) -> Void = { _ in }
  ) throws -> Plan {
    let spec = try #require(Presets.named("qwen2.5-0.5b")).spec
    var request = RecipeRequest()
    request.method = method
    request.sequence = 1024
    change(&request)
    return try Planner.plan(spec, request.resolved(for: spec))
  }

  @Test(arguments: [Method.Name.full, .lora, .qlora])
  func `have a cause wherever they are not certain`(method: Method.Name) throws {
    let reserved = try plan(method).reserved
    #expect(reserved.isExact == reserved.causes.isEmpty)
    #expect(reserved.low <= reserved.expected && reserved.expected <= reserved.high)
  }

  @Test func `lengths that are all the same change nothing`() throws {
    let plain = try plan()
    let constant = try plan { $0.lengths = try? LengthDistribution(uniform: 1024...1024) }
    #expect(constant.allocated == plain.allocated)
    #expect(constant.reserved == plain.reserved)
    #expect(constant.device == plain.device)
  }

  @Test func `lengths that differ leave holes, and the longest decides what is allocated`() throws {
    let plain = try plan(.lora)
    let varied = try plan(.lora) { $0.lengths = try? LengthDistribution(uniform: 64...1024) }
    #expect(varied.recipe.batch.sequence == 1024)
    #expect(varied.reserved.high > plain.reserved.expected)
    #expect(varied.reserved.causes.contains { $0.contains("lengths differ") })
    // Blocks that are not cut count whole: a little more may be allocated than by the longest step alone.
    #expect(varied.allocated.expected >= plain.phases.peak)
    #expect(varied.allocated.high.count - plain.allocated.expected.count <= plain.allocated.expected.count / 50)
    #expect(try plan(.lora) { $0.lengths = try? LengthDistribution(uniform: 64...1024) }.reserved == varied.reserved)
  }

  @Test func `expandable segments leave less of them unused`() throws {
    let varied: (inout RecipeRequest) -> Void = { $0.lengths = try? LengthDistribution(uniform: 64...1024) }
    let plain = try plan(.full, varied)
    let expandable = try plan(.full) {
      varied(&$0)
      $0.runtime = try? RuntimeSettings(allocator: AllocatorSettings(parsing: "expandable_segments:True"))
    }
    #expect(expandable.reserved.expected <= plain.reserved.expected)
  }

  @Test func `a workspace of the user's own size is booked`() throws {
    let plain = try plan()
    let wide = try plan { $0.runtime = try? RuntimeSettings(cublasWorkspace: 64 * .mebi) }
    #expect(wide.peak.bytes - plain.peak.bytes == 2 * (64 * .mebi - Bytes(8_519_680)))
  }

  @Test func `a search expects what a plan expects`() throws {
    for method in [Method.Name.full, .lora, .qlora] {
      let plan = try plan(method)
      #expect(try Planner.deviceBytes(plan.spec, plan.recipe).expected == plan.device.expected)
    }
  }

  /// Lengths and ranks around which requests change from one pool to the other, and segments from shared to own.
  @Test(
    arguments: ["smollm2-135m", "qwen2.5-0.5b", "llama-2-7b", "pythia-160m"],
    [Method.Name.full, .lora, .qlora])
  func `come out the same whether or not steps that repeat others are replayed`(
    name: String, method: Method.Name
  ) throws {
    let spec = try #require(Presets.named(name)).spec
    var distinct: Set<[Int]> = []
    for (sequence, rank, checkpoints) in [(64, 4, false), (128, 8, true), (500, 64, false), (1024, 16, true)] {
      for stack in [Stack.trl, .transformers, .torchtune] {
        var request = RecipeRequest()
        request.stack = stack
        request.method = method
        request.sequence = sequence
        if method != .full { request.rank = rank }
        request.usesGradientCheckpointing = checkpoints
        guard let recipe = try? request.resolved(for: spec).recipe,
          let short = try? ReservedRange.intervals(spec, recipe, takesShortcuts: true)
        else { continue }
        #expect(short == (try ReservedRange.intervals(spec, recipe, takesShortcuts: false)), "\(recipe)")
        distinct.insert(short.map(\.high.count))
      }
    }
    #expect(distinct.count > 3)
  }
}
