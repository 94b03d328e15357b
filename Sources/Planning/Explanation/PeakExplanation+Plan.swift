package import Bookkeeping
package import Modeling

extension PeakExplanation {
  /// Explains the peak of a plan.
  public init(of plan: Plan) {
    let peak = plan.peak
    self.init(
      peak.entries, moment: plan.peakMoment, spec: plan.spec, recipe: plan.recipe,
      steps: PeakExplanation.steps(of: plan, from: peak.bytes))
  }

  /// Explains some entries of a step's books.
  package init(_ entries: [Entry], moment: String, spec: ModelSpec, recipe: Recipe, steps: [Step] = []) {
    let share = spec.share(in: recipe)
    let legend = Legend(share, recipe)
    let explainer = EntryExplainer(legend, TensorNames(share), recipe)
    var order: [Group.Key] = []
    var groups: [Group.Key: Group] = [:]
    for entry in entries {
      let parts = explainer.names.parts(of: entry.name)
      let key = Group.Key(
        pattern: parts.pattern, account: entry.account, shape: entry.shape, format: entry.format, bytes: entry.bytes)
      if groups[key] == nil {
        order.append(key)
        groups[key] = Group(parts: parts, entry: entry)
      }
      groups[key]?.count += 1
      if let layer = parts.layer { groups[key]?.layers.insert(layer) }
    }
    var used: Set<Extent.Letter> = []
    let lines = order.compactMap { groups[$0] }.map { explainer.line(of: $0, &used) }
    self.init(
      moment: moment, legend: legend.symbols(used),
      lines: lines.enumerated().sorted { ($1.element.total, $0.offset) < ($0.element.total, $1.offset) }
        .map(\.element), steps: steps)
  }

  /// Entries that differ in nothing but their layer.
  struct Group {
    struct Key: Hashable {
      let pattern: String
      let account: Account
      let shape: Shape
      let format: ScalarFormat
      let bytes: Bytes
    }

    let parts: TensorNameParts
    let entry: Entry
    var count = 0
    var layers: Set<Int> = []

    init(parts: TensorNameParts, entry: Entry) {
      self.parts = parts
      self.entry = entry
    }
  }

  /// From live bytes to the device's, each difference with its cause.
  private static func steps(of plan: Plan, from live: Bytes) -> [Step] {
    var steps = [Step(name: "live", added: live, sum: live, cause: "the lines above")]
    func add(_ name: String, _ sum: Bytes, _ cause: String) {
      guard let last = steps.last else { return }
      steps.append(Step(name: name, added: sum - last.sum, sum: sum, cause: cause))
    }
    guard plan.recipe.stack.isTorch else {
      add("reserved", plan.reserved.expected, "whole pages and cache lines of the engine's arena")
      add("device", plan.device.expected, "the program itself and OpenBLAS's panels")
      return steps
    }
    add(
      "allocated", plan.allocated.expected,
      "blocks are rounded to 512 bytes, and large ones keep up to 1 MiB that is not cut off "
        + "(c10/cuda/CUDACachingAllocator.cpp, round_size and should_split)")
    add(
      "reserved", plan.reserved.expected,
      "segments hold cached blocks that were free at the peak, from loading and from other parts of the step "
        + "(get_allocation_size, free_block)")
    add(
      "device", plan.device.expected,
      "the driver's context and loaded kernels, and what is outside the allocator")
    return steps
  }
}

/// Finds the rule for an entry and puts its numbers in.
struct EntryExplainer {
  let legend: Legend
  let names: TensorNames
  private let trainsBase: Bool
  private let isEngine: Bool

  init(_ legend: Legend, _ names: TensorNames, _ recipe: Recipe) {
    self.legend = legend
    self.names = names
    trainsBase = recipe.method.name == .full
    isEngine = !recipe.stack.isTorch
  }

  func line(of group: PeakExplanation.Group, _ used: inout Set<Extent.Letter>) -> PeakExplanation.Line {
    let (entry, parts) = (group.entry, group.parts)
    let rule = TensorTable.rule(for: parts.key)
    let (reason, source) = reason(for: entry, rule, parts)
    let extents = self.extents(of: entry, rule, parts)
    used.formUnion(extents?.flatMap(\.letters) ?? [])
    return PeakExplanation.Line(
      name: parts.pattern, account: entry.account, count: group.count, layers: group.layers.sorted(),
      shape: text(of: entry.shape, extents), elements: entry.shape.count, format: entry.format, bytes: entry.bytes,
      reason: reason, source: source)
  }

  /// Why an entry is there, and where that was read; no source where nothing explains the name.
  private func reason(
    for entry: Entry, _ rule: TensorRule?, _ parts: TensorNameParts
  ) -> (reason: String, source: String) {
    guard let rule else { return ("nothing in the tables explains this name", "") }
    if parts.flows > 0 {
      let noun = rule.reason.split(separator: ":").first.map(String.init) ?? rule.reason
      return (
        "the gradient that flows back, or a buffer on its way, at: \(noun)",
        isEngine ? EntryExplainer.engine : "torch csrc/autograd/engine.cpp, evaluate_function"
      )
    }
    if case .parameter(_, let kind) = parts.subject, parts.key == "{parameter}" {
      let quantized = entry.format == .nf4 || entry.format == .fp4 || entry.format == .int8
      return (
        kind.noun(trainsBase: trainsBase) + (quantized ? " in codes" : "") + ": there from loading to the end",
        quantized ? "bitsandbytes nn/modules.py, Params4bit and Int8Params" : "the model's configuration"
      )
    }
    return (rule.reason, isEngine ? EntryExplainer.engine : rule.source)
  }

  private static let engine = "our own engine, Sources/Planning/Stacks/Plimsoll"

  /// The extents in letters: those of the first shape of the rule that is the entry's; of a gradient in a shape of its
  /// own, the only one that it can be.
  private func extents(of entry: Entry, _ rule: TensorRule?, _ parts: TensorNameParts) -> [Extent]? {
    guard let rule, !rule.isWorkspace else { return nil }
    func isOfEntry(_ shape: [Extent]) -> Bool { shape.map { $0.value(legend) } == entry.shape.extents.map { $0 } }
    if let own = rule.shapes(for: parts.subject).first(where: isOfEntry) { return own }
    guard parts.flows > 0 else { return nil }
    let others = TensorTable.flowShapes.filter(isOfEntry)
    return others.count == 1 ? others.first : nil
  }

  private func text(of shape: Shape, _ extents: [Extent]?) -> String {
    guard let extents else { return shape.description }
    let parts = zip(extents, shape.extents).map { extent, value in
      if case .number = extent { "\(value)" } else { "\(extent.text)=\(value)" }
    }
    return "[" + parts.joined(separator: ", ") + "]"
  }
}

extension ParameterKind {
  /// What the parameter is, in a few words.
  fileprivate func noun(trainsBase: Bool) -> String {
    let base = trainsBase ? "trained" : "frozen"
    return switch self {
    case .embedding: "the \(base) table of token embeddings"
    case .positions: "the \(base) table of position embeddings"
    case .linear: "a linear layer's \(base) weight"
    case .linearBias: "a linear layer's \(base) bias"
    case .norm: "a norm's \(base) weight or bias"
    case .router: "a mixture's \(base) router"
    case .expert: "a layer's \(base) experts"
    case .head: "the \(base) head"
    case .adapterDown: "an adapter's trained A"
    case .adapterUp: "an adapter's trained B"
    }
  }
}
