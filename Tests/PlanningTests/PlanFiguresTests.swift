import Bookkeeping
import Modeling
import Planning
import Testing

/// Figures without books are those of the books.
@Suite struct `The figures of a plan` {
  struct Question: Sendable, CustomTestStringConvertible {
    let model: String
    let stack: Stack
    let method: Method.Name
    var sequence = 1024
    var accumulation = 1
    var checkpoints: Bool?
    var optimizer: Optimizer.Kind?
    var testDescription: String { "\(model), \(stack.rawValue), \(method.rawValue), \(sequence), \(accumulation)" }
  }

  static let questions: [Question] =
    [Stack.trl, .transformers, .torchtune].flatMap { stack in
      [Method.Name.full, .lora, .qlora].map { Question(model: "llama-2-7b", stack: stack, method: $0) }
    } + [
      Question(model: "llama-2-7b", stack: .trl, method: .qlora, sequence: 4096, accumulation: 3, checkpoints: false),
      Question(model: "llama-2-7b", stack: .trl, method: .full, optimizer: .pagedAdamw8bit),
      Question(model: "llama-2-7b", stack: .trl, method: .lora, sequence: 8, accumulation: 2),
      Question(model: "llama-2-7b", stack: .unsloth, method: .qlora),
      Question(model: "mistral-7b-v0.1", stack: .trl, method: .dora),
      Question(model: "gpt2-124m", stack: .trl, method: .lora),
      Question(model: "smollm2-135m", stack: .trl, method: .prompt),
      // These have no repeated books: prefixes, and the engine.
      Question(model: "smollm2-135m", stack: .trl, method: .prefix, checkpoints: false),
      Question(model: "smollm2-135m", stack: .plimsoll, method: .qlora, sequence: 64),
    ]

  @Test(arguments: questions)
  func `are those of its books`(question: Question) throws {
    let spec = try ModelReference(resolving: question.model).spec
    var request = RecipeRequest()
    request.stack = question.stack
    request.method = question.method
    request.sequence = question.sequence
    request.accumulation = question.accumulation
    request.usesGradientCheckpointing = question.checkpoints
    request.optimizer = question.optimizer
    let resolved = try request.resolved(for: spec)
    let plan = try Planner.plan(spec, resolved)
    let figures = try Planner.figures(spec, resolved)
    let expected = try Planner.figures(spec, resolved, detail: .expected)
    #expect(expected.allocated == Interval(exactly: plan.allocated.expected))
    #expect(expected.reserved == Interval(exactly: plan.reserved.expected))
    #expect(expected.device == Interval(exactly: plan.device.expected))
    #expect(expected.accounts == figures.accounts)
    #expect(figures.allocated == plan.allocated)
    #expect(figures.reserved == plan.reserved)
    #expect(figures.device == plan.device)
    #expect(figures.accounts.filter { $0.value != .zero } == plan.accounts.filter { $0.value != .zero })
    #expect(figures.peakMoment == plan.peakMoment)
    #expect(figures.parameters == plan.parameters)
    #expect(figures.work.total == plan.work.total)
  }

  @Test func `have the speed of a device that is named`() throws {
    let spec = try ModelReference(resolving: "smollm2-135m").spec
    let resolved = try RecipeRequest().resolved(for: spec)
    let device = try #require(DeviceCatalog.named("rtx-4090"))
    let plan = try Planner.plan(spec, resolved, device: device)
    #expect(try Planner.figures(spec, resolved, device: device).throughput == plan.throughput)
  }
}
