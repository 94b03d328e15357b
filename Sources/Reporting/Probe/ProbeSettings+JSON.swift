import Bookkeeping
import Modeling
import Planning

extension ProbeSettings {
  /// What the script reads, and writes into its result.
  var json: OrderedJSON {
    [
      "stack": .string(recipe.stack.rawValue), "runner": .string(runner.rawValue),
      "prepares": .bool(recipe.choices.preparesForKbitTraining), "liger": .bool(usesLiger),
      "adapter_default": .string(recipe.stack.description.defaults(for: recipe.method).adapterFormat.rawValue),
      "vocabulary_size": .integer(spec.vocabularySize),
      "model": [
        "name": .string(spec.name), "layers": .integer(spec.layerCount), "config": OrderedJSON(configuration),
      ],
      "recipe": step,
    ]
  }

  /// The recipe under the names of the flags, with what only the script needs.
  private var step: OrderedJSON {
    guard case .object(let members) = recipe.json else { return recipe.json }
    let targets: OrderedJSON =
      if recipe.method.adapter == nil {
        .null
      } else if targetModules.isEmpty {
        .string(LoRA.Targets.allLinear.text)
      } else {
        .array(targetModules.map { .string($0) })
      }
    let replaced = members.map {
      $0.key == "grad_accum" ? OrderedJSON.Member($0.key, .integer(microBatches)) : $0
    }
    return .object(
      replaced + [
        OrderedJSON.Member("optimizer_implementation", .string(recipe.optimizer.implementation.rawValue)),
        OrderedJSON.Member("target_modules", targets),
      ])
  }
}

extension OrderedJSON {
  /// The same value, keys sorted.
  init(_ value: JSONValue) {
    switch value {
    case .null: self = .null
    case .bool(let flag): self = .bool(flag)
    case .integer(let value): self = .integer(value)
    case .number(let value): self = .number(value)
    case .string(let text): self = .string(text)
    case .array(let elements): self = .array(elements.map { OrderedJSON($0) })
    case .object(let members):
      self = .object(members.sorted { $0.key < $1.key }.map { Member($0.key, OrderedJSON($0.value)) })
    }
  }
}
