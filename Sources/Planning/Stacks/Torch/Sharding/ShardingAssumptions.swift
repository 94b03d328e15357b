import Modeling

/// What the walk takes for granted of a step spread over GPUs.
enum ShardingAssumptions {
  static func sentences(_ recipe: Recipe) -> [String] {
    let parallelism = recipe.parallelism
    guard parallelism != .single else { return [] }
    let settings = parallelism.settings
    let isDivided = settings.tensorParallelSize > 1
    var list = [
      "GPUs: memory, work and tokens are those of one of \(parallelism.devices), the first; "
        + (isDivided ? "all run each micro-batch together" : "each runs micro-batches of its own")
    ]
    if isDivided {
      list.append(
        "tensor parallelism: Transformers' tp_plan=\"auto\" on DTensors, logits gathered on every GPU, the embedding's "
          + "gradient whole on each")
    }
    switch parallelism.sharding {
    case .none: break
    case .ddp:
      list.append(
        settings.viewsGradientsInBuckets
          ? "DistributedDataParallel: gradients are views of its buckets"
          : "DistributedDataParallel: a second copy of every gradient in buckets (gradient_as_bucket_view off)")
    case .fsdp where settings.keepsParametersWhole, .fsdp2 where settings.keepsParametersWhole:
      list.append("FSDP: NO_SHARD, every GPU holds all parameters and averages gradients in place")
    case .fsdp, .fsdp2:
      list.append(
        "FSDP: FULL_SHARD, \(units(recipe)), "
          + "\(settings.prefetchesBackward ? "backward prefetch on (BACKWARD_PRE)" : "no backward prefetch"), "
          + "forward prefetch off, use_orig_params \(settings.usesOriginalParameters ? "on" : "off")")
      if recipe.castFormat != nil {
        list.append("FSDP mixed precision: what trains is kept in fp32, gathered and reduced in 16 bits")
      }
    case .zero1, .zero2, .zero3:
      list.append(
        "DeepSpeed 0.19: one parameter group, contiguous gradients, reduce_bucket_size "
          + "\(settings.reduceBucketElements), gradients accumulated in the weights' format, fp32 master weights")
    }
    if settings.keepsGradientsUnsharded {
      list.append("gradients stay whole on every GPU until the last micro-batch (no_sync)")
    }
    return list
  }

  private static func units(_ recipe: Recipe) -> String {
    guard recipe.method.addsParameters else { return "a unit for each decoder layer" }
    return switch recipe.adapterUnits {
    case .own: "a unit for each decoder layer and each adapter matrix"
    case .withLayer: "a unit for each decoder layer with its adapters, whose frozen weights have gradients too"
    case .whole: "a unit for each decoder layer, adapters whole on every GPU"
    }
  }
}
