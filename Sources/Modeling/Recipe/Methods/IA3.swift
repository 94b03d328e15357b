import Bookkeeping

/// (IA)³: a trained vector scales the results of keys and values and the input of the projection back.
///
/// Source: Liu et al. 2022, <https://arxiv.org/abs/2205.05638>; peft/tuners/ia3/layer.py.
public struct IA3: ModuleWrapping, Hashable {
  public let targets: LoRA.Targets

  public init(targets: LoRA.Targets) { self.targets = targets }

  /// PEFT's targets of a family (peft/utils/constants.py, `TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING`): keys or
  /// queries, values, and the projection back.
  public static func defaultTargets(of spec: ModelSpec) -> LoRA.Targets {
    let usesQueries = [.gemma, .gemma2, .gemma3, .qwen2, .qwen3, .phi].contains(spec.architecture)
    let roles: Set<Parameter.Linear> = [usesQueries ? .query : .key, .value, .queryKeyValue, .down]
    return .modules(spec.linearModules(0).filter { roles.contains($0.role) }.map(\.lastComponents))
  }

  /// Whether the vector scales the input and not the result (`feedforward_modules`).
  public static func scalesInput(of module: LinearModule) -> Bool { module.role == .down }

  public func added(to module: LinearModule, of spec: ModelSpec) -> [AddedParameter] {
    [
      IA3.scalesInput(of: module)
        ? AddedParameter("ia3_l", [1, module.input]) : AddedParameter("ia3_l", [module.output, 1])
    ]
  }
}

extension LinearModule {
  /// The last component of the name with its parent, where that is needed to tell modules apart (`mlp.c_proj`).
  fileprivate var lastComponents: String {
    let parts = name.split(separator: ".")
    return shortName == "c_proj" ? parts.suffix(2).joined(separator: ".") : shortName
  }
}
