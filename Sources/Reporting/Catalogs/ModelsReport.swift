import Bookkeeping
public import Modeling

/// What `models` prints: the models that are known by name.
public struct ModelsReport: Report {
  private let models: [(preset: Preset, spec: ModelSpec)]

  public init(presets: [Preset]) { models = presets.map { ($0, $0.spec) } }

  /// Everything that is known, for programs.
  public var table: Table {
    Table(
      [
        Column("name", key: "name"), Column("Hugging Face id", key: "hugging_face_id"),
        Column("architecture", key: "architecture"), Column("parameters", key: "parameters", .integer),
        Column("published", key: "published_parameters", .integer), Column("layers", key: "layers", .integer),
        Column("hidden", key: "hidden_size", .integer), Column("heads", key: "heads", .integer),
        Column("key-value heads", key: "key_value_heads", .integer),
        Column("head dimension", key: "head_dimension", .integer),
        Column("intermediate", key: "intermediate_size", .integer), Column("experts", key: "experts", .integer),
        Column("active experts", key: "active_experts", .integer),
        Column("vocabulary", key: "vocabulary_size", .integer), Column("positions", key: "max_positions", .integer),
        Column("tied head", key: "ties_embeddings", .flag), Column("checkpoint", key: "checkpoint_format"),
      ],
      rows: models.map { preset, spec in
        [
          .text(preset.name), .text(preset.huggingFaceID), .text(spec.architecture.rawValue),
          .integer(spec.parameterCount), .integer(preset.publishedCount.count), .integer(spec.layerCount),
          .integer(spec.hiddenSize), .integer(spec.attention.heads), .integer(spec.attention.keyValueHeads),
          .integer(spec.attention.headDimension), .integer(spec.feedForward.intermediateSize),
          spec.feedForward.experts.map { .integer($0.count) } ?? .none,
          spec.feedForward.experts.map { .integer($0.active) } ?? .none, .integer(spec.vocabularySize),
          .integer(spec.maximumPositions), .flag(spec.tiesEmbeddings),
          spec.checkpointFormat.map { .text($0.rawValue) } ?? .none,
        ]
      })
  }

  public var json: OrderedJSON { table.json }

  public var document: Document {
    let table = Table(
      [
        Column("name", key: "name"), Column("parameters", key: "parameters", .integer),
        Column("layers", key: "layers", .integer), Column("hidden", key: "hidden_size", .integer),
        Column("heads", key: "heads"), Column("inner", key: "intermediate_size", .integer),
        Column("vocabulary", key: "vocabulary_size", .integer), Column("positions", key: "max_positions", .integer),
      ],
      rows: models.map { preset, spec in
        let heads = spec.attention
        let experts = spec.feedForward.experts
        return [
          .text(preset.name), .integer(spec.parameterCount), .integer(spec.layerCount), .integer(spec.hiddenSize),
          .text(heads.heads == heads.keyValueHeads ? "\(heads.heads)" : "\(heads.heads)/\(heads.keyValueHeads)"),
          .integer(experts?.intermediateSize ?? spec.feedForward.intermediateSize), .integer(spec.vocabularySize),
          .integer(spec.maximumPositions),
        ]
      })
    return Document([
      .table(table),
      .paragraph(
        "Heads with a stroke are query heads / key-value heads; inner is the width of a feed-forward network, or of "
          + "one expert."),
    ])
  }
}
