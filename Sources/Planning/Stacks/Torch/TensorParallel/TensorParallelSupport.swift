import Bookkeeping
import Modeling

/// What of tensor and sequence parallelism software refuses, or what no rule is written for.
enum TensorParallelSupport {
  static func check(_ spec: ModelSpec, _ recipe: Recipe) throws(PlanError) {
    let settings = recipe.parallelism.settings
    guard settings.tensorParallelSize > 1 else { return }
    func refusal(_ what: String, _ advice: String) -> PlanError {
      .notModeled(what: what, stack: recipe.stack, advice: advice)
    }
    switch recipe.choices.modelCode {
    case .megatron: break
    case .transformers: try checkTransformers(spec, recipe)
    case .torchtune, .torchtune2024, .litgpt, .litgpt2023:
      throw refusal("tensor parallelism", "plan --stack megatron or transformers, or --sharding fsdp")
    }
    try checkWidths(spec, recipe)
  }

  /// What has to divide by the GPUs.
  ///
  /// Sources: megatron/core/transformer/transformer_config.py, `TransformerConfig.__post_init__`; megatron/core/utils.py,
  /// `divide`; transformers distributed/tensor_parallel.py, `get_kv_heads_per_rank`.
  private static func checkWidths(_ spec: ModelSpec, _ recipe: Recipe) throws(PlanError) {
    let t = recipe.parallelism.settings.tensorParallelSize
    func divides(_ name: String, _ value: Int, _ what: String = "") throws(PlanError) {
      guard !value.isMultiple(of: t) else { return }
      throw .notModeled(
        what: "\(value) \(name) of \(spec.name) over \(t) GPUs\(what)", stack: recipe.stack,
        advice: "choose a --tensor-parallel that divides them: \(divisors(of: value, atMost: t))")
    }
    try divides("attention heads", spec.attention.heads)
    // Megatron gathers all projections where GPUs are more than key/value heads (transformer/attention.py,
    // `get_query_key_value_tensors`).
    try divides(
      "key/value heads", spec.attention.keyValueHeads,
      recipe.choices.modelCode == .megatron && t > spec.attention.keyValueHeads
        ? ", where Megatron gathers every projection whole" : "")
    try divides("units inside the feed-forward network", spec.feedForward.intermediateSize)
    // Megatron pads the vocabulary; DTensor would give the last GPU fewer rows.
    if recipe.choices.modelCode != .megatron { try divides("vocabulary rows", spec.vocabularySize) }
    guard recipe.parallelism.settings.usesSequenceParallel else { return }
    guard recipe.batch.sequence.isMultiple(of: t) else {
      // megatron/core/tensor_parallel/mappings.py, `_reduce_scatter_along_first_dim`.
      throw .notModeled(
        what: "a sequence of \(recipe.batch.sequence) tokens divided by \(t)", stack: recipe.stack,
        advice: "choose a --seq that is a multiple of \(t), or leave out --sequence-parallel")
    }
  }

  /// Transformers' plans, which `tp_plan="auto"` takes from the family's configuration.
  private static func checkTransformers(_ spec: ModelSpec, _ recipe: Recipe) throws(PlanError) {
    let parallelism = recipe.parallelism
    func refusal(_ what: String, _ advice: String) -> PlanError {
      .notModeled(what: what, stack: recipe.stack, advice: advice)
    }
    guard [.transformers, .trl, .trlFullLogits].contains(recipe.stack) else {
      throw refusal("tensor parallelism", "plan --stack transformers, trl or megatron, or --sharding fsdp")
    }
    if parallelism.settings.usesSequenceParallel {
      throw refusal(
        "sequence parallelism, which no plan of Transformers for \(spec.architecture.rawValue) has",
        "leave out --sequence-parallel, or plan --stack megatron")
    }
    guard parallelism.sharding == .none, parallelism.replicas == 1 else {
      throw refusal(
        "tensor parallelism beside \(parallelism.sharding.rawValue)",
        "let --tensor-parallel be all GPUs, or plan --stack megatron with --sharding zero1 or ddp")
    }
    // configuration_gpt2.py has no `base_model_tp_plan`; those of Phi-3 gather every projection, those of Phi and GPT-NeoX
    // divide biases of the sums, those of mixtures experts.
    guard [.llama, .mistral, .qwen2, .qwen3, .gemma, .gemma2, .gemma3].contains(spec.architecture),
      spec.feedForward.experts == nil, !spec.attention.hasOutputBias, !spec.feedForward.hasBias, !spec.headHasBias
    else {
      throw refusal(
        "\(spec.name), a \(spec.architecture.rawValue) model, in tensor parallel",
        "its family has no tensor-parallel plan in Transformers, or one that is not modeled: use --sharding fsdp")
    }
    guard recipe.method == .full else {
      // PEFT 0.21.2 under Transformers 5.23: an adapter on a row-parallel layer ends in a RuntimeError, since its A takes
      // the layer's own share for the whole width (peft/tuners/lora/model.py, `add_lora_tp_hooks_dtensor`); bitsandbytes'
      // weights are no DTensors.
      throw refusal(
        "\(recipe.method.name.rawValue) in tensor parallel, which PEFT 0.21.2 fails on for row-parallel layers",
        "use --method full, or --sharding fsdp")
    }
    guard recipe.loss == .full else {
      throw refusal("a \(recipe.loss.rawValue) loss on a divided head", "use --loss full")
    }
    guard recipe.optimizer.kind == .adamw, recipe.optimizer.implementation == .fused else {
      // The Trainer makes a group of what is divided and one of what isn't (trainer.py, `create_optimizer`).
      throw refusal(
        "\(recipe.optimizer.kind.rawValue), \(recipe.optimizer.implementation.rawValue), on DTensors",
        "use --optimizer adamw --optimizer-implementation fused")
    }
  }

  private static func divisors(of value: Int, atMost limit: Int) -> String {
    var found: [String] = []
    var power = 1
    while power <= limit, value.isMultiple(of: power) {
      found.append("\(power)")
      power *= 2
    }
    return found.joined(separator: ", ")
  }
}
