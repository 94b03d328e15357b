import Bookkeeping
import Modeling

/// A change that may save memory, before anything has been planned.
struct RemedyCandidate {
  let flags: String
  let reason: String
  let cost: Remedy.Cost
  let change: RecipeChange

  /// Every change that makes sense for `recipe`.
  static func all(for recipe: Recipe) -> [RemedyCandidate] {
    harmless(recipe) + slower(recipe) + optimizers(recipe) + otherArithmetic(recipe)
  }

  static func shorterSequence(_ sequence: Int) -> RemedyCandidate {
    RemedyCandidate(
      flags: "--seq \(sequence)", reason: "the longest sequence that fits as things are; longer samples are cut",
      cost: .task, change: RecipeChange(sequence: sequence))
  }

  private static func harmless(_ recipe: Recipe) -> [RemedyCandidate] {
    var list: [RemedyCandidate] = []
    for loss in [LossImplementation.fused, .chunked] where loss != recipe.loss && recipe.loss != .fused {
      list.append(
        RemedyCandidate(
          flags: "--loss \(loss.rawValue)", reason: "scores over the vocabulary are never all there at once",
          cost: .free, change: RecipeChange(loss: loss)))
    }
    if recipe.attention != .flash {
      list.append(
        RemedyCandidate(
          flags: "--attention flash", reason: "attention's scores are never kept", cost: .free,
          change: RecipeChange(attention: .flash)))
    }
    return list
  }

  private static func slower(_ recipe: Recipe) -> [RemedyCandidate] {
    var list: [RemedyCandidate] = []
    if !recipe.usesGradientCheckpointing {
      list.append(
        RemedyCandidate(
          flags: "--checkpointing", reason: "layers are run again in backward: a forward pass more", cost: .time,
          change: RecipeChange(usesGradientCheckpointing: true)))
    }
    if recipe.batch.microBatch > 1 {
      let accumulation = recipe.batch.microBatch * recipe.batch.accumulation
      list.append(
        RemedyCandidate(
          flags: "--batch 1 --grad-accum \(accumulation)",
          reason: "the same sequences a step, one after the other", cost: .time,
          change: RecipeChange(microBatch: 1, accumulation: accumulation)))
    }
    return list
  }

  private static func optimizers(_ recipe: Recipe) -> [RemedyCandidate] {
    switch recipe.optimizer.kind {
    case .adamw:
      [
        RemedyCandidate(
          flags: "--optimizer paged-adamw", reason: "moments can move to the host's memory when the card is full",
          cost: .time, change: RecipeChange(optimizer: .pagedAdamw)),
        RemedyCandidate(
          flags: "--optimizer adamw-8bit", reason: "moments in 8-bit codes", cost: .fidelity,
          change: RecipeChange(optimizer: .adamw8bit)),
        RemedyCandidate(
          flags: "--optimizer paged-adamw-8bit", reason: "moments in 8-bit codes that can move to the host's memory",
          cost: .fidelity, change: RecipeChange(optimizer: .pagedAdamw8bit)),
      ]
    case .adamw8bit:
      [
        RemedyCandidate(
          flags: "--optimizer paged-adamw-8bit", reason: "moments can move to the host's memory when the card is full",
          cost: .time, change: RecipeChange(optimizer: .pagedAdamw8bit))
      ]
    default: []
    }
  }

  private static func otherArithmetic(_ recipe: Recipe) -> [RemedyCandidate] {
    var list: [RemedyCandidate] = []
    if recipe.weightFormat == .fp32 {
      list.append(
        RemedyCandidate(
          flags: "--dtype bf16", reason: "weights with 8 bits of precision instead of 24", cost: .fidelity,
          change: RecipeChange(weightFormat: .bf16)))
    }
    let nf4 = Quantization.nf4(double: true)
    switch recipe.method {
    case .full, .partial:
      guard let adapter = try? LoRA(rank: 16, alpha: 32) else { break }
      list.append(
        RemedyCandidate(
          flags: "--method lora --rank 16", reason: "adapters train, the base stays as it is", cost: .fidelity,
          change: RecipeChange(method: .lora(adapter))))
      list.append(
        RemedyCandidate(
          flags: "--method qlora --rank 16", reason: "adapters train on a base in 4-bit codes", cost: .fidelity,
          change: RecipeChange(method: .qlora(adapter, nf4))))
    case .lora(let adapter):
      let flags = adapter.decomposesWeights ? "--quant nf4" : "--method qlora"
      list.append(
        RemedyCandidate(
          flags: flags, reason: "the frozen base in 4-bit codes", cost: .fidelity,
          change: RecipeChange(method: .qlora(adapter, nf4))))
    case .qlora(let adapter, let quantization) where quantization != nf4:
      list.append(
        RemedyCandidate(
          flags: "--quant nf4 --double-quant", reason: "4-bit codes whose constants are quantized too",
          cost: .fidelity, change: RecipeChange(method: .qlora(adapter, nf4))))
    case .qlora, .wrapped, .prompted: break
    }
    return list
  }
}
