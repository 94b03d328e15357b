public import Modeling

/// The lengths of a data set, and how a run goes through it.
public struct MeasuredData: Sendable {
  /// The file as it was named.
  public let name: String
  public let samples: SampleLengths
  public let order: RowOrder
  /// How often the run goes through the data.
  public let epochs: Double

  /// Tokens at which samples are cut where nobody says: TRL's `max_length`.
  private static let usualSequence = 1024

  public init(name: String, samples: SampleLengths, order: RowOrder, epochs: Double) {
    self.name = name
    self.samples = samples
    self.order = order
    self.epochs = epochs
  }

  /// Puts the lengths into a request: rows that are padded vary, packed ones don't.
  ///
  /// - Returns: where samples are cut.
  /// - Throws: where there are no samples.
  public func fill(_ request: inout RecipeRequest, for spec: ModelSpec) throws -> Int {
    let sequence = request.sequence ?? min(MeasuredData.usualSequence, spec.maximumPositions)
    request.sequence = sequence
    request.lengths = order == .packed ? nil : try LengthDistribution(samples: samples.lengths)
    return sequence
  }

  /// What was assumed about the cut.
  public func assumption(_ asked: RecipeRequest, sequence: Int) -> [String] {
    asked.sequence == nil ? ["seq: samples are cut at \(sequence) tokens, TRL's default"] : []
  }

  /// Everything that it makes of a recipe.
  ///
  /// - Parameters:
  ///   - sequence: where samples are cut, and how long packed rows are.
  ///   - device: what times are of; without one there are none.
  /// - Throws: ``PlanError`` for what has no rule.
  public func study(
    _ spec: ModelSpec, _ recipe: Recipe, sequence: Int, on device: Device?
  ) throws(PlanError) -> DataStudy {
    try DataStudy(
      name: name, samples, spec, recipe, sequence: sequence, order: order, passes: epochs, on: device)
  }
}
