import Bookkeeping
import Modeling
import Planning
import Testing

/// A deep model is walked at a few layers and copied together: the books must be those of walking every layer.
@Suite struct `Deep models` {
  struct Case: Sendable, CustomTestStringConvertible {
    let model: String
    let method: Method.Name
    let stack: Stack
    let checkpointing: Bool
    let optimizer: Optimizer.Kind
    let accumulation: Int
    var testDescription: String {
      "\(model) \(method.rawValue) \(stack.rawValue) \(checkpointing) \(optimizer.rawValue) \(accumulation)"
    }
  }

  static let cases: [Case] = ["tinyllama-1.1b", "qwen3-0.6b", "qwen2.5-0.5b", "pythia-160m"].flatMap { model in
    Method.Name.allCases.filter { $0 != .bitfit && $0 != .prefix }.flatMap { method in
      [Stack.trl, .transformers].flatMap { stack in
        [true, false].flatMap { checkpointing in
          [(Optimizer.Kind.adamw, 1), (.pagedAdamw8bit, 2)].map { optimizer, accumulation in
            Case(
              model: model, method: method, stack: stack, checkpointing: checkpointing, optimizer: optimizer,
              accumulation: accumulation)
          }
        }
      }
    }
  }

  struct Update: Sendable, CustomTestStringConvertible {
    let kind: Optimizer.Kind
    let implementation: Optimizer.Implementation
    var testDescription: String { "\(kind.rawValue) \(implementation.rawValue)" }
  }

  static let updates: [Update] =
    [(Optimizer.Kind.adamw, Optimizer.Implementation.foreach), (.adamw, .single), (.sgd, .foreach)].map(Update.init)
    + [
      .adafactor, .adafactorTorch, .muon, .galoreAdamw, .galoreAdamwLayerwise, .apolloAdamw, .lomo, .scheduleFreeAdamw,
    ]
    .map { Update(kind: $0, implementation: .single) }

  /// The copied books are those of every layer, and they are copied: a deep model's step may not cost a whole walk.
  @Test(arguments: updates)
  func `are copied with every optimizer's temporaries`(_ update: Update) throws {
    let spec = try #require(Presets.named("tinyllama-1.1b")).spec
    var request = RecipeRequest()
    request.method = .full
    request.optimizer = update.kind
    request.optimizerImplementation = update.implementation
    request.sequence = 33
    let recipe = try request.resolved(for: spec).recipe
    let (quick, whole) = (try TorchWalk.journal(spec, recipe), try TorchWalk.wholeJournal(spec, recipe))
    #expect(quick.journal.events == whole.journal.events)
    #expect(TorchWalk.isCopied(spec, recipe))
  }

  @Test(arguments: [Quantization.torchaoInt8, .torchaoNF4])
  func `are copied with every quantization`(_ quantization: Quantization) throws {
    let spec = try #require(Presets.named("tinyllama-1.1b")).spec
    var request = RecipeRequest()
    request.quantization = .some(quantization)
    request.sequence = 33
    let recipe = try request.resolved(for: spec).recipe
    let (quick, whole) = (try TorchWalk.journal(spec, recipe), try TorchWalk.wholeJournal(spec, recipe))
    #expect(quick.journal.events == whole.journal.events)
    #expect(TorchWalk.isCopied(spec, recipe))
  }

  @Test(arguments: cases)
  func `are booked as if every layer had been walked`(_ deep: Case) throws {
    let spec = try #require(Presets.named(deep.model)).spec
    var request = RecipeRequest()
    request.method = deep.method
    request.stack = deep.stack
    request.usesGradientCheckpointing = deep.checkpointing
    request.optimizer = deep.optimizer
    request.accumulation = deep.accumulation
    request.sequence = 257
    let recipe = try request.resolved(for: spec).recipe
    let quick = try TorchWalk.journal(spec, recipe)
    let whole = try TorchWalk.wholeJournal(spec, recipe)
    #expect(quick.journal.events == whole.journal.events)
    let (left, right) = (Ledger(posting: quick.journal), Ledger(posting: whole.journal))
    let difference = zip(left.entries, right.entries).first { $0 != $1 }
    #expect(left.entries.count == right.entries.count && difference == nil, "\(String(describing: difference))")
    #expect(left.peak.bytes == right.peak.bytes)
    #expect(quick.outsideAllocator == whole.outsideAllocator)
    #expect(quick.outsideEntries == whole.outsideEntries)
    let options = CachingAllocator.Options(excluded: whole.outsideEntries)
    #expect(
      CachingAllocator.replay(quick.journal, options: options)
        == CachingAllocator.replay(whole.journal, options: options))
  }
}
