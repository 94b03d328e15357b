import Bookkeeping
import Modeling

/// What of Megatron has no rule, and what is taken for granted of it.
enum MegatronSupport {
  static func check(_ spec: ModelSpec, _ recipe: Recipe) throws(PlanError) {
    func refuse(_ what: String, _ advice: String) -> PlanError {
      .notModeled(what: what, stack: recipe.stack, advice: advice)
    }
    guard recipe.method == .full else {
      throw refuse("the method \(recipe.method.name.rawValue)", "use --method full, or --stack trl")
    }
    guard recipe.weightFormat == .bf16, recipe.precision == .pure else {
      throw refuse(
        "\(recipe.weightFormat.rawValue) weights or autocast",
        "its scripts pass --bf16: use --dtype bf16 --precision pure")
    }
    guard recipe.optimizer.kind == .fusedAdam else {
      throw refuse(
        recipe.optimizer.kind.rawValue, "its Adam is Transformer Engine's or Apex's: use --optimizer fused-adam")
    }
    guard recipe.loss == .full else { throw refuse("a \(recipe.loss.rawValue) loss", "use --loss full") }
    switch recipe.parallelism.sharding {
    case .none, .ddp, .zero1: break
    case .zero2, .zero3, .fsdp, .fsdp2:
      throw refuse(
        recipe.parallelism.sharding.rawValue,
        "its distributed optimizer divides optimizer states: use --sharding zero1, or ddp")
    }
    if recipe.parallelism.settings.offload != .none {
      throw refuse("states on the host", "leave out --offload, or plan --stack trl")
    }
    let isPlain =
      spec.feedForward.experts == nil && !spec.normalization.normalizesOutputs && !spec.normalization.weightIsOffset
      && !spec.normalization.isParallel && !spec.attention.normalizesQueryAndKey && spec.finalLogitSoftcap == nil
      && spec.attention.logitSoftcap == nil && !spec.headHasBias
    let isLlama =
      spec.feedForward.isGated && spec.feedForward.activation == .silu && !spec.feedForward.hasBias
      && spec.normalization.kind == .rms && !spec.attention.hasOutputBias
    guard isPlain, isLlama || spec.architecture == .gpt2 else {
      throw refuse("\(spec.name), a \(spec.architecture.rawValue) model", "plan --stack trl")
    }
    if recipe.attention == .eager { try checkSoftmax(spec.share(in: recipe), recipe) }
  }

  /// Shapes that the fused softmax doesn't take run in torch's operations, which have no rule here.
  ///
  /// Source: megatron/core/fusions/fused_softmax.py, `FusedScaleMaskSoftmax.is_kernel_available`; apex
  /// csrc/megatron/scaled_masked_softmax.h, `get_batch_per_block`: four warps a block, two rows a warp up to 128 columns.
  private static func checkSoftmax(_ spec: ModelSpec, _ recipe: Recipe) throws(PlanError) {
    let length = recipe.batch.sequence
    let rows = recipe.batch.microBatch * spec.attention.heads
    guard length > 16, length <= 4096, length.isMultiple(of: 4), rows.isMultiple(of: length <= 128 ? 8 : 4) else {
      throw .notModeled(
        what: "eager attention of \(rows) heads over \(length) tokens", stack: recipe.stack,
        advice:
          "its fused softmax takes 20 to 4096 tokens in multiples of 4, and heads times sequences in multiples of "
          + "4, or 8 up to 128 tokens: change --seq or --batch, or use --attention sdpa")
    }
  }

  static func assumptions(_ recipe: Recipe) -> [String] {
    let (devices, replicas) = (recipe.parallelism.devices, recipe.parallelism.replicas)
    let settings = recipe.parallelism.settings
    let isDivided = settings.tensorParallelSize > 1
    var list = [
      "Megatron: no \(isDivided ? "" : "tensor, ")pipeline or context parallelism, gradients reduced after backward, "
        + "gradient_accumulation_fusion on, cross_entropy_loss_fusion off",
      "attention: \(attention(recipe)); the sizes of what its backward borrows are flash-attn's",
    ]
    if recipe.parallelism.sharding == .zero1 {
      list.append("distributed optimizer: main parameters and moments divided by \(replicas)")
    }
    if isDivided {
      list.append(
        "tensor parallelism: \(settings.tensorParallelSize) GPUs run a micro-batch together"
          + (settings.usesSequenceParallel
            ? ", sequence parallelism on" : ", norms and residual streams whole on each of them")
          + "; tp_comm_overlap off")
    }
    if recipe.parallelism != .single {
      list.append(
        "GPUs: memory, work and tokens are those of one of \(devices), the first; each "
          + (isDivided ? "group of \(settings.tensorParallelSize) " : "") + "runs micro-batches of its own")
    }
    return list
  }

  private static func attention(_ recipe: Recipe) -> String {
    switch recipe.attention {
    case .sdpa: "Transformer Engine's on cuDNN"
    case .flash: "Transformer Engine's on flash-attn"
    case .eager: "megatron-core's own, scores and fused softmax"
    }
  }
}
