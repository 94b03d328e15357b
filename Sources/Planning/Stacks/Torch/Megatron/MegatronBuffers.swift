import Bookkeeping
import Modeling

// Shape letters here: P parameters with what aligns them, d GPUs.

/// What Megatron keeps beside its bf16 parameters: gradients that add up in one fp32 buffer, and fp32 parameters that the
/// optimizer updates.
///
/// Sources: megatron/core/distributed/param_and_grad_buffer.py, `_ParamAndGradBuffer`; distributed_data_parallel.py,
/// `_make_backward_post_hook`; optimizer/optimizer.py, `Float16OptimizerWithFloat16Params`, whose `.float()` of an fp32
/// gradient is that gradient; optimizer/distrib_optimizer.py, `DistributedOptimizer`.
struct MegatronBuffers {
  let whole: ModelSpec
  let parallelism: Parallelism

  private var isDistributed: Bool { parallelism.sharding == .zero1 }

  func open(_ tape: inout Tape) {
    let layout = MegatronLayout(
      counts: whole.megatronParameters.map(\.count), isDistributed: isDistributed, devices: parallelism.replicas)
    _ = tape.openNamed("megatron.main_gradients", [layout.count], .fp32, .gradients)
    // A parameter's `.grad` is added to the buffer as soon as it is there, and let go.
    tape.sharding.viewsGradients = true
    guard isDistributed else { return openMainParameters(&tape) }
    if layout.padding > 0 {
      _ = tape.openNamed("megatron.parameters.padding", [layout.padding], .bf16, .weights)
    }
    let shard = tape.openNamed("megatron.main_parameters", [layout.ownCount], .fp32, .optimizerState)
    tape.sharding.optimized = [Leaf(tensor: shard, isParameter: true, layer: nil)]
  }

  /// One fp32 parameter beside each in bf16, after which the states are called as after that.
  private func openMainParameters(_ tape: inout Tape) {
    var optimized: [Leaf] = []
    for leaf in tape.leaves where leaf.isParameter {
      tape.layer = leaf.layer
      let name = leaf.tensor.name
      let main = tape.openNamed(name + ".main", leaf.tensor.shape, .fp32, .optimizerState)
      let named = Tensor(
        storage: main.storage, shape: main.shape, format: .fp32, account: .optimizerState, name: name, source: .none)
      optimized.append(Leaf(tensor: named, isParameter: true, layer: leaf.layer))
    }
    tape.layer = nil
    tape.sharding.optimized = optimized
  }
}

/// Where parameters lie in Megatron's buffers, the last one first.
///
/// Source: megatron/core/distributed/param_and_grad_buffer.py, `_pad_start_of_param_if_needed`,
/// `_pad_end_of_bucket_if_needed`; one bucket, since gradients are not reduced while backward runs.
package struct MegatronLayout {
  /// Elements of the buffer, P.
  package let count: Int
  /// Elements that no parameter has.
  package let padding: Int
  /// Elements of parameters in the first GPU's part of the buffer.
  package let ownCount: Int

  package init(counts: [Int], isDistributed: Bool, devices: Int) {
    var end = 0
    var ranges: [Range<Int>] = []
    for count in counts.reversed() {
      let start = isDistributed ? (end + 63) / 64 * 64 : end
      ranges.append(start..<start + count)
      end = start + count
    }
    var divisor = devices
    while !divisor.isMultiple(of: 128) { divisor += devices }
    count = isDistributed ? (end + divisor - 1) / divisor * divisor : end
    padding = count - counts.reduce(0, +)
    let part = 0..<(count / devices)
    ownCount = ranges.reduce(0) { $0 + $1.clamped(to: part).count }
  }
}

extension TorchWalk {
  /// One bf16 buffer for the linear weights of each shape, there from the first backward pass on: what autograd is handed
  /// in place of gradients that the products have added to the buffer already.
  ///
  /// Sources: megatron/core/tensor_parallel/layers.py, `LinearWithGradAccumulationAndAsyncCommunication.backward`;
  /// transformer_engine/pytorch/module/base.py, `get_dummy_wgrad`.
  static func openDummyGradients(_ tape: inout Tape, _ spec: ModelSpec, _ policy: TorchPolicy) -> [Shape: Tensor] {
    guard policy.choices.modelCode == .megatron else { return [:] }
    var dummies: [Shape: Tensor] = [:]
    let shapes = spec.megatronModules(0).map { Shape([$0.output, $0.input]) }
    for shape in shapes + [[spec.megatronVocabularySize, spec.hiddenSize]] where dummies[shape] == nil {
      dummies[shape] = tape.openNamed(
        "megatron.dummy_gradients.\(dummies.count)", shape, policy.weightFormat, .workspace)
    }
    return dummies
  }

  /// The buffer that eager attention hands the product of scores as what is not added, and that the head gathers its
  /// input's tokens in under sequence parallelism: one for both, as large as the larger, kept for good.
  ///
  /// Sources: megatron/core/transformer/dot_product_attention.py and tensor_parallel/layers.py,
  /// `get_global_memory_buffer`; utils.py, `GlobalMemoryBuffer.get_tensor`.
  static func openGlobalBuffer(_ tape: inout Tape, _ spec: ModelSpec, _ recipe: Recipe) {
    guard recipe.choices.modelCode == .megatron else { return }
    let (sequences, length) = (recipe.batch.microBatch, recipe.batch.sequence)
    let scores: Shape = [sequences, spec.attention.heads, length, length]
    let tokens: Shape = [sequences, length, spec.hiddenSize]
    let gathers = recipe.parallelism.settings.usesSequenceParallel
    if recipe.attention == .eager, !gathers || scores.count >= tokens.count {
      _ = tape.openNamed("megatron.scores_buffer", scores, recipe.weightFormat, .workspace)
    } else if gathers {
      _ = tape.openNamed("megatron.gather_buffer", tokens, recipe.weightFormat, .workspace)
    }
  }

  /// What a micro-batch is fetched as, right before it runs: tokens, labels and their positions as int64, weights of the
  /// loss in fp32, and a mask of a byte a pair, which causal attention doesn't read.
  ///
  /// Source: megatron/training/utils.py, `get_batch_on_this_tp_rank` (`create_attention_mask_in_dataloader`).
  static func openMegatronBatch(_ tape: inout Tape, _ recipe: Recipe) {
    let (sequences, length) = (recipe.batch.microBatch, recipe.batch.sequence)
    for name in [TensorName.tokens, TensorName.labels, "batch.positions"] {
      _ = tape.openNamed(name, [sequences, length], .int64, .batch)
    }
    _ = tape.openNamed("batch.loss_mask", [sequences, length], .fp32, .batch)
    _ = tape.openNamed("attention_mask.allowed", [sequences, 1, length, length], .bool, .batch)
  }
}
