import Bookkeeping
import Modeling

/// What the walk takes for granted and a user could do otherwise.
enum TorchAssumptions {
  static func sentences(_ spec: ModelSpec, _ recipe: Recipe, _ policy: TorchPolicy) -> [String] {
    var list = [
      "software: " + recipe.stack.description.software.joined(separator: ", "),
      "step: a steady one, optimizer states already made; every token with a label",
      policy.isPadded
        ? "batch: sequences of different lengths, padded; attention takes an explicit mask"
        : "batch: sequences of one length; fused attention takes no mask",
    ]
    list += ShardingAssumptions.sentences(recipe)
    if recipe.usesGradientCheckpointing {
      list.append(
        recipe.choices.reentersCheckpoints
          ? "gradient checkpointing: every decoder layer, re-entrant"
          : "gradient checkpointing: every decoder layer, non-reentrant, as Transformers 5 sets it up")
      let states = recipe.batch.tokens * spec.hiddenSize
      if policy.offloadsCheckpoints(of: states) {
        list.append(
          "checkpoints: \((spec.layerCount - 1) * ScalarFormat.bf16.storage(of: states)) of pinned host memory")
      }
    }
    switch recipe.method.quantization {
    case .nf4, .fp4:
      list.append(
        "bitsandbytes 0.50: weights quantized from \(recipe.weightFormat.rawValue), "
          + "compute type \(policy.computeFormat.rawValue); a whole weight is dequantized for each product, as for "
          + "more than 1536 tokens (fewer may take a kernel that needs no buffer, forward only)")
    case .int8:
      list.append("bitsandbytes 0.50, LLM.int8(): few outlier columns; inputs stay with the graph to its end")
    case nil: break
    }
    if policy.isPrepared {
      list.append("prepare_model_for_kbit_training: everything that is not quantized is cast to fp32")
    }
    if recipe.loss == .chunked { list.append("chunked loss: torchtune's, eight chunks of all logits") }
    if recipe.loss == .fused, recipe.choices.fusedHead == .trl, recipe.stack != .trl {
      list.append("fused loss: TRL's chunked log-probabilities, put on the model by hand (`add_fused_lm_head`)")
    }
    if recipe.precision == .pure, recipe.weightFormat == .fp32, recipe.attention == .sdpa {
      list.append("attention in fp32: a fused kernel that keeps grouped keys and values unexpanded")
    }
    if spec.feedForward.experts != nil, policy.choices.experts == .modules {
      list.append("experts: Transformers 4's layout, linear modules one after the other, rows spread evenly")
    } else if spec.feedForward.experts != nil {
      list.append(
        "experts: Transformers 5's layout, all of a layer in two tensors of rank 3 that bitsandbytes does not "
          + "quantize; grouped products, router loss off")
    }
    if spec.architecture == .gpt2 { list.append("dropout: GPT-2's own, 0.1") }
    return list
  }
}
