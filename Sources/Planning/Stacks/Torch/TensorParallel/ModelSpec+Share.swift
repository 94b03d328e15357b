import Bookkeeping
package import Modeling

// Shape letters here: V vocabulary, t GPUs that divide every product.

extension ModelSpec {
  /// What of the model one GPU of a tensor-parallel group computes: heads, the feed-forward network's width and the
  /// vocabulary divided by t, the hidden size whole.
  ///
  /// Every GPU has a share of this size, which is checked before (``TensorParallelSupport``). Sources:
  /// megatron/core/transformer/attention.py, `Attention.__init__`; transformer/mlp.py, `MLP`; megatron/training of
  /// Megatron-LM, `_vocab_size_with_padding`, which pads V to a multiple of 128·t; transformers
  /// distributed/tensor_parallel.py, `ColwiseParallel.shard_param`, `RowwiseParallel.shard_param`.
  package func share(in recipe: Recipe) -> ModelSpec {
    let t = recipe.parallelism.settings.tensorParallelSize
    guard t > 1 else { return self }
    let grain = recipe.choices.modelCode == .megatron ? 128 * t : t
    let share = try? ModelSpec(
      name: name, architecture: architecture, layerCount: layerCount, hiddenSize: hiddenSize,
      attention: AttentionSpec(
        heads: attention.heads / t, keyValueHeads: attention.keyValueHeads / t,
        headDimension: attention.headDimension, hasProjectionBias: attention.hasProjectionBias,
        hasOutputBias: attention.hasOutputBias, normalizesQueryAndKey: attention.normalizesQueryAndKey,
        fusesProjections: attention.fusesProjections, slidingWindow: attention.slidingWindow,
        logitSoftcap: attention.logitSoftcap),
      feedForward: FeedForwardSpec(
        intermediateSize: feedForward.intermediateSize / t, isGated: feedForward.isGated,
        activation: feedForward.activation, hasBias: feedForward.hasBias, fusesGateAndUp: feedForward.fusesGateAndUp,
        experts: feedForward.experts),
      vocabularySize: (vocabularySize + grain - 1) / grain * grain / t, tiesEmbeddings: tiesEmbeddings,
      headHasBias: headHasBias, normalization: normalization, positions: positions,
      maximumPositions: maximumPositions, finalLogitSoftcap: finalLogitSoftcap, checkpointFormat: checkpointFormat)
    return share ?? self
  }
}
