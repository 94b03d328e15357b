public import Bookkeeping
public import Modeling

/// Why an adapter could not be read, or does not fit the training it is meant for.
public enum AdapterError: Error, Hashable, CustomStringConvertible {
  case file(FileError)
  case notJSON(JSONError, file: String)
  case wrongField(String, found: String, expected: String, file: String)
  /// A setting of PEFT's that the engine's adapters do not have.
  case unsupported(String, value: String, reason: String, file: String)
  case recipe(RecipeError, file: String)
  case weights(WeightFileError)
  /// The training has no adapters.
  case noAdapter(method: String)
  case differs(setting: String, adapter: String, recipe: String, file: String)
  case missingTensors([String], file: String)
  case unexpectedTensors([String], file: String)
  case wrongShape(tensor: String, found: Shape, expected: Shape, file: String)

  public var description: String {
    switch self {
    case .file(let error): "\(error)"
    case .notJSON(let error, let file): "\(file) is no valid JSON: \(error)"
    case .wrongField(let field, let found, let expected, let file):
      "\(file): \(field) is \(found) where \(expected) should be"
    case .unsupported(let field, let value, let reason, let file): "\(file): \(field) is \(value): \(reason)"
    case .recipe(let error, let file): "\(file): \(error)"
    case .weights(let error): "\(error)"
    case .noAdapter(let method): "the method \(method) trains no adapter that this one could be loaded into"
    case .differs(let setting, let adapter, let recipe, let file):
      "the adapter's \(setting) is \(adapter) (\(file)), and the recipe's is \(recipe): they must be the same"
    case .missingTensors(let names, let file):
      "\(file) lacks \(names.count) tensors of the recipe's adapters, such as \(names.first ?? ""): "
        + "other modules were its targets"
    case .unexpectedTensors(let names, let file):
      "\(file) has \(names.count) tensors that the recipe's adapters don't, such as \(names.first ?? ""): "
        + "other modules were its targets"
    case .wrongShape(let tensor, let found, let expected, let file):
      "\(file): the tensor \(tensor) has the shape \(found) where the model has \(expected): it is another model's"
    }
  }
}
