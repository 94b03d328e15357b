public import Bookkeeping
public import Modeling

/// The walk of one training step on the stacks over PyTorch: Transformers' `Trainer` and TRL's `SFTTrainer`.
///
/// No formula per method: the model's operations run through a symbolic autograd (``Tape``), each saying what it keeps
/// under which of its inputs needing a gradient. The step is a steady one, in which optimizer states are there from the
/// start, unless ``Options/isFirstStep`` says otherwise.
public enum TorchWalk {
  /// A step's books, and what its journal cannot say.
  public struct Result: Sendable {
    public let journal: Journal
    /// What was taken for granted, a sentence each.
    public let assumptions: [String]
    /// Bytes in the journal that torch's allocator does not see: pages of paged optimizers.
    public let outsideAllocator: Bytes
    /// The openings that those bytes are of.
    public let outsideEntries: Set<Journal.ID>
    let rules: LoadRules

    /// The books of loading: from an empty device to the first step.
    public var load: Ledger { Ledger(posting: LoadJournal.journal(of: journal.residents, rules)) }

    /// The most live bytes while weights are quantized and cast, before the first step; `nil` where loading is no more
    /// than filling the weights.
    public var loadPeak: Bytes? { rules.isQuantized ? load.peak.bytes : nil }
  }

  /// What a recipe leaves open.
  public struct Options: Hashable, Sendable {
    /// One cuBLAS workspace: 8,519,680 bytes, or 32 MiB from compute capability 9.0 on.
    ///
    /// A training process has two, one for the handle of each of its threads. Source: torch
    /// aten/src/ATen/cuda/CublasHandlePool.cpp, `parseChosenWorkspaceSize`.
    public var cublasWorkspace: Bytes
    /// Whether attention's backward borrows what its CUDA kernels borrow; those of CPUs borrow less.
    public var countsAttentionWorkspace: Bool

    /// Whether sequences of a batch differ in length, so that attention is handed an explicit mask.
    public var isPadded: Bool
    /// Whether the step is the first, in which optimizers make their states, rather than a later one that finds them.
    public var isFirstStep: Bool

    /// Whether the card has no more than 24.5 GiB, on which Unsloth's fused head works in smaller tiles.
    public var isSmallCard: Bool
    /// Whether torch has flash attention for the card, from compute capability 8.0 on.
    public var hasFlashKernels: Bool

    public init(
      cublasWorkspace: Bytes = Bytes(8_519_680), countsAttentionWorkspace: Bool = true, isPadded: Bool = false,
      isSmallCard: Bool = false, isFirstStep: Bool = false, hasFlashKernels: Bool = true
    ) {
      self.hasFlashKernels = hasFlashKernels
      self.cublasWorkspace = cublasWorkspace
      self.countsAttentionWorkspace = countsAttentionWorkspace
      self.isPadded = isPadded
      self.isFirstStep = isFirstStep
      self.isSmallCard = isSmallCard
    }
  }

  /// Writes the journal of one step.
  ///
  /// Deep models are walked at a few layers only, and their books copied together where their layers are alike.
  ///
  /// - Throws: ``PlanError/notModeled(what:stack:advice:)`` for what has no rule.
  public static func journal(
    _ spec: ModelSpec, _ recipe: Recipe, options: Options = Options()
  ) throws(PlanError) -> Result {
    try check(spec, recipe)
    let share = spec.share(in: recipe)
    let walk = RepeatedWalk(share, recipe, options).flatMap { $0.journal } ?? walk(share, recipe, options)
    return result(walk, spec, recipe, options)
  }

  /// As ``journal(_:_:options:)``, with every layer walked.
  package static func wholeJournal(
    _ spec: ModelSpec, _ recipe: Recipe, options: Options = Options()
  ) throws(PlanError) -> Result {
    try check(spec, recipe)
    return result(walk(spec.share(in: recipe), recipe, options), spec, recipe, options)
  }

  /// Whether the books of a deep model are copied from those of a shallow one.
  package static func isCopied(_ spec: ModelSpec, _ recipe: Recipe, options: Options = Options()) -> Bool {
    RepeatedWalk(spec.share(in: recipe), recipe, options) != nil
  }

  /// The walk of a deep model whose layers are alike; `nil` where each has to be walked.
  static func repeated(
    _ spec: ModelSpec, _ recipe: Recipe, options: Options
  ) throws(PlanError) -> RepeatedWalk? {
    try check(spec, recipe)
    return RepeatedWalk(spec.share(in: recipe), recipe, options)
  }

  /// What a step asks of torch's allocator, and how much of its books is outside of it: all that a search needs.
  static func trace(
    _ spec: ModelSpec, _ recipe: Recipe, options: Options = Options()
  ) throws(PlanError) -> (trace: AllocationTrace, outside: Bytes) {
    try check(spec, recipe)
    let share = spec.share(in: recipe)
    if let repeated = RepeatedWalk(share, recipe, options) { return repeated.trace }
    let walk = walk(share, recipe, options)
    let rules = LoadRules(TorchPolicy(recipe, options))
    return (AllocationTrace(walk.journal, excluded: walk.outside, rules: rules), walk.journal.bytes(of: walk.outside))
  }

  /// What a walk has written.
  struct Books {
    let journal: Journal
    let outside: Set<Journal.ID>
  }

  private static func result(_ books: Books, _ spec: ModelSpec, _ recipe: Recipe, _ options: Options) -> Result {
    let policy = TorchPolicy(recipe, options)
    return Result(
      journal: books.journal, assumptions: TorchAssumptions.sentences(spec, recipe, policy),
      outsideAllocator: books.journal.bytes(of: books.outside), outsideEntries: books.outside,
      rules: LoadRules(policy))
  }

  private static func walk(_ spec: ModelSpec, _ recipe: Recipe, _ options: Options) -> Books {
    let (tape, outside) = tape(spec, of: spec, recipe, options)
    return Books(journal: tape.journal, outside: outside)
  }

  /// Walks every layer of `spec`, which stands for the model `whole`, or is it.
  static func tape(
    _ spec: ModelSpec, of whole: ModelSpec, _ recipe: Recipe, _ options: Options
  ) -> (tape: Tape, outside: Set<Journal.ID>) {
    let first = tape(spec, of: whole, recipe, options, trace: [])
    guard recipe.parallelism.sharding == .zero3 else { return first }
    return tape(spec, of: whole, recipe, options, trace: first.tape.sharding.seenTrace)
  }

  private static func tape(
    _ spec: ModelSpec, of whole: ModelSpec, _ recipe: Recipe, _ options: Options, trace: [Int]
  ) -> (tape: Tape, outside: Set<Journal.ID>) {
    let policy = TorchPolicy(recipe, options)
    var tape = Tape(clock: StepClock(spec: spec, recipe: recipe))
    tape.stepsInBackward = recipe.choices.stepsInBackward
    let sharding = ShardedSetup(whole: whole, recipe: recipe, policy: policy)
    sharding.begin(&tape)
    let weights = TorchLoader(spec: spec, policy: policy, method: recipe.method, sequence: recipe.batch.sequence)
      .load(&tape)
    sharding.finish(&tape, trace: trace)
    let optimizer = TorchOptimizer(
      recipe.optimizer, headElements: spec.headElements, isFirstStep: options.isFirstStep,
      scalesLoss: policy.autocast == .fp16)
    var outside = optimizer.prepare(&tape)
    if recipe.choices.keepsGradients, !options.isFirstStep { tape.openGradients() }
    let dummies = openDummyGradients(&tape, spec, policy)
    openGlobalBuffer(&tape, spec, recipe)
    openBatch(&tape, spec, recipe)
    for handle in ["main", "autograd"] where options.cublasWorkspace > .zero {
      _ = tape.openNamed(
        TensorName.workspace("cublas.\(handle)"), [options.cublasWorkspace.count], .int8, .runtime)
    }
    let model = TorchModel(
      spec: spec, policy: policy, weights: weights, microBatch: recipe.batch.microBatch,
      sequence: recipe.batch.sequence + (recipe.method.virtualTokens?.tokensInStream ?? 0),
      staging: openKeptBuffers(&tape, spec, recipe, policy), dummyGradients: dummies)
    for microBatch in 0..<recipe.batch.accumulation {
      tape.microBatch = microBatch
      tape.sharding.isReducing = sharding.reduces(after: microBatch)
      model.run(&tape)
    }
    tape.advance(to: .optimizer)
    MegatronBuffers.sumSharedGradients(&tape, whole, policy)
    let gradients = tape.beginShardedStep()
    let cutOut = policy.tensorParallelSize > 1 ? tape.cutOutGradients() : []
    outside.formUnion(optimizer.step(&tape))
    for gradient in cutOut { tape.drop(gradient) }
    if let gradients { tape.drop(gradients) }
    tape.advance(to: .zeroGrad)
    if !recipe.choices.keepsGradients { tape.zeroGradients() }
    return (tape, outside)
  }

  /// Buffers that software of its own keeps from the first step on: for checkpoints on their way back, and for
  /// dequantized weights.
  ///
  /// - Returns: one of the two buffers for checkpoints, if there are any; they are used in turn.
  private static func openKeptBuffers(
    _ tape: inout Tape, _ spec: ModelSpec, _ recipe: Recipe, _ policy: TorchPolicy
  ) -> Tensor? {
    if policy.keepsScratch {
      let largest = spec.linearModules(0).map { $0.input * $0.output }.max() ?? 0
      _ = tape.openNamed("scratch.weight", [largest], policy.weightFormat, .workspace)
    }
    let hidden: Shape = [recipe.batch.tokens, spec.hiddenSize]
    guard policy.offloadsCheckpoints(of: hidden.count) else { return nil }
    let format: ScalarFormat = policy.tableFormat == .fp32 ? .bf16 : policy.tableFormat
    _ = tape.openNamed("checkpoints.second_buffer", hidden, format, .checkpoints)
    return tape.openNamed("checkpoints.buffer", hidden, format, .checkpoints)
  }

  /// Token ids, labels and padding masks of every micro-batch: the trainer fetches them together
  /// (transformers trainer.py, `get_batch_samples`).
  private static func openBatch(_ tape: inout Tape, _ spec: ModelSpec, _ recipe: Recipe) {
    guard recipe.choices.modelCode != .megatron else { return openMegatronBatch(&tape, recipe) }
    let shape: Shape = [recipe.batch.microBatch, recipe.batch.sequence]
    for _ in 0..<recipe.batch.accumulation {
      let masks = recipe.choices.modelCode == .transformers ? ["batch.attention_mask"] : []
      for name in [TensorName.tokens, TensorName.labels] + masks {
        _ = tape.openNamed(name, shape, .int64, .batch)
      }
    }
  }

  private static func check(_ spec: ModelSpec, _ recipe: Recipe) throws(PlanError) {
    guard recipe.stack.isTorch else {
      throw .notModeled(what: "a step of this engine as PyTorch", stack: recipe.stack, advice: "use --stack trl")
    }
    // FlashAttention caps scores in its kernel (transformers modeling_flash_attention_utils.py, `softcap`).
    if spec.attention.logitSoftcap != nil, recipe.attention == .sdpa {
      throw .notModeled(
        what: "\(recipe.attention.rawValue) attention with a cap on its scores (\(spec.name))", stack: recipe.stack,
        advice: "transformers runs such models with --attention eager")
    }
    if recipe.precision == .pure, recipe.attention == .flash, recipe.weightFormat == .fp32 {
      throw .notModeled(
        what: "flash attention in fp32", stack: recipe.stack,
        advice: "its kernels take bf16 and fp16 only: use --attention sdpa, --precision autocast or --dtype bf16")
    }
    if ExpertAdapters(of: spec, method: recipe.method) != nil, recipe.choices.experts == .grouped,
      let lora = recipe.method.adapter, lora.decomposesWeights || lora.dropout > 0
    {
      // peft/tuners/lora/layer.py, `ParamWrapper.__init__`.
      throw .notModeled(
        what: "DoRA or dropout on the stacked experts of \(spec.name), which PEFT refuses", stack: recipe.stack,
        advice: "plan --targets attention, or --lora-dropout 0")
    }
    if spec.feedForward.experts != nil, recipe.choices.experts == .modules, !spec.feedForward.isGated {
      throw .notModeled(
        what: "experts without a gate as modules", stack: recipe.stack, advice: "no published model has them")
    }
    if case .wrapped(let wrapper, .some) = recipe.method, !wrapper.runsOnQuantized {
      throw .notModeled(
        what: "\(recipe.method.name.rawValue) on a quantized base, which PEFT has no layer for", stack: recipe.stack,
        advice: "leave out --quant, or use --method qlora")
    }
    if spec.normalization.isParallel, spec.feedForward.experts != nil {
      throw .notModeled(
        what: "a mixture of experts beside attention", stack: recipe.stack, advice: "no published model has it")
    }
    try TensorParallelSupport.check(spec, recipe)
    try ShardingSupport.check(spec, recipe)
    try StackSupport.check(spec, recipe)
    try checkQuantization(spec, recipe)
    try checkOptimizer(spec, recipe)
  }
}

extension Journal {
  /// Bytes of some openings together.
  fileprivate func bytes(of ids: Set<ID>) -> Bytes { ids.reduce(.zero) { $0 + bytes(of: $1) } }
}
