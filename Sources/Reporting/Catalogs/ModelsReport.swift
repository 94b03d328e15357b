import Bookkeeping
public import Modeling

/// What `models` prints: the models that are known by name.
public struct ModelsReport: Report {
  public let models: [ModelSpec]

  public init(models: [ModelSpec]) { self.models = models }

  /// Everything that is known, for programs.
  public var table: Table {
    Table(
      [
        Column("name", key: "name"), Column("architecture", key: "architecture"),
        Column("parameters", key: "parameters", .integer), Column("layers", key: "layers", .integer),
        Column("hidden", key: "hidden_size", .integer), Column("heads", key: "heads", .integer),
        Column("key-value heads", key: "key_value_heads", .integer),
        Column("head dimension", key: "head_dimension", .integer),
        Column("intermediate", key: "intermediate_size", .integer),
        Column("vocabulary", key: "vocabulary_size", .integer), Column("positions", key: "max_positions", .integer),
        Column("tied head", key: "ties_embeddings", .flag), Column("checkpoint", key: "checkpoint_format"),
      ],
      rows: models.map { model in
        [
          .text(model.name), .text(model.architecture.rawValue), .integer(model.parameterCount),
          .integer(model.layerCount), .integer(model.hiddenSize), .integer(model.attention.heads),
          .integer(model.attention.keyValueHeads), .integer(model.attention.headDimension),
          .integer(model.feedForward.intermediateSize), .integer(model.vocabularySize),
          .integer(model.maximumPositions), .flag(model.tiesEmbeddings),
          model.checkpointFormat.map { .text($0.rawValue) } ?? .none,
        ]
      })
  }

  public var json: OrderedJSON { table.json }

  public var document: Document {
    let table = Table(
      [
        Column("name", key: "name"), Column("parameters", key: "parameters", .integer),
        Column("layers", key: "layers", .integer), Column("hidden", key: "hidden_size", .integer),
        Column("heads", key: "heads"), Column("intermediate", key: "intermediate_size", .integer),
        Column("vocabulary", key: "vocabulary_size", .integer), Column("positions", key: "max_positions", .integer),
      ],
      rows: models.map { model in
        let heads = model.attention
        return [
          .text(model.name), .integer(model.parameterCount), .integer(model.layerCount), .integer(model.hiddenSize),
          .text(heads.heads == heads.keyValueHeads ? "\(heads.heads)" : "\(heads.heads)/\(heads.keyValueHeads)"),
          .integer(model.feedForward.intermediateSize), .integer(model.vocabularySize),
          .integer(model.maximumPositions),
        ]
      })
    return Document([
      .table(table), .paragraph("Heads with a stroke are query heads / key-value heads."),
    ])
  }
}
