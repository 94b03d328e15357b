import Bookkeeping
import Modeling

// Shape letters here: T tokens, H hidden, V vocabulary.

extension EngineWalk {
  private var headTrains: Bool { needs.trainsBase }

  /// Rows of the table, `[T, H]`, by token ids that stay anyway.
  mutating func embed() {
    streams[0] = openStream(TensorName.hidden, entering: 0)
  }

  /// Adds the stream's gradient to the table's rows, the last that is done with it.
  mutating func backwardEmbedding() {
    guard needs.trainsBase else { return }
    openGradient(spec.embeddingName, [spec.vocabularySize, hidden])
    closeStreamFlow()
  }

  /// Tokens whose scores exist at once with a chunked or a fused loss.
  private static let chunkTokens = 512
  /// Entries of the vocabulary whose scores exist at once with a fused loss.
  package static let sliceEntries = 8192

  /// Scores over the vocabulary, the largest tensor of a small model: `[T, V]`.
  ///
  /// The normed stream stays if the head trains. With a chunked loss nothing happens yet.
  mutating func forwardHead() {
    guard recipe.loss == .full else { return }
    final.logits = journal.open(TensorName.logits, .logits, perToken(spec.vocabularySize), .fp32)
    if !headTrains { final.normed.take().map { journal.close($0) } }
  }

  /// A full loss overwrites the scores with their gradient.
  ///
  /// A chunked one makes the scores of some tokens, `[C, V]`, their loss, and from their gradient that of the normed
  /// stream and the head's, before it comes to the next ones. A fused one makes those over a slice of the vocabulary,
  /// `[C, N]`, with three numbers of each row that softmax goes by; the gradient of the normed stream then is a sum over
  /// slices, which takes an fp32 buffer where activations are narrower.
  mutating func forwardLoss() {
    guard recipe.loss != .full else { return }
    final.normedFlow = openNormedFlow()
    let chunk = min(EngineWalk.chunkTokens, tokens)
    let isFused = recipe.loss == .fused
    let entries = isFused ? min(EngineWalk.sliceEntries, spec.vocabularySize) : spec.vocabularySize
    var buffers = [journal.open(TensorName.logits, .logits, [chunk, entries], .fp32)]
    if isFused {
      buffers.append(journal.open(TensorName.lossStatistics, .logits, [chunk, 3], .fp32))
      if activations != .fp32 {
        let name = TensorName.part("sums", of: TensorName.flow(TensorName.finalNormed))
        buffers.append(journal.open(name, .activations, [chunk, hidden], .fp32))
      }
    }
    if headTrains { openGradient(spec.headName, [spec.vocabularySize, hidden]) }
    for buffer in buffers { journal.close(buffer) }
    final.normed.take().map { journal.close($0) }
  }

  private mutating func openNormedFlow() -> Journal.ID {
    journal.open(TensorName.flow(TensorName.finalNormed), .activations, perToken(hidden), activations)
  }

  /// From the logits' gradient, which lies where the logits were, to the normed stream's.
  mutating func backwardHead() {
    guard recipe.loss == .full else { return }
    final.normedFlow = openNormedFlow()
    if headTrains {
      openGradient(spec.headName, [spec.vocabularySize, hidden])
      final.normed.take().map { journal.close($0) }
    }
    final.logits.take().map { journal.close($0) }
  }

  /// Opens the stream that leaves `layer`.
  mutating func openStream(leaving layer: Int) {
    streams[layer + 1] = openStream(TensorName.layer(layer, .output), entering: layer + 1)
  }

  /// With checkpointing, what enters a layer that backward comes to is kept for it to start from again.
  private mutating func openStream(_ name: String, entering layer: Int) -> Stream {
    let isCheckpoint = isCheckpoint(entering: layer)
    let id = journal.open(name, isCheckpoint ? .checkpoints : .activations, perToken(hidden), activations)
    return Stream(id: id, isCheckpoint: isCheckpoint)
  }
}
