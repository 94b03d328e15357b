import Bookkeeping
import Kernels
import Machine
import Modeling
import Planning
import Reporting
import Texts
import Training

/// A whole run: loads, trains, evaluates, saves, and accounts for its memory.
struct TrainingRun {
  let modelPath: String
  let reference: ModelReference
  let request: RecipeRequest
  let options: RunOptions
  let threads: Int
  /// Whether every step is printed as a line of JSON.
  let printsSteps: Bool
  /// Whether the system holds the process to a limit.
  let isLimited: Bool

  /// What is fixed before the first step.
  private struct Setting {
    let resolved: ResolvedRecipe
    let plan: Plan
    let schedule: LearningRateSchedule
    let steps: Int
    let fingerprint: [String: String]
  }

  /// - Throws: typed errors of reading, planning and training; a run that cannot fit is refused before it loads.
  func run() throws -> RunSummary {
    try options.check()
    if request.stepsInBackward == true, let norm = clippingNorm { throw UsageError.clippingInBackward(norm) }
    let groups = try options.groups()
    // Whatever flags cannot be is said before minutes go into reading; two tokens stand in for a length that is not
    // known yet.
    try options.sums.apply(to: resolved(sequence: request.sequence ?? 2).recipe)
    let adapter = try options.adapter.map { try AdapterFile(folder: $0) }
    try claimOutput()
    let tokenizer = try Tokenizer(path: options.tokenizer ?? modelPath)
    StandardError.write("reading \(options.data)")
    var data = try RunData(
      options, tokenizer: tokenizer, sequence: request.sequence, microBatch: request.microBatch ?? 1,
      maximumPositions: reference.spec.maximumPositions)
    StandardError.write(data.report.description)
    let setting = try setting(data)
    let topology = try Topology.load()
    try EngineOptions.start(threads: threads, on: topology)
    try EngineBudget.require(setting.plan, of: HostMemory.read(topologyTotal: topology.totalMemory))
    EngineThreads.warmUp()
    _ = ResidentSet.resetPeak()
    let baseline = try ResidentSet.read().current

    StandardError.write("loading \(modelPath): \(Fixed.grouped(reference.spec.parameterCount)) parameters")
    let trainer = try trainer(setting.resolved.recipe)
    try options.check(groups, match: trainer.trained.map(\.name))
    trainer.groups = groups
    try adapter?.load(into: trainer)
    try resume(trainer, &data, setting)

    var summary = RunSummary()
    try train(trainer, &data, setting, into: &summary)
    summary.residentGrowth = try ResidentSet.read().peak - baseline
    summary.files += try saveResult(trainer)
    // With everything saved, and outside what is counted above.
    summary.productPeak = ProductPeak.measure(for: setting.resolved.recipe)
    summary.title = "\(reference.spec.name), \(setting.resolved.recipe.method.name.rawValue)"
    summary.notes = data.report.description.split(separator: "\n").map(String.init)
    summary.stamp =
      try Stamp.now(
        topology: topology, threads: threads,
        linearAlgebra: Stamp.LinearAlgebra(version: BLAS.version, core: BLAS.core),
        commit: Build.commitFromEnvironment()
      ).lines + options.sums.stampLines
    return summary
  }

  private func trainer(_ recipe: Recipe) throws -> Trainer {
    let seed = options.seedValue
    if options.randomWeights {
      return try Trainer(reference.spec, recipe, source: SeededWeights(seed: seed), seed: seed)
    }
    return try Trainer(
      reference.spec, recipe, source: CheckpointWeights.open(modelPath, for: reference.spec),
      mapsWeights: options.mapping.mapsWeights(isLimited: isLimited), seed: seed)
  }

  private func setting(_ data: RunData) throws -> Setting {
    let resolved = try resolved(sequence: data.sequence)
    let recipe = resolved.recipe
    let plan = try Planner.plan(reference.spec, resolved, threads: threads)
    let perEpoch = data.stepsPerEpoch(accumulation: recipe.batch.accumulation)
    let steps = options.steps ?? perEpoch * (options.epochs ?? 1)
    let schedule = try LearningRateSchedule(
      kind: options.schedule, peak: recipe.optimizer.learningRate, warmUpSteps: options.warmupSteps ?? 0,
      totalSteps: steps)
    return Setting(
      resolved: resolved, plan: plan, schedule: schedule, steps: steps,
      fingerprint: RunFingerprint.of(
        reference.spec, recipe, schedule, data: data.fingerprint, options, clippingNorm: clippingNorm))
  }

  private func resolved(sequence: Int) throws -> ResolvedRecipe {
    var request = request
    request.stack = .plimsoll
    request.sequence = sequence
    return try request.resolved(for: reference.spec)
  }

  /// Makes the output folder, so that one that cannot be is known before anything is loaded; states of another run that
  /// lie there are not trained over, since the two could not be told apart afterwards.
  private func claimOutput() throws {
    if !options.resume, let state = RunState.newest(in: options.output) {
      throw UsageError.holdsAnotherRun(folder: options.output, state: state)
    }
    try OutputFile.requireFolder(options.output)
  }

  /// `nil` for no clipping.
  private var clippingNorm: Double? {
    let norm = options.maxGradNorm ?? (request.stepsInBackward == true ? 0 : 1)
    return norm > 0 ? norm : nil
  }

  private func resume(_ trainer: Trainer, _ data: inout RunData, _ setting: Setting) throws {
    guard options.resume else { return }
    guard let path = RunState.newest(in: options.output) else {
      StandardError.write("no saved state in \(options.output): starting from the beginning")
      return
    }
    let extra = try RunState.resume(trainer, from: path, settings: setting.fingerprint)
    guard case .object(let fields) = extra, case .integer(let epoch)? = fields["epoch"],
      case .integer(let position)? = fields["position"], case .integer(let rows)? = fields["rows"]
    else { throw RunStateError.unreadable(path: path, reason: "extra.epoch, position or rows is missing") }
    do {
      try data.resume(
        from: BatchSource.State(epoch: epoch, position: position, seed: options.seedValue, rows: rows))
    } catch { throw RunStateError.unreadable(path: path, reason: "\(error)") }
    guard trainer.stepCount < setting.steps else {
      throw RunStateError.unreadable(
        path: path, reason: "it is of step \(trainer.stepCount), and the run has \(setting.steps)")
    }
    StandardError.write("resuming from \(path), after step \(trainer.stepCount)")
  }

  private func train(
    _ trainer: Trainer, _ data: inout RunData, _ setting: Setting, into summary: inout RunSummary
  ) throws {
    let first = trainer.stepCount
    // A run from the beginning evaluates before its first step, and keeps no such line of an earlier one.
    let metrics = try Metrics(
      path: options.output + "/metrics.jsonl", keepingThrough: first == 0 ? -1 : first, isPrinting: printsSteps)
    if first == 0 { try evaluate(trainer, data, metrics, &summary) }
    var ledger: Ledger?
    while trainer.stepCount < setting.steps {
      let batches = data.next(setting.resolved.recipe.batch.accumulation)
      let rate = setting.schedule.rate(at: trainer.stepCount)
      let result = try trainer.step(batches, learningRate: rate, maximumGradientNorm: clippingNorm)
      summary.record(result, isFirst: result.step == first + 1)
      if ledger == nil { ledger = result.ledger }
      try metrics.write([
        "step": .integer(result.step), "loss": .number(result.loss), "tokens": .integer(result.tokens),
        "seconds": .number(result.seconds), "learning_rate": .number(rate),
        "gradient_norm": .number(result.gradientNorm), "counted_labels": .integer(result.counted),
      ])
      report(result, of: setting.steps, summary)
      let isLast = result.step == setting.steps
      if isLast || options.evalEvery.map({ result.step.isMultiple(of: $0) }) == true {
        try evaluate(trainer, data, metrics, &summary)
      }
      try save(trainer, data, setting, isLast: isLast)
    }
    summary.flopsPerStep = setting.plan.work.total
    summary.productFLOPsPerStep = setting.plan.work.matrixProducts
    summary.planned = setting.plan.ledger.peak
    summary.measured = ledger?.peak
    summary.isBalanced =
      ledger.map { Reconciliation(planned: setting.plan.ledger, measured: $0).balancesAfterLoading } ?? false
    summary.files.append(options.output + "/metrics.jsonl")
  }

  private func evaluate(
    _ trainer: Trainer, _ data: RunData, _ metrics: Metrics, _ summary: inout RunSummary
  ) throws {
    guard !data.evaluation.isEmpty else { return }
    let (loss, _) = try trainer.evaluate(data.evaluation)
    let evaluation = RunSummary.Evaluation(step: trainer.stepCount, loss: loss)
    summary.evaluations.append(evaluation)
    try metrics.write([
      "step": .integer(evaluation.step), "evaluation_loss": .number(loss), "perplexity": .number(evaluation.perplexity),
    ])
    StandardError.write(
      "evaluation after step \(evaluation.step): loss \(Fixed.text(loss, decimals: 4)) on "
        + "\(data.evaluationExamples) examples")
  }

  private func save(_ trainer: Trainer, _ data: RunData, _ setting: Setting, isLast: Bool) throws {
    let every = options.saveEvery ?? 50
    guard every > 0, trainer.stepCount.isMultiple(of: every), !isLast else { return }
    let state = data.state
    try RunState.save(
      trainer, in: options.output, settings: setting.fingerprint,
      extra: .object([
        "epoch": .integer(state.epoch), "position": .integer(state.position), "rows": .integer(state.rows),
      ]))
  }

  private func report(_ result: Trainer.StepResult, of steps: Int, _ summary: RunSummary) {
    let left = Int((Double(steps - result.step) * summary.seconds / Double(max(1, summary.steps))).rounded(.up))
    StandardError.write(
      "step \(result.step) of \(steps): loss \(Fixed.text(result.loss, decimals: 4)), "
        + "\(Fixed.text(result.tokensPerSecond, decimals: 1)) tokens/s, "
        + (left >= 60 ? "\(left / 60) min \(left % 60) s left" : "\(left) s left"))
  }

  /// The adapter, or the whole checkpoint if everything trained.
  private func saveResult(_ trainer: Trainer) throws -> [String] {
    if trainer.recipe.method == .full {
      let folder = options.output + "/model"
      try CheckpointFolder.write(trainer, to: folder, base: modelPath)
      return [folder + "/model.safetensors", folder + "/config.json"]
    }
    try AdapterFile.write(trainer, baseModel: modelPath, to: options.output)
    return [options.output + "/" + AdapterFile.weightsName, options.output + "/" + AdapterConfig.fileName]
  }
}

extension RunSummary {
  fileprivate mutating func record(_ result: Trainer.StepResult, isFirst: Bool) {
    if isFirst { firstLoss = result.loss }
    lastLoss = result.loss
    steps += 1
    tokens += result.tokens
    seconds += result.seconds
  }
}

extension Reconciliation {
  /// Whether the books agree in every moment but `load`, which a run that evaluates first has behind it.
  var balancesAfterLoading: Bool {
    tides.allSatisfy { $0.moment == "load" } && strayMoments.isEmpty && planned.bytes == measured.bytes
  }
}
