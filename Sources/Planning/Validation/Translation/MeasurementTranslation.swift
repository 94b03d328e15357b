public import Modeling

/// A measurement in the planner's terms: what to plan, on what, and what was assumed on the way.
public struct TranslatedMeasurement: Hashable, Sendable {
  public let spec: ModelSpec
  public let recipe: ResolvedRecipe
  /// The card, where it is known.
  public let device: Device?
  /// Whether the figure is of the whole process, loading included.
  public let includesLoading: Bool
  /// What the row does not say and what was made of it, a sentence each.
  public let assumptions: [String]
}

/// Reads a row's words into a recipe, by rules about software and never by row.
///
/// Every topic has a file of its own; what a row does not say is its library's default at that version, and is said so.
struct MeasurementTranslation {
  let row: Measurement
  let software: SoftwareVersions
  let program: TrainingProgram
  var spec: ModelSpec
  var request = RecipeRequest()
  var choices: StackChoices
  private(set) var assumptions: [String] = []

  /// Translates `row`.
  ///
  /// - Throws: ``Refusal`` for what the planner has no rule for.
  static func translate(_ row: Measurement) throws(Refusal) -> TranslatedMeasurement {
    var translation = try MeasurementTranslation(row)
    return try translation.run()
  }

  private init(_ row: Measurement) throws(Refusal) {
    self.row = row
    software = SoftwareVersions(row.setting.library)
    let (program, isNamed) = TrainingProgram.of(row, software)
    self.program = program
    let (spec, notes) = try MeasuredModel.spec(of: row)
    self.spec = spec
    let transformers = SoftwareDefaults.transformers(software)
    let stack = try program.stack(transformers: transformers.version, software, loss: row.setting.loss)
    request.stack = stack
    choices = SoftwareDefaults.choices(of: stack, program: program, transformers: transformers.version, software)
    for note in notes { assume(note) }
    if !isNamed { assume("no program is named: planned as \(program.title)") }
    if let sentence = transformers.assumption { assume(sentence) }
  }

  mutating func assume(_ sentence: String) {
    if !assumptions.contains(sentence) { assumptions.append(sentence) }
  }

  private mutating func run() throws(Refusal) -> TranslatedMeasurement {
    let device = readDevice()
    try readBatch()
    try readMethod()
    readPrecision()
    try readOptimizer()
    try readAttention(on: device)
    try readLoss()
    readSoftware()
    try readSharding()
    readMetric()
    request.choices = choices
    let resolved: ResolvedRecipe
    do { resolved = try request.resolved(for: spec) } catch { throw Refusal(.recipe, "\(error)") }
    return TranslatedMeasurement(
      spec: spec, recipe: ResolvedRecipe(recipe: resolved.recipe, assumptions: []), device: device,
      includesLoading: includesLoading, assumptions: assumptions + resolved.assumptions)
  }

  // MARK: The card

  private mutating func readDevice() -> Device? {
    guard let text = row.setting.gpu, let match = MeasuredDevice.find(text) else {
      assume("the card is not known: a driver's context and cuBLAS's workspaces as on most cards")
      return nil
    }
    if !match.isCertain { assume("card: \(text), planned as \(match.device.title)") }
    return match.device
  }
}

extension Measurement {
  /// The run in the planner's terms.
  ///
  /// - Throws: ``Refusal`` for what the planner has no rule for.
  public func translated() throws(Refusal) -> TranslatedMeasurement { try MeasurementTranslation.translate(self) }
}
