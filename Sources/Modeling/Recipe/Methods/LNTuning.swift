/// Norms train: a copy of each beside the frozen one.
///
/// Source: Zhao et al. 2023, <https://arxiv.org/abs/2312.11420>;
/// peft/tuners/ln_tuning/layer.py, `LNTuningLayer`.
public struct LNTuning: Hashable, Sendable {
  public init() {}

  /// PEFT's targets: the norms of the stream, not those of queries and keys (peft/utils/constants.py,
  /// `TRANSFORMERS_MODELS_TO_LNTUNING_TARGET_MODULES_MAPPING`).
  func copies(_ parameter: Parameter) -> Bool {
    switch parameter.role {
    case .norm(let place), .normBias(let place): place != .query && place != .key
    default: false
    }
  }
}
