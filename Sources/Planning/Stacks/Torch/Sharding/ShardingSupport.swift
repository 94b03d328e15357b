import Bookkeeping
import Modeling

/// What of a step spread over GPUs has no rule.
enum ShardingSupport {
  static func check(_ spec: ModelSpec, _ recipe: Recipe) throws(PlanError) {
    let parallelism = recipe.parallelism
    let sharding = parallelism.sharding
    let settings = parallelism.settings
    func refusal(_ what: String, _ advice: String) -> PlanError {
      .notModeled(what: what, stack: recipe.stack, advice: advice)
    }
    guard sharding != .fsdp2 else {
      throw refusal("FSDP2 (fully_shard)", "plan --sharding fsdp, which divides the same tensors")
    }
    guard sharding.dividesWeights else { return }
    if sharding == .zero3, recipe.loss == .fused {
      throw refusal("a fused head under ZeRO-3", "plan --loss full, or --sharding fsdp")
    }
    if recipe.method.adapter != nil, recipe.choices.adapters != .peft,
      recipe.choices.adapters != .foak || sharding == .zero3
    {
      throw refusal("fused adapters in shards", "plan --stack trl")
    }
    if sharding == .zero3, recipe.usesGradientCheckpointing, recipe.choices.reentersCheckpoints,
      recipe.method.adapter != nil
    {
      throw refusal("re-entrant checkpoints around adapters under ZeRO-3", "plan --stack trl, or --no-checkpointing")
    }
    if settings.keepsParametersWhole, recipe.castFormat != nil {
      throw refusal("NO_SHARD under mixed precision", "plan --sharding ddp")
    }
    if recipe.adapterUnits == .withLayer, recipe.method.adapter != nil, !settings.usesOriginalParameters {
      throw refusal(
        "adapters in one flat parameter with frozen weights", "FSDP asks for use_orig_params: plan --stack trl")
    }
    if spec.feedForward.experts != nil, sharding == .zero3 {
      throw refusal("a mixture of experts under ZeRO-3", "plan --sharding fsdp or zero2")
    }
    guard let quantization = recipe.method.quantization else { return }
    if quantization == .int8 {
      throw refusal("an int8 base in shards", "its codes can't be part of a flat parameter: use --quant nf4")
    }
    if sharding == .zero3 {
      throw refusal("a quantized base under ZeRO-3", "plan --sharding fsdp or ddp")
    }
    if recipe.weightFormat == .fp32, recipe.castFormat != nil || recipe.choices.preparesForKbitTraining {
      throw refusal(
        "a quantized base beside fp32 weights in shards", "a flat parameter has one format: use --dtype bf16")
    }
    if recipe.choices.preparesForKbitTraining {
      throw refusal(
        "prepare_model_for_kbit_training on shards", "a flat parameter has one format: use --stack trl")
    }
  }
}
