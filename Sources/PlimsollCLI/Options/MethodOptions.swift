import ArgumentParser
import Modeling

/// Flags that only some methods have a use for; a recipe refuses them with the others.
struct MethodOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Modules that train whole beside adapters, such as embed_tokens,lm_head. (default: none)", valueName: "names"))
  var modulesToSave: String?

  @Option(
    name: .long, parsing: .unconditional,
    help: "Layers that freeze trains: the last so many, or, below 0, the first. (default: 2)", transform: Number.whole)
  var trainLayers: Int?

  @Option(
    help: ArgumentHelp("Modules of these layers that train. (default: all)", valueName: "names"))
  var trainModules: String?

  @Option(
    help: ArgumentHelp("Modules outside the layers that freeze trains too. (default: none)", valueName: "names"))
  var extraModules: String?

  @Option(
    name: .long, parsing: .unconditional, help: "Virtual tokens of prompt, p-tuning and prefix. (default: 20)",
    transform: Number.whole)
  var virtualTokens: Int?

  @Option(
    name: .long, parsing: .unconditional,
    help: "Width of the layers that make p-tuning's virtual tokens. (default: the hidden size)",
    transform: Number.whole)
  var encoderWidth: Int?

  @Option(
    name: .long, parsing: .unconditional, help: "Width of the blocks that oft and boft rotate. (default: 32 and 4)",
    transform: Number.whole)
  var blockSize: Int?

  func fill(_ request: inout RecipeRequest) {
    request.modulesToSave = modulesToSave.map(MethodOptions.names)
    request.trainedLayers = trainLayers
    request.trainedModules = trainModules.map(MethodOptions.names)
    request.extraModules = extraModules.map(MethodOptions.names)
    request.virtualTokens = virtualTokens
    request.encoderWidth = encoderWidth
    request.blockSize = blockSize
  }

  private static func names(_ text: String) -> [String] {
    text.split(separator: ",").map { String($0.filter { !$0.isWhitespace }) }
  }
}
