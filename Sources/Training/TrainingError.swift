/// Why a model could not be trained.
public enum TrainingError: Error, Hashable, CustomStringConvertible {
  /// The engine has no code for something in the model or recipe.
  case unsupported(String)
  case badToken(Int32, vocabulary: Int, position: Int)
  case batchSize(tokens: Int, labels: Int, expected: Int)
  case microBatchCount(Int, expected: Int)
  case nothingToLearn
  case lossIsNotFinite(step: Int)
  case clippingInBackward
  case noSuchParameter(String)
  case shapeMismatch(name: String, expected: Int, given: Int)

  public var description: String {
    switch self {
    case .unsupported(let what): "the engine cannot run \(what) yet: `plimsoll fit --stack trl` can still plan it"
    case .badToken(let token, let vocabulary, let position):
      "token \(token) at position \(position) is not in the vocabulary of \(vocabulary)"
    case .batchSize(let tokens, let labels, let expected):
      "a micro-batch has \(tokens) tokens and \(labels) labels: the recipe says \(expected)"
    case .microBatchCount(let count, let expected):
      "a step was given \(count) micro-batches: the recipe accumulates \(expected)"
    case .nothingToLearn: "every label of the step is -100: there is nothing to learn from it"
    case .lossIsNotFinite(let step): "the loss of step \(step) is not a finite number: lower the learning rate"
    case .clippingInBackward:
      "gradients that are consumed in backward cannot be clipped: their common norm is known when the first are gone"
    case .noSuchParameter(let name): "the model has no tensor named \(name)"
    case .shapeMismatch(let name, let expected, let given):
      "\(name) has \(expected) elements, but \(given) were given"
    }
  }
}
