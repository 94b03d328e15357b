import ArgumentParser
import Modeling

/// The model, by name or by file.
struct ModelArgument: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "A preset (llama-2-7b), a size (7b), a config.json, a checkpoint folder, a .safetensors or a .gguf file.",
      valueName: "model"))
  var model: String

  /// The model's spec, and the recipe with every gap filled in for it.
  ///
  /// - Parameter assumptions: sentences on what the flags left open; they stand before the recipe's own.
  func resolve(
    _ request: RecipeRequest, assumptions: [String]
  ) throws -> (spec: ModelSpec, recipe: ResolvedRecipe) {
    let reference = try ModelReference(resolving: model)
    let resolved = try request.resolved(for: reference.spec)
    let notes = reference.note.map { ["model: \($0)"] } ?? []
    return (
      reference.spec,
      ResolvedRecipe(recipe: resolved.recipe, assumptions: notes + assumptions + resolved.assumptions)
    )
  }
}
