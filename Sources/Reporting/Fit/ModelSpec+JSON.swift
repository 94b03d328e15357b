import Bookkeeping
import Modeling

extension ModelSpec {
  /// What decides the memory of a model, under the names that configurations use.
  var json: OrderedJSON {
    [
      "name": .string(name), "architecture": .string(architecture.rawValue), "parameters": .integer(parameterCount),
      "layers": .integer(layerCount), "hidden_size": .integer(hiddenSize), "heads": .integer(attention.heads),
      "key_value_heads": .integer(attention.keyValueHeads), "head_dimension": .integer(attention.headDimension),
      "intermediate_size": .integer(feedForward.intermediateSize),
      "experts": .optional(feedForward.experts?.count), "active_experts": .optional(feedForward.experts?.active),
      "vocabulary_size": .integer(vocabularySize), "max_positions": .integer(maximumPositions),
      "ties_embeddings": .bool(tiesEmbeddings), "checkpoint_format": .optional(checkpointFormat?.rawValue),
    ]
  }
}
