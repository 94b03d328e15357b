import ArgumentParser
import Configurations
import Modeling

/// The model, by name or by file.
struct ModelArgument: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "A preset (llama-2-7b), a size (7b), a config.json, a checkpoint folder, a .safetensors or a .gguf file; "
        + "optional where --config names a model.",
      valueName: "model"))
  var model: String?

  /// Asks for a model where no configuration could name one: the parser's own error, with its hint.
  func require(beside recipe: RecipeOptions) throws {
    if model == nil, recipe.config.isEmpty { throw ValidationError("Missing expected argument '<model>'") }
  }

  /// The model's spec, and the recipe with every gap filled in for it.
  ///
  /// - Parameter change: what the command has to say about the request.
  func resolve(
    _ recipe: RecipeOptions, _ change: (inout RecipeRequest) throws -> Void = { _ in }
  ) throws -> (spec: ModelSpec, recipe: ResolvedRecipe) {
    let asked = try asked(recipe)
    var request = asked.request
    try change(&request)
    let resolved = try request.resolved(for: asked.reference.spec)
    return (
      asked.reference.spec,
      ResolvedRecipe(recipe: resolved.recipe, assumptions: asked.assumptions + resolved.assumptions)
    )
  }

  /// What flags and files ask for, gaps still open, with sentences on what was taken from where.
  ///
  /// - Parameters:
  ///   - fallback: the model where nobody names one.
  ///   - takesDevices: whether `--gpus` may name devices.
  func asked(
    _ recipe: RecipeOptions, otherwise fallback: String? = nil, takesDevices: Bool = false
  ) throws -> AskedRun {
    if !takesDevices { try recipe.requireCount() }
    let configuration = try recipe.configuration()
    guard let name = model ?? configuration?.model ?? fallback else {
      throw UsageError.noModel(config: recipe.config.first)
    }
    let reference = try reference(to: name, of: configuration)
    let notes = reference.note.map { ["model: \($0)"] } ?? []
    let flags = try recipe.request()
    guard let configuration else {
      return AskedRun(
        name: name, reference: reference, request: flags, assumptions: notes + recipe.assumptions)
    }
    return AskedRun(
      name: name, reference: reference, request: try configuration.request(for: reference.spec, under: flags),
      assumptions: notes + configuration.sentences + recipe.assumptions)
  }

  /// A model that a file names is looked for as it stands; where it is not known, the message says who named it.
  private func reference(to name: String, of configuration: TrainingConfiguration?) throws -> ModelReference {
    do { return try ModelReference(resolving: name) } catch {
      guard model == nil, error.category != .data, let file = configuration?.files.first?.file else { throw error }
      throw UsageError.unknownConfiguredModel(name, file: file)
    }
  }
}

/// What was asked for before a command adds its own.
struct AskedRun {
  let name: String
  let reference: ModelReference
  let request: RecipeRequest
  let assumptions: [String]

  /// Where the model's weights are; presets have none.
  func weightsPath() throws(UsageError) -> String {
    if case .preset = reference.origin { throw .presetWithoutWeights(name) }
    return name
  }
}
