import Bookkeeping
import Modeling

extension Recipe {
  /// The format that sharding software computes in whatever weights were loaded in; `nil` where it leaves that alone.
  ///
  /// FSDP: `MixedPrecision.param_dtype`; DeepSpeed casts the whole module (runtime/engine.py, `_configure_distributed_model`).
  var castFormat: ScalarFormat? {
    let half: ScalarFormat = weightFormat == .fp16 ? .fp16 : .bf16
    return switch parallelism.sharding {
    case .none, .ddp: nil
    case .fsdp, .fsdp2: precision == .autocast && parallelism.settings.castsGatheredWeights ? half : nil
    case .zero1, .zero2, .zero3: precision == .autocast ? half : weightFormat
    }
  }

  /// Where adapters are: fms-acceleration's fused operations hold them outside of FSDP.
  var adapterUnits: ShardingSettings.AdapterUnits {
    choices.adapters == .foak && method.quantization != nil ? .whole : parallelism.settings.adapterUnits
  }

  /// Whether products are computed under autocast: DeepSpeed has cast the module instead (accelerate accelerator.py,
  /// `native_amp`).
  var usesAutocast: Bool { precision == .autocast && !parallelism.sharding.isDeepSpeed }
}
