import ArgumentParser
import Modeling
import Reporting

/// Lists the models that are known by name.
struct Models: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lists the models that are known by name.",
    discussion: """
      Any other model can be named by its config.json, its checkpoint folder, or a \
      .safetensors or .gguf file.

        plimsoll models
        plimsoll models --format json
      """)

  @OptionGroup var output: OutputOptions

  func run() throws {
    try output.write(ModelsReport(presets: Presets.all))
  }
}
