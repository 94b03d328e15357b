import Bookkeeping
import Modeling

/// What the walk takes for granted and a user could do otherwise.
enum TorchAssumptions {
  static func sentences(_ spec: ModelSpec, _ recipe: Recipe, _ policy: TorchPolicy) -> [String] {
    var list = [
      "software: " + recipe.stack.description.software.joined(separator: ", "),
      policy.isFirstStep
        ? "step: the first one, which makes the optimizer's states; every token with a label"
        : "step: a steady one, optimizer states already made; every token with a label",
      policy.isPadded
        ? "batch: sequences of different lengths, padded; attention takes an explicit mask"
        : "batch: sequences of one length; fused attention takes no mask",
    ]
    list +=
      recipe.choices.modelCode == .megatron
      ? MegatronSupport.assumptions(recipe) : ShardingAssumptions.sentences(recipe)
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
    list += quantization(recipe, policy)
    list += optimizer(recipe)
    if policy.isPrepared {
      list.append("prepare_model_for_kbit_training: everything that is not quantized is cast to fp32")
    }
    if recipe.loss == .chunked {
      list.append(
        recipe.choices.modelCode.isLitGPT
          ? "chunked loss: LitGPT's, 128 tokens of each sequence at once"
          : "chunked loss: torchtune's, eight chunks of all logits")
    }
    if recipe.loss == .fused, recipe.choices.fusedHead == .trl, recipe.stack != .trl {
      list.append("fused loss: TRL's chunked log-probabilities, put on the model by hand (`add_fused_lm_head`)")
    }
    if policy.lacksFusedAttention(spec), !policy.isPadded {
      list.append(
        "attention: torch's memory-efficient kernel knows no shared keys and values, and flash attention neither fp32 "
          + "nor cards before compute capability 8.0: all scores are made")
    } else if recipe.precision == .pure, recipe.weightFormat == .fp32, recipe.attention == .sdpa {
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

  /// What an optimizer is told, and what of it is not counted.
  private static func optimizer(_ recipe: Recipe) -> [String] {
    switch recipe.optimizer.kind.family {
    case .galore:
      return [
        "GaLore: on the linear layers of attention and feed-forward networks (optim_target_modules attn, mlp), in a step "
          + "that makes its projectors anew; what cuSOLVER borrows is not counted"
      ]
    case .apollo:
      return [
        "APOLLO: on the linear layers of attention and feed-forward networks (optim_target_modules attn, mlp), random "
          + "projections"
      ]
    case .muon: return ["Muon: on the matrices inside the decoder; AdamW on embeddings, head, norms and biases"]
    case .torchao: return ["torchao's optimizer: what its compiled step leaves in memory is not counted"]
    case .torchAdamW, .fusedAdam, .torchSGD, .torchRMSprop, .torchAdagrad, .torchAdafactor, .transformersAdafactor,
      .bitsandbytes, .lomo, .scheduleFree, .adamMini:
      return []
    }
  }

  /// What quantized weights are read by.
  private static func quantization(_ recipe: Recipe, _ policy: TorchPolicy) -> [String] {
    guard let quantization = recipe.method.quantization else { return [] }
    switch quantization {
    case .nf4 where recipe.choices.nf4Layout == .torchao:
      return ["torchao's NF4: each weight is made whole forward and backward"]
    case .nf4, .fp4, .blockwise:
      if recipe.choices.fourBitProduct == .keepingInput {
        return ["bitsandbytes before 0.43.2: a whole weight is dequantized for each product, whose input is kept"]
      }
      let start =
        "bitsandbytes 0.50: weights quantized from \(recipe.weightFormat.rawValue), "
        + "compute type \(policy.computeFormat.rawValue); "
      switch recipe.batch.tokens {
      case ...TorchModel.fusedFourBitTokens:
        return [start + "so few tokens take a kernel that borrows no buffer forward"]
      case ...512:
        return [
          start + "a whole weight is dequantized for each product (up to 512 tokens some GPUs take a kernel that needs "
            + "no buffer, forward only)"
        ]
      case ...1536:
        return [
          start + "a whole weight is dequantized for each product (an A100 may take a kernel that needs no buffer for "
            + "weights below 4 million elements, forward only)"
        ]
      default: return [start + "a whole weight is dequantized for each product"]
      }
    case .int8: return ["bitsandbytes 0.50, LLM.int8(): few outlier columns; inputs stay with the graph to its end"]
    case .gptq:
      return [
        "GPTQ by gptqmodel's torch kernel, the one that trains: each weight is made whole in fp16 and kept for backward"
      ]
    case .awq:
      return [
        "AWQ by gptqmodel's GEMM kernel: above 1024 tokens each weight is made whole for its product, and repeated for "
          + "each sequence in backward"
      ]
    case .hqq: return ["HQQ 0.2.8, its PyTorch backend: each weight is made whole forward and backward"]
    case .torchaoNF4: return ["torchao 0.18, NF4: each weight is made whole forward and backward"]
    case .torchaoInt8: return ["torchao 0.18, int8 weight-only: each weight is cast whole and kept for backward"]
    case .torchaoInt4: return []
    }
  }
}
