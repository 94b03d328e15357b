extension TensorTable {
  /// What Megatron makes beside what its operations have in common with others'.
  static let megatron: [String: TensorRule] = {
    let buffer = "megatron/core/distributed/param_and_grad_buffer.py, _ParamAndGradBuffer"
    let optimizer = "megatron/core/optimizer/optimizer.py, Float16OptimizerWithFloat16Params"
    let distributed = "megatron/core/optimizer/distrib_optimizer.py, DistributedOptimizer"
    let entropy = "megatron/core/tensor_parallel/cross_entropy.py, VocabParallelCrossEntropy"
    let attention = "megatron/core/transformer/dot_product_attention.py, DotProductAttention.forward"
    let scores: TensorRule.Form = .fixed([[.b, .A, .s, .s]])
    var rules: [String: TensorRule] = [
      "megatron.main_gradients": TensorRule(
        .workspace, "all gradients in fp32, where micro-batches add up: there all the time", buffer),
      "megatron.parameters.padding": TensorRule(
        .workspace, "what parameters are aligned by in their buffer", buffer),
      "megatron.main_parameters": TensorRule(
        .workspace, "this GPU's share of the parameters in fp32, which the optimizer updates", distributed),
      "megatron.main_parameters.grad.norm": TensorRule(
        .one, because: "the norm of this GPU's gradients, for clipping",
        "megatron/core/optimizer/clip_grads.py, get_grad_norm_fp32"),
      "{parameter}.main": TensorRule(.own, "the parameter in fp32, which the optimizer updates", optimizer),
      "megatron.scores_buffer": TensorRule(
        scores, "the buffer that the product of scores is told not to add, kept for good", attention),
      "batch.loss_mask": TensorRule(
        .b, .s, because: "what each token's loss counts", "megatron/training/utils.py, get_batch_on_this_tp_rank"),
      "batch.labels.transposed": TensorRule(
        .workspace, "labels laid out token by token",
        "megatron/core/models/common/language_module/language_module.py, compute_language_model_loss"),
      "embedding.transposed": TensorRule(
        .tokens(.H), "embedded tokens laid out token by token, before dropout",
        "megatron/core/models/common/embeddings/language_model_embedding.py, LanguageModelEmbedding.forward"),
      "loss.target_mask": TensorRule(.T, because: "which targets another GPU's rows have: kept", entropy),
      "loss.masked_targets": TensorRule(.T, because: "the tokens to be predicted: kept", entropy),
      "{linear}.reshaped": TensorRule(
        .heads(.D), "queries of all groups laid out head by head, before they are rotated",
        "megatron/core/transformer/attention.py, SelfAttention.get_query_key_value_tensors"),
      "{linear}.laid_out": TensorRule(
        .heads(.D), "an operand copied out of the projection: kept by attention",
        "transformer_engine/pytorch/attention/dot_product_attention/utils.py, get_qkv_layout"),
      "attention.dropout.mask": TensorRule(
        scores, "which probabilities were dropped, a byte each: kept for dropout's backward", attention),
      "attention.dropped": TensorRule(
        scores, "probabilities after dropout: kept for the values' gradient", attention),
    ]
    for index in 0..<8 {
      rules["megatron.dummy_gradients.\(index)"] = TensorRule(
        .workspace, "what stands for gradients that the products have added already, one for all weights of a shape",
        "transformer_engine/pytorch/module/base.py, get_dummy_wgrad")
    }
    return rules
  }()
}
