package import Modeling

/// A number of a recipe that can be stretched.
public enum Axis: String, CaseIterable, Hashable, Sendable, Codable {
  /// Tokens of a sequence.
  case sequence
  /// Sequences of a micro-batch.
  case microBatch = "micro_batch"
  /// Rank of low-rank adapters.
  case rank
}

extension Axis {
  /// The least that sequences stand apart on their ladder.
  public static let sequenceUnit = 16

  /// The numbers that a search chooses from; `nil` where the recipe has no such number.
  package func ladder(_ spec: ModelSpec, _ recipe: Recipe) -> Ladder? {
    switch self {
    case .sequence:
      // Virtual tokens take positions too.
      let taken = recipe.method.virtualTokens?.count ?? 0
      return Ladder(
        upTo: max(1, spec.maximumPositions - taken), unit: Axis.sequenceUnit, including: [recipe.batch.sequence])
    case .microBatch: return Ladder(upTo: 1 << 12, including: [recipe.batch.microBatch])
    case .rank:
      guard let adapter = recipe.method.adapter else { return nil }
      return Ladder(upTo: spec.hiddenSize, including: [adapter.rank])
    }
  }

  /// The recipe with another number; `nil` if there is none.
  package func recipe(_ recipe: Recipe, at number: Int) -> Recipe? {
    switch self {
    case .sequence: return recipe.changed(RecipeChange(sequence: number))
    case .microBatch: return recipe.changed(RecipeChange(microBatch: number))
    case .rank: return recipe.method.with(rank: number).flatMap { recipe.changed(RecipeChange(method: $0)) }
    }
  }

  /// Numbers from which on the software takes another way, so that live bytes may fall there.
  ///
  /// - A second sequence has copies made contiguous that one alone doesn't need (batch 2).
  /// - Unsloth's checkpoints leave the device from 2 MiB on (unsloth_zoo/gradient_checkpointing.py, `MINIMUM_SIZE`), and
  ///   its head works in tiles from 4096 labeled rows on (fused_losses/fused_linear.py, `_tiled_layout`).
  /// - AWQ makes weights whole from 1024 tokens on (gptqmodel nn_modules/qlinear/gemm_awq.py).
  /// - Megatron's fused softmax takes lengths from 16 to 4096 in multiples of 4: every number may differ.
  /// - 8-bit states begin with 4096 elements and paged ones with 100,000 (bitsandbytes/optim/optimizer.py); torchao's
  ///   need whole blocks besides, and DeepSpeed's buckets and thresholds count elements: every rank may differ.
  package func breaks(_ spec: ModelSpec, _ recipe: Recipe) -> [Int] {
    let rungs = ladder(spec, recipe)?.rungs ?? []
    switch self {
    case .rank: return rankBreaks(spec, recipe) ?? rungs
    case .sequence, .microBatch:
      if recipe.choices.modelCode == .megatron { return rungs }
      let other = self == .sequence ? recipe.batch.microBatch : recipe.batch.sequence
      var tokens: [Int] = []
      if recipe.choices.checkpoints == .host { tokens.append((1 << 20) / spec.hiddenSize + 1) }
      if recipe.choices.fusedHead == .unsloth, recipe.loss == .fused {
        tokens += [4096, 4096 + recipe.batch.microBatch, 4096 + other]
      }
      if case .awq = recipe.method.quantization { tokens.append(1025) }
      return tokens.map { ($0 + other - 1) / other } + (self == .microBatch ? [2] : [])
    }
  }

  /// `nil` where every rank may differ.
  private func rankBreaks(_ spec: ModelSpec, _ recipe: Recipe) -> [Int]? {
    guard !recipe.parallelism.sharding.isDeepSpeed else { return nil }
    let thresholds: [Int]
    switch recipe.optimizer.kind.family {
    case .bitsandbytes(let states): thresholds = (states.isQuantized ? [4096] : []) + (states.isPaged ? [100_000] : [])
    case .torchao, .galore, .apollo, .muon, .adamMini: return nil
    default: thresholds = []
    }
    guard !thresholds.isEmpty, let adapter = recipe.method.adapter else { return [] }
    let modules = spec.linearModules(0).filter(adapter.targets.match)
    let widths = Set(modules.flatMap { [$0.input, $0.output] })
    return widths.flatMap { width in thresholds.map { ($0 + width - 1) / width } }
  }
}

extension Method {
  /// The same method with adapters of another rank, their scale staying what it was.
  package func with(rank: Int) -> Method? {
    guard let adapter, let lora = try? adapter.with(rank: rank) else { return nil }
    return with(adapter: lora)
  }

  /// The same method with other adapters.
  package func with(adapter: LoRA) -> Method {
    if case .qlora(_, let quantization) = self { return .qlora(adapter, quantization) }
    return .lora(adapter)
  }
}
