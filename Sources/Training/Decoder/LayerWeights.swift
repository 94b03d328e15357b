import Bookkeeping
import Kernels
import Modeling

/// The weights of a decoder layer by their place.
struct LayerWeights {
  let attentionNorm: Norm
  let query: Linear
  let key: Linear
  let value: Linear
  let queryNorm: Norm?
  let keyNorm: Norm?
  let output: Linear
  let mlpNorm: Norm
  let gate: Linear
  let up: Linear
  let down: Linear

  var linears: [Linear] { [query, key, value, output, gate, up, down] }
}

/// What every layer of a run has in common.
struct LayerContext {
  let spec: ModelSpec
  let batch: BatchShape
  let arena: Arena
  let rotary: RotaryTables
  /// Threads that attention borrows a workspace for.
  let threads: Int
  /// Layers that are run again together from one checkpoint.
  let layersPerCheckpoint: Int

  var rows: Int { batch.tokens }
}

/// What a pass through a layer needs to know of the moment it runs in.
struct LayerPass {
  let phase: StepClock.Phase
  let microBatch: Int
  /// Seeds the dropout of this micro-batch; the same for a recomputation, and none where nothing is to be dropped.
  let dropoutSeed: UInt64?
}
