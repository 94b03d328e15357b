import Bookkeeping
import Modeling

// Shape letters here: B sequences, S tokens of one, T = B·S, A query heads, G key-value heads, D head dimension,
// q = A·D, k = G·D.

extension EngineWalk {
  private var queryWidth: Int { spec.attention.queryWidth }
  private var keyValueWidth: Int { spec.attention.keyValueWidth }
  private var normalizesHeads: Bool { spec.attention.normalizesQueryAndKey }

  /// What attention reads: queries and keys as projected, or after their norms.
  private var attendedQuery: LayerTensor { normalizesHeads ? .queryNormed : .query }
  private var attendedKey: LayerTensor { normalizesHeads ? .keyNormed : .key }

  /// Queries `[T, q]`, keys and values `[T, k]` from the normed stream, which stays if any of the three trains.
  ///
  /// Where queries and keys are normalized by head, backward needs them as projected and a reciprocal rms a head,
  /// `[T·A]` and `[T·G]`, if they need a gradient.
  mutating func forwardProjections(_ layer: Int, _ needs: LayerGradients, isRecording: Bool) {
    let roles: [(LayerTensor, Parameter.Linear, Int)] = [
      (.query, .query, queryWidth), (.key, .key, keyValueWidth), (.value, .value, keyValueWidth),
    ]
    for (tensor, role, width) in roles {
      open(tensor, of: layer, perToken(width))
      forwardLinear(role, of: layer, isRecording: isRecording)
    }
    if needs.trained.isDisjoint(with: [.query, .key, .value]) { close(.attentionNormed, of: layer) }
    guard normalizesHeads else { return }
    open(.queryNormed, of: layer, perToken(queryWidth))
    open(.queryReciprocalRMS, of: layer, [tokens * spec.attention.heads], .fp32)
    if !needs.query {
      close(.query, of: layer)
      close(.queryReciprocalRMS, of: layer)
    }
    open(.keyNormed, of: layer, perToken(keyValueWidth))
    open(.keyReciprocalRMS, of: layer, [tokens * spec.attention.keyValueHeads], .fp32)
    if !needs.key {
      close(.key, of: layer)
      close(.keyReciprocalRMS, of: layer)
    }
  }

  /// Gradients of the projections' inputs and parameters, one projection after the other.
  mutating func backwardProjections(_ layer: Int, _ needs: LayerGradients) {
    guard needs.context else { return }
    if normalizesHeads {
      backwardHeadNorm(.query, layer, needs.query, needs)
      backwardHeadNorm(.key, layer, needs.key, needs)
    }
    if needs.attentionNormed { openFlow(.attentionNormed, of: layer, perToken(hidden)) }
    let roles: [(LayerTensor, Parameter.Linear, Bool)] = [
      (.query, .query, needs.query), (.key, .key, needs.key), (.value, .value, needs.value),
    ]
    for (tensor, role, needsGradient) in roles {
      if needsGradient { backwardLinear(role, of: layer, inputNeedsGradient: needs.attentionNormed) }
      if flows[tensor] != nil { closeFlow(tensor) }
    }
    if !needs.trained.isDisjoint(with: [.query, .key, .value]) { close(.attentionNormed, of: layer) }
  }

  /// The norm of queries or keys by head: from the gradient of what attention read to that of what was projected.
  private mutating func backwardHeadNorm(
    _ tensor: LayerTensor, _ layer: Int, _ needsGradient: Bool, _ needs: LayerGradients
  ) {
    let isQuery = tensor == .query
    let normed: LayerTensor = isQuery ? .queryNormed : .keyNormed
    guard needsGradient else {
      closeFlow(normed)
      return
    }
    openFlow(tensor, of: layer, perToken(isQuery ? queryWidth : keyValueWidth))
    if needs.trainsNorms {
      openGradient(spec.normName(isQuery ? .query : .key, layer: layer), [spec.attention.headDimension])
    }
    closeFlow(normed)
    close(tensor, of: layer)
    close(isQuery ? .queryReciprocalRMS : .keyReciprocalRMS, of: layer)
  }

  private var workspace: AttentionWorkspace {
    AttentionWorkspace(
      sequence: recipe.batch.sequence, headDimension: spec.attention.headDimension, threads: threads,
      format: activations)
  }

  /// softmax(q·kᵀ)·v by blocks of query rows and tiles of keys: the context `[T, q]` and each row's logsumexp `[B, A, S]`.
  ///
  /// Scores are never kept: backward makes them again from queries, keys and logsumexp, and needs values and context
  /// besides (Dao et al. 2022, algorithm 4, <https://arxiv.org/abs/2205.14135>). The rotary embedding before it turns
  /// queries and keys in place.
  mutating func forwardAttention(_ layer: Int, _ needs: LayerGradients) {
    let batch = recipe.batch
    open(.context, of: layer, perToken(queryWidth))
    open(.logsumexp, of: layer, [batch.microBatch, spec.attention.heads, batch.sequence], .fp32)
    borrow(TensorName.workspace("layers.\(layer).attention"), .workspace, [workspace.forward])
    guard !needs.context else { return }
    for tensor in [attendedQuery, attendedKey, .value, .logsumexp] { close(tensor, of: layer) }
  }

  /// All three gradients come out of one pass, wanted or not.
  mutating func backwardAttention(_ layer: Int, _ needs: LayerGradients) {
    guard needs.context else { return }
    openFlow(attendedQuery, of: layer, perToken(queryWidth))
    openFlow(attendedKey, of: layer, perToken(keyValueWidth))
    openFlow(.value, of: layer, perToken(keyValueWidth))
    borrow(TensorName.workspace("layers.\(layer).attention.backward"), .workspace, [workspace.backward])
    closeFlow(.context)
    for tensor in [attendedQuery, attendedKey, .value, .context, .logsumexp] { close(tensor, of: layer) }
  }

  /// The projection out of attention and the residual sum, `[T, H]`.
  ///
  /// The context stays if attention's backward or the projection's own gradient needs it. The stream that entered the
  /// layer stays if its norm's backward needs it, or as a checkpoint.
  mutating func forwardOutput(_ layer: Int, _ needs: LayerGradients, isRecording: Bool) {
    open(.middle, of: layer, perToken(hidden))
    forwardLinear(.output, of: layer, isRecording: isRecording)
    if !(needs.context || needs.trained.contains(.output)) { close(.context, of: layer) }
    if !(needs.attentionNormed || streams[layer]?.isCheckpoint == true) { closeStream(entering: layer) }
  }

  mutating func backwardOutput(_ layer: Int, _ needs: LayerGradients) {
    if needs.context { openFlow(.context, of: layer, perToken(queryWidth)) }
    backwardLinear(.output, of: layer, inputNeedsGradient: needs.context)
    if !needs.context && needs.trained.contains(.output) { close(.context, of: layer) }
  }
}
