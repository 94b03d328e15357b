/// A published model: what its `config.json` says and how many parameters it is known to have.
public struct Preset: Hashable, Sendable {
  /// As the command line names it: `llama-2-7b`.
  public let name: String
  /// The repository that the values were published in: `meta-llama/Llama-2-7b-hf`.
  public let huggingFaceID: String
  /// Repositories of models with the same architecture, such as the instruction-tuned ones.
  public let aliases: [String]
  public let publishedCount: PublishedCount
  /// The fields of the published `config.json` that a spec is made from.
  public let config: JSONValue

  init(
    _ name: String, _ huggingFaceID: String, _ publishedCount: PublishedCount, aliases: [String] = [],
    config: JSONValue
  ) {
    self.name = name
    self.huggingFaceID = huggingFaceID
    self.aliases = aliases
    self.publishedCount = publishedCount
    self.config = config
  }

  /// Where the values were published.
  public var source: String { "https://huggingface.co/\(huggingFaceID)" }

  /// The architecture; read by the same reader as every `config.json`.
  public var spec: ModelSpec {
    do { return try ConfigJSON(config, file: source, name: name).spec } catch {
      preconditionFailure("the preset \(name) describes no model: \(error)")
    }
  }
}

/// The number of parameters that a model's makers or its repository print.
public struct PublishedCount: Hashable, Sendable {
  public let count: Int
  /// The step that the printed figure is rounded to; 1 for exact ones.
  public let granule: Int
  /// Parameters in the figure that belong to no decoder: vision towers and projectors.
  public let outsideDecoder: Int

  public static func exact(_ count: Int, outsideDecoder: Int = 0) -> PublishedCount {
    PublishedCount(count: count, granule: 1, outsideDecoder: outsideDecoder)
  }

  public static func rounded(_ count: Int, toNearest granule: Int) -> PublishedCount {
    PublishedCount(count: count, granule: granule, outsideDecoder: 0)
  }

  public var isExact: Bool { granule == 1 }

  /// Whether a decoder of so many parameters would be printed as this figure.
  public func agrees(withDecoder parameters: Int) -> Bool {
    let difference = (parameters + outsideDecoder - count).magnitude
    return 2 * difference <= UInt(granule - 1)
  }
}
