public import Modeling

/// What configuration files that people already have say about a run: the model, the recipe, and what became of every
/// field.
///
/// Files of several programs add up: a TRL YAML, the YAML of `accelerate config` and a DeepSpeed JSON are one run. What
/// they leave open takes the defaults of the software that reads them, not ours.
public struct TrainingConfiguration: Hashable, Sendable {
  /// Whose configuration a file is.
  public enum Dialect: String, CaseIterable, Hashable, Sendable {
    case axolotl
    case llamaFactory = "llama-factory"
    case trl, transformers, torchtune, unsloth, peft, accelerate, fsdp, deepspeed

    /// Whether a file of it says what program trains, so that there can be only one.
    var namesProgram: Bool {
      switch self {
      case .axolotl, .llamaFactory, .trl, .transformers, .torchtune, .unsloth: true
      case .peft, .accelerate, .fsdp, .deepspeed: false
      }
    }

    public var title: String {
      switch self {
      case .axolotl: "axolotl"
      case .llamaFactory: "LLaMA-Factory"
      case .trl: "TRL"
      case .transformers: "Transformers"
      case .torchtune: "torchtune"
      case .unsloth: "Unsloth"
      case .peft: "PEFT"
      case .accelerate: "Accelerate"
      case .fsdp: "FSDP"
      case .deepspeed: "DeepSpeed"
      }
    }

    static var titles: String { allCases.map(\.title).joined(separator: ", ") }
  }

  /// A field that decided something.
  public struct Taken: Hashable, Sendable {
    public let file: String
    public let field: String
    public let value: String
  }

  /// A field that decided nothing, and why.
  public struct Ignored: Hashable, Sendable {
    public let file: String
    public let field: String
    public let reason: IgnoredReason
  }

  /// What only the model's architecture can settle.
  enum Deferred: Hashable, Sendable {
    /// DeepSpeed's `auto`: products of the hidden size.
    case reduceBucket, prefetchBucket, persistenceThreshold
    /// PEFT's target modules of the family.
    case peftTargets
    /// A regular expression over module names.
    case targetPattern(String, file: String, field: String)

    var isAboutTargets: Bool {
      switch self {
      case .peftTargets, .targetPattern: true
      case .reduceBucket, .prefetchBucket, .persistenceThreshold: false
      }
    }
  }

  /// The files that were read, with what each is.
  public internal(set) var files: [(file: String, dialect: Dialect)] {
    get { zip(fileNames, dialects).map { ($0, $1) } }
    set { (fileNames, dialects) = (newValue.map(\.file), newValue.map(\.dialect)) }
  }
  private var fileNames: [String] = []
  public private(set) var dialects: [Dialect] = []
  /// The model that the files name, as they name it.
  public internal(set) var model: String?
  /// What the files say and what their software makes of what they leave out.
  var request = RecipeRequest()
  public internal(set) var taken: [Taken] = []
  /// What the software does about fields that the files leave out, a sentence each.
  public internal(set) var defaults: [String] = []
  public internal(set) var ignored: [Ignored] = []
  /// What else a reader should know, a sentence each.
  public internal(set) var notes: [String] = []
  var deferred: [Deferred] = []
  /// How several GPUs share a step where only their number is named elsewhere.
  var sharesBy: Sharding?

  init() {}
}

extension TrainingConfiguration {
  /// The request for a model, with the user's flags over it.
  ///
  /// - Throws: ``ConfigurationError/unsupported(field:value:reason:file:)`` for target patterns that no recipe can say.
  public func request(
    for spec: ModelSpec, under flags: RecipeRequest = RecipeRequest()
  ) throws(ConfigurationError) -> RecipeRequest {
    var settled = request
    // A flag settles what the file leaves to the family.
    let isAsked = flags.targets != nil || flags.method.map { !$0.hasTargets } ?? false
    for item in deferred where !(isAsked && item.isAboutTargets) { try settle(item, &settled, spec) }
    var merged = flags.filled(from: settled)
    if merged.sharding == nil, let sharesBy, let devices = merged.devices, devices > 1 { merged.sharding = sharesBy }
    return merged
  }

  /// transformers/integrations/deepspeed.py, `trainer_config_finalize`; peft/utils/constants.py.
  private func settle(
    _ item: Deferred, _ request: inout RecipeRequest, _ spec: ModelSpec
  ) throws(ConfigurationError) {
    let hidden = spec.hiddenSize
    var settings = request.shardingSettings ?? request.stack?.shardingSettings ?? ShardingSettings()
    switch item {
    case .reduceBucket: settings.reduceBucketElements = hidden * hidden
    case .prefetchBucket: settings.prefetchBucketElements = Int(0.9 * Double(hidden * hidden))
    case .persistenceThreshold: settings.persistenceThreshold = 10 * hidden
    case .peftTargets:
      guard request.targets == nil else { return }
      guard let targets = PEFTTargets.defaults(of: spec, method: request.method) else {
        throw .missing(
          field: "target_modules", reason: "PEFT has no targets of its own for \(spec.architecture.rawValue)",
          file: fileNames.first ?? "the configuration")
      }
      request.targets = targets
      return
    case .targetPattern(let pattern, let file, let field):
      request.targets = try PEFTTargets.matching(pattern, in: spec, field: field, file: file)
      return
    }
    request.shardingSettings = settings
  }
}

extension TrainingConfiguration {
  /// What was read and what became of it, in sentences.
  public var sentences: [String] {
    var lines = zip(fileNames, dialects).map { "config \($0): read as a configuration of \($1.title)" }
    lines += taken.map { "config \($0.file.lastComponent): \($0.field) is \($0.value)" }
    lines += defaults.map { "config leaves out \($0)" }
    lines += notes.map { "config: \($0)" }
    for reason in IgnoredReason.allCases {
      let fields = ignored.filter { $0.reason == reason }
      guard !fields.isEmpty else { continue }
      let files = Set(fields.map(\.file)).count
      let names = fields.map { files > 1 ? "\($0.field) (\($0.file.lastComponent))" : $0.field }
      lines.append("config ignores, \(reason.sentence): \(names.joined(separator: ", "))")
    }
    return lines
  }
}

extension String {
  /// The name of a file without its folders.
  fileprivate var lastComponent: String { split(separator: "/").last.map(String.init) ?? self }
}
