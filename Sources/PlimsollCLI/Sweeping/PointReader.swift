import Bookkeeping
import Configurations
import Modeling
import Planning

/// Reads the points of a grid as recipes, each as its own command line would be read.
///
/// What points share is read once: the parser sees a set of words a single time, and numbers, of which a grid has most
/// values, are put into what it understood.
struct PointReader {
  let grid: SweepGrid
  let mode: SweepMode
  private var flags: FlagWords
  private var drafts: [Question: PointDraft] = [:]
  private var engineThreads: Int?

  private struct Question: Hashable {
    let model: String?
    let settings: [SweepSetting]
  }

  /// - Throws: what is wrong with a single setting or model, whatever it is combined with.
  init(_ grid: SweepGrid, _ mode: SweepMode) throws {
    self.grid = grid
    self.mode = mode
    flags = FlagWords(mode)
    for axis in grid.axes {
      for (column, name) in axis.names.enumerated() {
        let values = axis.values.map { $0[column] }
        if name == "model" {
          for value in values { _ = try ModelReference(resolving: value) }
        } else {
          for value in values where !Self.isNumber(name, value) { _ = try flags.words(SweepSetting(name, value)) }
          // One is enough to know that there is such a flag.
          if let first = values.first { _ = try flags.words(SweepSetting(name, first)) }
        }
      }
    }
    for setting in grid.settings { _ = try flags.words(setting) }
    if let model = grid.model { _ = try ModelReference(resolving: model) }
  }

  /// What a place of the grid asks; `nil` where it asks the same as an earlier place, because the method has no use for
  /// what differs.
  mutating func point(at place: Int) throws -> SweepPoint? {
    let (model, all) = grid.point(at: place)
    var settings = all
    var dropped: Set<String> = []
    var refusal: String?
    var draft: PointDraft?
    var resolved: ResolvedRecipe?
    while resolved == nil, refusal == nil {
      do {
        let read = try self.draft(model, settings)
        draft = read
        resolved = try read.request.resolved(for: read.spec)
      } catch RecipeError.conflict(let name, _, _)
        where Self.methodsOwn.contains(name) && settings.contains(where: { $0.name == name })
      {
        settings.removeAll { $0.name == name }
        dropped.insert(name)
      } catch {
        refusal = try reason(error)
      }
    }
    let tuples = grid.values(at: place)
    for (axis, tuple) in zip(grid.axes, tuples) where axis.names.allSatisfy(dropped.contains) {
      guard tuple == axis.values[0] else { return nil }
    }
    let values = zip(grid.axes, tuples).flatMap { axis, tuple in
      zip(axis.names, tuple).map { dropped.contains($0) ? nil : $1 }
    }
    guard let resolved, let draft else {
      return SweepPoint(
        place: place, values: values, budget: draft?.budget, unused: dropped.sorted(), asked: .refused(refusal ?? ""))
    }
    let recipe = ResolvedRecipe(recipe: resolved.recipe, assumptions: draft.assumptions + resolved.assumptions)
    let task = SweepTask(
      spec: draft.spec, resolved: recipe, device: draft.device, threads: try threads(draft, resolved.recipe.stack),
      words: mode.isRun ? try words(model, settings) : [])
    return SweepPoint(place: place, values: values, budget: draft.budget, unused: dropped.sorted(), asked: .task(task))
  }

  /// Settings that belong to some methods only: with others they are left out, since a sweep over methods means them for
  /// those that have them.
  private static let methodsOwn: Set<String> = [
    "rank", "alpha", "lora-dropout", "targets", "modules-to-save", "rslora", "train-layers", "train-modules",
    "extra-modules", "virtual-tokens", "encoder-width",
  ]

  /// What a combination is refused for; anything else ends the sweep.
  private func reason(_ error: any Error) throws -> String {
    guard ExitStatus(for: error) == .usage else { throw error }
    return "\(error)"
  }

  private mutating func words(_ model: String?, _ settings: [SweepSetting]) throws -> [String] {
    var words = model.map { [$0] } ?? []
    for setting in settings { words += try flags.words(setting) }
    return words
  }

  private mutating func draft(_ model: String?, _ settings: [SweepSetting]) throws -> PointDraft {
    var read: [SweepSetting] = []
    var numbers: [SweepSetting] = []
    for setting in settings {
      if Self.isNumber(setting.name, setting.value) { numbers.append(setting) } else { read.append(setting) }
    }
    let question = Question(model: model, settings: read)
    var draft: PointDraft
    if let known = drafts[question] {
      draft = known
    } else {
      draft = try PointDraft(try words(model, read), mode)
      drafts[question] = draft
    }
    for number in numbers { Self.put(number, into: &draft.request) }
    return draft
  }

  private mutating func threads(_ draft: PointDraft, _ stack: Stack) throws -> Int {
    if let threads = draft.threads { return try EngineOptions.threads(threads) }
    guard stack == .plimsoll else { return 1 }
    if let engineThreads { return engineThreads }
    let threads = try EngineOptions.threads(nil)
    engineThreads = threads
    return threads
  }

  // MARK: Numbers

  private static let wholes: [String: any WritableKeyPath<RecipeRequest, Int?> & Sendable] = [
    "rank": \.rank, "batch": \.microBatch, "seq": \.sequence, "grad-accum": \.accumulation,
    "train-layers": \.trainedLayers, "virtual-tokens": \.virtualTokens,
  ]
  private static let reals: [String: any WritableKeyPath<RecipeRequest, Double?> & Sendable] = [
    "alpha": \.alpha, "lora-dropout": \.loraDropout, "learning-rate": \.learningRate, "weight-decay": \.weightDecay,
  ]

  /// Whether a setting is a number that goes into a request as the flag of that name would put it.
  private static func isNumber(_ name: String, _ value: String) -> Bool {
    if wholes[name] != nil { return Int(value) != nil }
    return reals[name] != nil && Double(value).map { !$0.isNaN } == true
  }

  private static func put(_ number: SweepSetting, into request: inout RecipeRequest) {
    if let path = wholes[number.name] {
      request[keyPath: path] = Int(number.value)
    } else if let path = reals[number.name] {
      request[keyPath: path] = Double(number.value)
    }
  }
}
