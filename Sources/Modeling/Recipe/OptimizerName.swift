extension Optimizer {
  /// An optimizer as somebody named it, with the way it walks over parameters where the name says that too.
  public struct Named: Hashable, Sendable {
    public let kind: Kind
    public let implementation: Implementation?

    public init(_ kind: Kind, _ implementation: Implementation? = nil) {
      self.kind = kind
      self.implementation = implementation
    }
  }

  /// The optimizer of a name, underscores being as good as dashes.
  ///
  /// Names are those of ``Kind``, of `TrainingArguments.optim` (transformers/training_args.py, `OptimizerNames`), of
  /// classes, and of older releases.
  ///
  /// - Returns: `nil` if no optimizer that is modeled has this name.
  public static func named(_ name: String) -> Named? {
    let plain = String(name.lowercased().map { $0 == "_" ? "-" : $0 })
    return Kind(rawValue: plain).map { Named($0) } ?? aliases[plain]
  }

  /// Names of `TrainingArguments.optim` first; what `adamw_torch` is depends on nothing else there, so it says how it
  /// walks.
  private static let aliases: [String: Named] = [
    "adamw-torch": Named(.adamw, .foreach), "adamw-torch-fused": Named(.adamw, .fused),
    "adamw-bnb-8bit": Named(.adamw8bit), "paged-adamw-32bit": Named(.pagedAdamw),
    "paged-ademamix-32bit": Named(.pagedAdemamix), "lion-32bit": Named(.lion),
    "paged-lion-32bit": Named(.pagedLion), "rmsprop-bnb": Named(.rmsprop32bit),
    "rmsprop-bnb-8bit": Named(.rmsprop8bit), "rmsprop-bnb-32bit": Named(.rmsprop32bit),
    // How torch.optim walks over parameters.
    "adamw-fused": Named(.adamw, .fused), "adamw-foreach": Named(.adamw, .foreach),
    "adamw-single": Named(.adamw, .single),
    // Classes and habits.
    "adam": Named(.adamw), "fusedadam": Named(.fusedAdam), "deepspeed-fused-adam": Named(.fusedAdam),
    "apex-fused-adam": Named(.fusedAdam), "adamw-bnb-32bit": Named(.adamw32bit), "8bit-adam": Named(.adamw8bit),
    "adamw8bit": Named(.adamw8bit), "pagedadamw": Named(.pagedAdamw), "pagedadamw32bit": Named(.pagedAdamw),
    "pagedadamw8bit": Named(.pagedAdamw8bit), "momentum": Named(.sgdMomentum), "galore": Named(.galoreAdamw),
    "apollo": Named(.apolloAdamw), "schedulefree": Named(.scheduleFreeAdamw), "adammini": Named(.adamMini),
  ]

  /// Every name that ``named(_:)`` knows.
  public static var names: [String] { Kind.allCases.map(\.rawValue) + aliases.keys.sorted() }
}
