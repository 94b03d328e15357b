import Bookkeeping
public import Modeling

/// A configuration that makes a program do what a recipe says, as text.
///
/// What was written is read again and held against the recipe: whatever comes back different is told in a comment at the
/// top of the file, so that nothing is lost in silence.
public struct ConfigurationEmission: Hashable, Sendable {
  /// The programs that a configuration can be written for.
  public enum Dialect: String, CaseIterable, Hashable, Sendable {
    case axolotl
    case llamaFactory = "llama-factory"
    case trl, torchtune, peft

    var reading: TrainingConfiguration.Dialect {
      switch self {
      case .axolotl: .axolotl
      case .llamaFactory: .llamaFactory
      case .trl: .trl
      case .torchtune: .torchtune
      case .peft: .peft
      }
    }

    /// The stack that runs what is written; an adapter's description is for no program alone.
    public var stack: Stack? {
      switch self {
      case .axolotl: .axolotl
      case .llamaFactory: .llamaFactory
      case .trl: .trl
      case .torchtune: .torchtune
      case .peft: nil
      }
    }

    var fileName: String { self == .peft ? "adapter_config.json" : "config.yaml" }

    var writer: any DialectWriter.Type {
      switch self {
      case .axolotl: AxolotlWriter.self
      case .llamaFactory: LlamaFactoryWriter.self
      case .trl: TRLWriter.self
      case .torchtune: TorchtuneWriter.self
      case .peft: PEFTWriter.self
      }
    }
  }

  /// The configuration alone, ready for its program.
  public let text: String
  /// What the configuration does not say, a sentence each; comments of ``text`` unless it is JSON, which has none.
  public let unsaid: [String]

  /// - Parameter model: the name or path by which the program finds the model.
  /// - Throws: ``EmissionError/cannotSay(_:setting:value:reason:)`` where the dialect lacks what the recipe is about.
  public init(
    _ recipe: Recipe, of spec: ModelSpec, model: String, as dialect: Dialect
  ) throws(EmissionError) {
    let members = try dialect.writer.members(recipe, of: spec, model: model)
    if dialect == .peft {
      let object = JSONValue.object(Dictionary(members) { $1 })
      text = object.text(indent: 2) + "\n"
      let adapter = try ConfigurationEmission.differences(text, recipe, spec, dialect).filter(\.isAboutAdapters)
      unsaid = adapter.map(\.sentence) + ["the step, and how the base is stored, which a trainer's configuration says"]
      return
    }
    let body = YAMLText.text(members)
    unsaid = try ConfigurationEmission.differences(body, recipe, spec, dialect).map(\.sentence)
    let title = "\(dialect.reading.title): \(spec.name), \(recipe.method.name.rawValue)"
    text = (["# \(title)"] + unsaid.map { "# not said: \($0)" }).joined(separator: "\n") + "\n" + body
  }

  /// Reads `text` back and says where it is not `recipe`.
  private static func differences(
    _ text: String, _ recipe: Recipe, _ spec: ModelSpec, _ dialect: Dialect
  ) throws(EmissionError) -> [RecipeDifference] {
    var launch = RecipeRequest()
    // The number of processes is the launcher's to say.
    launch.devices = recipe.parallelism.devices
    if dialect == .peft {
      // An adapter's description leaves the step, and how the base is stored, to a trainer.
      launch.stack = recipe.stack
      if let quantization = recipe.method.quantization { launch.quantization = .some(quantization) }
      launch.usesGradientCheckpointing = recipe.usesGradientCheckpointing
    }
    let back: Recipe
    do {
      let configuration = try TrainingConfiguration(parsing: text, file: dialect.fileName)
      back = try configuration.request(for: spec, under: launch).resolved(for: spec).recipe
    } catch { throw .unreadable(dialect, reason: "\(error)") }
    var found = RecipeDifference.between(recipe, back, of: spec)
    if recipe.parallelism.devices > 1, dialect != .peft {
      found.append(
        RecipeDifference(
          setting: "gpus", wanted: "\(recipe.parallelism.devices)",
          found: "the launcher's, by --num_processes or "
            + "--nproc_per_node", isAboutAdapters: false))
    }
    return found
  }
}

/// One program's configuration, written from a recipe.
protocol DialectWriter {
  /// Keys and values in the order in which they are written.
  static func members(
    _ recipe: Recipe, of spec: ModelSpec, model: String
  ) throws(EmissionError) -> [(String, JSONValue)]
}
