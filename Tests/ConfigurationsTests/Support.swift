import Configurations
import Foundation
import Modeling
import Testing

/// Example files in the shapes of the projects' documentation.
enum Example {
  static func path(_ name: String) throws -> String {
    try #require(Bundle.module.url(forResource: name, withExtension: nil, subdirectory: "Examples")).path
  }

  static func read(_ names: String...) throws -> TrainingConfiguration {
    try TrainingConfiguration(reading: names.map { try path($0) })
  }
}

extension ModelSpec {
  static func preset(_ name: String) throws -> ModelSpec { try #require(Presets.named(name)).spec }
}

extension TrainingConfiguration {
  /// The recipe for a model, every gap filled.
  func recipe(for model: String = "llama-2-7b", under flags: RecipeRequest = RecipeRequest()) throws -> Recipe {
    let spec = try ModelSpec.preset(model)
    return try request(for: spec, under: flags).resolved(for: spec).recipe
  }

  func fields(_ reason: IgnoredReason) -> [String] { ignored.filter { $0.reason == reason }.map(\.field) }
}

/// What a configuration with one field more makes of Llama 2 7B.
struct FieldCase: Sendable, CustomTestStringConvertible {
  let added: String
  let holds: @Sendable (Recipe) -> Bool
  var testDescription: String { added }

  init(_ added: String, _ holds: @escaping @Sendable (Recipe) -> Bool) {
    self.added = added
    self.holds = holds
  }
}
