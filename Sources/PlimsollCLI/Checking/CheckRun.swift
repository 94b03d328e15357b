import Bookkeeping
import Kernels
import Machine
import Modeling
import Planning
import Reporting
import Training

/// Plans and runs the same step on this machine, and lays the two books side by side.
struct CheckRun {
  let spec: ModelSpec
  let resolved: ResolvedRecipe
  /// Steps to run; the first is what the books are compared on, the others time the engine.
  var steps = 4
  var threads: Int
  var seed: UInt64 = 1
  /// Where the model's own weights are; `nil` for such as are drawn from the seed.
  var weights: String?
  /// What the stamp says beside what it always does.
  var stampLines: [String] = []
  /// Whether frozen weights are read where they lie in the file.
  var mapsWeights = false
  /// Whether every step sees the same tokens, so that there is something to learn.
  var repeatsData = false
  var limit: CheckSummary.Limit?
  var progress: (String) -> Void = { _ in }

  /// What running the step came to.
  struct Outcome {
    let summary: CheckSummary
    let plan: Plan
    /// Memory that the process took for the BLAS and the threads before the model was made.
    let warmUp: Bytes
  }

  /// Runs the check; the process's resident memory is part of it, so run one at a time.
  ///
  /// - Throws: ``MachineTooSmall`` before anything is allocated; `ArenaError` and `TrainingError` from the run.
  func run() throws -> Outcome {
    let topology = try Topology.load()
    try EngineOptions.start(threads: threads, on: topology)
    progress("planning \(spec.name)")
    let plan = try Planner.plan(spec, resolved, threads: threads)
    try EngineBudget.require(plan, of: HostMemory.read(topologyTotal: topology.totalMemory))

    let cold = try ResidentSet.read().current
    EngineThreads.warmUp()
    // Where the kernel does not let the mark be reset, the peak so far is no higher than what follows.
    _ = ResidentSet.resetPeak()
    let baseline = try ResidentSet.read().current
    let parameters = "\(Fixed.grouped(spec.parameterCount)) parameters"
    progress("loading \(spec.name): \(parameters) from \(weights ?? "a seed")")
    let started = ContinuousClock.now
    let trainer = try trainer()
    let loading = (ContinuousClock.now - started).components
    var results: [Trainer.StepResult] = []
    for step in 1...max(1, steps) {
      let result = try trainer.step(batches(repeatsData ? 1 : step))
      results.append(result)
      progress(
        "step \(step) of \(steps): loss \(Fixed.text(result.loss, decimals: 4)), "
          + "\(Fixed.text(result.tokensPerSecond, decimals: 1)) tokens/s")
    }
    let peak = try ResidentSet.read().peak
    return try outcome(
      plan, results, trainer, resident: (baseline, peak, warmUp: baseline - cold),
      loadSeconds: Double(loading.seconds) + Double(loading.attoseconds) * 1e-18, topology: topology)
  }

  private func trainer() throws -> Trainer {
    guard let weights else {
      return try Trainer(spec, resolved.recipe, source: SeededWeights(seed: seed), seed: seed)
    }
    return try Trainer(
      spec, resolved.recipe, source: CheckpointWeights.open(weights, for: spec), mapsWeights: mapsWeights, seed: seed)
  }

  private func outcome(
    _ plan: Plan, _ results: [Trainer.StepResult], _ trainer: Trainer,
    resident: (baseline: Bytes, peak: Bytes, warmUp: Bytes), loadSeconds: Double, topology: borrowing Topology
  ) throws -> Outcome {
    let first = results[0]
    let reconciliation = Reconciliation(planned: plan.ledger, measured: first.ledger)
    // The first step touches memory and starts threads; it is timed only if there is no other.
    let timed = results.count > 1 ? Array(results.dropFirst()) : results
    let rates = timed.map(\.tokensPerSecond).sorted()
    let rate = rates[rates.count / 2]
    let stamp = try Stamp.now(
      topology: topology, threads: threads,
      linearAlgebra: Stamp.LinearAlgebra(version: BLAS.version, core: BLAS.core), commit: Build.commitFromEnvironment())
    let summary = CheckSummary(
      title: "\(spec.name), \(resolved.recipe.method.name.rawValue)", reconciliation: reconciliation,
      plannedMoment: plan.ledger.clock.label(of: plan.ledger.peak.moment),
      measuredMoment: first.ledger.clock.label(of: first.ledger.peak.moment),
      resident: CheckSummary.ResidentBytes(
        baseline: resident.baseline, peak: resident.peak, explained: resident.baseline + plan.ledger.peak.bytes),
      tokensPerSecond: rate, loss: first.loss,
      steps: results.map { CheckSummary.Step(loss: $0.loss, seconds: $0.seconds) }, limit: limit,
      flopsPerStep: plan.work.total,
      flopsPerSecond: rate * Double(plan.work.total.count) / Double(max(1, first.tokens)),
      // Under a limit, there may be no room left for the operands.
      productPeak: limit == nil ? ProductPeak.measure(for: resolved.recipe) : nil, loadSeconds: loadSeconds,
      profile: CheckSummary.Profile(results[results.count - 1].profile),
      stamp: stamp.lines + stampLines)
    return Outcome(summary: summary, plan: plan, warmUp: resident.warmUp)
  }

  /// Random tokens from the seed, other ones for every step.
  private func batches(_ step: Int) -> [Trainer.MicroBatch] {
    var generator = SeededGenerator(state: seed &+ UInt64(step) &* 0x9e37_79b9_7f4a_7c15)
    return (0..<resolved.recipe.batch.accumulation).map { _ in
      let tokens = (0..<resolved.recipe.batch.tokens).map { _ in
        Int32.random(in: 0..<Int32(clamping: spec.vocabularySize), using: &generator)
      }
      return Trainer.MicroBatch(tokens: tokens, labels: tokens)
    }
  }
}

extension CheckSummary.Profile {
  init(_ profile: StepProfile) {
    self.init(
      lines: profile.lines.map {
        Line(operation: $0.operation, seconds: $0.seconds, productSeconds: $0.productSeconds)
      }, productShare: profile.productShare)
  }
}

/// SplitMix64: a small generator with a seed, the same on every machine.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
