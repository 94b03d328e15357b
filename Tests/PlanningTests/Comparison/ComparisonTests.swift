import Bookkeeping
import Modeling
import Planning
import Testing

@Suite struct `A comparison` {
  private static func request(_ change: (inout RecipeRequest) -> Void = { _ in }) -> RecipeRequest {
    var request = RecipeRequest()
    request.rank = 8
    request.sequence = 512
    change(&request)
    return request
  }

  /// A 1B model: small enough that plans take milliseconds.
  private static func spec() throws -> ModelSpec {
    try Models.llama("1b", layers: 16, hidden: 2048, heads: 32, keyValueHeads: 8, intermediate: 8192)
  }

  @Test func `has a row for every usual method, each that of its own plan`() throws {
    let spec = try Self.spec()
    let device = try #require(DeviceCatalog.named("rtx-4090"))
    let comparison = Comparison(spec, Self.request(), methods: ComparedMethod.usual, device: device)
    #expect(comparison.rows.map(\.method.name) == ["full", "freeze", "lora", "dora", "int8", "qlora"])
    for row in comparison.rows {
      let planned = try #require(row.planned)
      var request = RecipeRequest()
      request.method = row.method.method
      request.sequence = 512
      // Only adapters have a rank, and only int8 a base that is not the method's own.
      if planned.plan.recipe.method.adapter != nil { request.rank = 8 }
      if row.method == .int8 { request.quantization = .some(.int8) }
      let alone = try Planner.plan(spec, request.resolved(for: spec), device: device)
      #expect(planned.plan.device == alone.device, "\(row.method.name)")
      #expect(planned.plan.accounts == alone.accounts)
      #expect(planned.plan.parameters == alone.parameters)
      #expect(planned.plan.work.total == alone.work.total)
      #expect(planned.speed == alone.throughput)
      #expect(planned.verdict.budget == device.usable)
    }
  }

  @Test func `without a budget each is planned on its smallest card`() throws {
    let comparison = try Comparison(Self.spec(), Self.request(), methods: ComparedMethod.usual)
    for row in comparison.rows {
      let planned = try #require(row.planned)
      let card = try #require(planned.smallest)
      #expect(planned.plan.target == card.device)
      #expect(planned.plan.device.expected == card.bytes.expected)
      #expect(planned.verdict.fitsAsExpected)
      #expect(planned.speedDevice == card.device)
    }
  }

  @Test func `with a budget in bytes the plan is of no card, and the speed of the smallest`() throws {
    let lora = try #require(ComparedMethod.named("lora"))
    let comparison = try Comparison(Self.spec(), Self.request(), methods: [lora], budget: 24 * Bytes.gibi)
    let planned = try #require(comparison.rows.first?.planned)
    #expect(planned.plan.target == nil && planned.plan.throughput == nil)
    #expect(planned.verdict.budget == 24 * Bytes.gibi)
    #expect(planned.speedDevice == planned.smallest?.device)
    #expect(planned.speed != nil)
  }

  @Test(arguments: ["full", "lora", "qlora"])
  func `the smallest card is the first of all that carries it`(method: String) throws {
    let spec = try Models.llama2Seven()
    let compared = try #require(ComparedMethod.named(method))
    let recipe = try compared.request(within: Self.request()).resolved(for: spec).recipe
    let anywhere = try Planner.deviceBytes(spec, recipe)
    let found = try #require(try SmallestCard.find(spec, recipe, near: anywhere.expected))
    for device in SmallestCard.sizes {
      if device == found.device { break }
      // Without units for bf16 a card is passed over.
      guard device.peak.bf16 != nil else { continue }
      #expect(try Planner.deviceBytes(spec, recipe, device: device).expected > device.usable, "\(device.name)")
    }
    #expect(found.bytes.expected <= found.device.usable)
  }

  @Test func `what one method cannot be stands in its row, what none can be is the recipe's`() throws {
    let engine = Self.request { $0.stack = .plimsoll }
    let some = try Comparison(Self.spec(), engine, methods: ComparedMethod.usual)
    #expect(some.error == nil)
    #expect(some.rows.filter { $0.planned == nil }.map(\.method.name) == ["freeze", "dora", "int8"])
    let none = try Comparison(Self.spec(), Self.request { $0.sequence = 5000 }, methods: ComparedMethod.usual)
    #expect(none.error is RecipeError)
  }

  @Test func `every name stands for a method`() {
    for name in ComparedMethod.names { #expect(ComparedMethod.named(name)?.name == name) }
    #expect(ComparedMethod.named("lorra") == nil)
  }
}

@Suite struct `The longest fit` {
  private func fit(_ method: String, _ card: String) throws -> LongestFit {
    var request = RecipeRequest()
    request.sequence = 1024
    return try LongestFit(
      Models.llama2Seven(), request, #require(ComparedMethod.named(method)),
      on: #require(DeviceCatalog.named(card)))
  }

  @Test func `is a sequence where the wanted one fits`() throws {
    guard case .longest(let longest) = try fit("qlora", "rtx-4090").answer else {
      Issue.record("a 7B QLoRA fits on 24 GB")
      return
    }
    #expect(longest >= 1024 && longest <= 4096)
  }

  /// The set is the one that `fit` names under a no.
  @Test(arguments: [("lora", "rtx-4060-ti-16gb"), ("full", "rtx-4060"), ("full", "rtx-4090")])
  func `is the smallest set of changes where it does not`(method: String, card: String) throws {
    guard case .changes(let set, let longest) = try fit(method, card).answer else {
      Issue.record("7B on TRL are loaded in 32 bits, 25 GiB")
      return
    }
    #expect(longest ?? 0 < 1024)
    let (spec, device) = (try Models.llama2Seven(), try #require(DeviceCatalog.named(card)))
    var request = RecipeRequest()
    request.sequence = 1024
    let resolved = try #require(ComparedMethod.named(method)).request(within: request).resolved(for: spec)
    let verdict = Verdict.judge(try Planner.plan(spec, resolved, device: device), budget: device.usable)
    let remedy = try #require(Remedies.seek(verdict).smallestSet)
    #expect(set.flags == remedy.flags && set.device == remedy.device)
    #expect(set.device.expected <= device.usable && set.changes.allSatisfy { $0.cost != .task })
  }

  @Test func `is nothing where no changes but a shorter sequence make it fit`() throws {
    let spec = try Models.llama(
      "70b", layers: 80, hidden: 8192, heads: 64, keyValueHeads: 8, intermediate: 28_672)
    var request = RecipeRequest()
    request.sequence = 1024
    let answer = try LongestFit(
      spec, request, #require(ComparedMethod.named("qlora")), on: #require(DeviceCatalog.named("rtx-4060"))
    ).answer
    guard case .nothing(longest: nil) = answer else {
      Issue.record("70B in 4 bits are 33 GiB")
      return
    }
  }
}
