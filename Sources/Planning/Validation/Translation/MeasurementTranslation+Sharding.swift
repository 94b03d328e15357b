import Modeling

// How the step is spread over GPUs.

extension MeasurementTranslation {
  mutating func readSharding() throws(Refusal) {
    let text = row.setting.sharding ?? ""
    let words = FreeText(text)
    let gpus = row.setting.gpus ?? 1
    if words.hasAny("naive", "device map", "pipeline", "tensor parallel") {
      throw Refusal(.sharding, "\(text): layers on different GPUs have no rule")
    }
    guard let sharding = MeasurementTranslation.sharding(words) else {
      if gpus > 1, words.isEmpty, program.usesAccelerate {
        // `accelerate launch` and `torchrun` set nothing else up by themselves.
        assume("sharding: ddp, since several GPUs share the step somehow")
        request.parallelism = try? Parallelism(devices: gpus, sharding: .ddp, settings: settings(words, .ddp))
        return
      }
      if gpus == 1 || words.isEmpty || words.says("none") { return try single(gpus) }
      throw Refusal(.sharding, "\(text) has no rule")
    }
    // One GPU has nobody to share with; DeepSpeed changes the step even there.
    guard gpus > 1 || sharding.isDeepSpeed else { return }
    do {
      let settings = settings(words, sharding)
      request.parallelism = try Parallelism(
        devices: gpus, sharding: settings.keepsParametersWhole ? .fsdp : sharding, settings: settings)
    } catch { throw Refusal(.sharding, "\(error)") }
  }

  private mutating func settings(_ words: FreeText, _ sharding: Sharding) -> ShardingSettings {
    var settings = (request.stack ?? .trl).shardingSettings
    if words.has("offload"), !words.hasAny("no offload", "without offload") {
      let (parameters, optimizer) = (words.has("param"), words.hasAny("optim"))
      settings.offload =
        parameters && optimizer ? .all : optimizer || (!parameters && sharding.isDeepSpeed) ? .optimizer : .parameters
    }
    if words.hasAny("backward post", "no prefetch") { settings.prefetchesBackward = false }
    // The script's `ddp` is FSDP with NO_SHARD (train.py, `sharding_strategy`).
    if program == .fsdpQLoRA, sharding == .ddp { settings.keepsParametersWhole = true }
    return settings
  }

  private mutating func single(_ gpus: Int) throws(Refusal) {
    guard gpus > 1 else { return }
    throw Refusal(.sharding, "\(gpus) GPUs, and the row does not say how they share the step")
  }

  /// The kind that the words name; `nil` for none.
  static func sharding(_ words: FreeText) -> Sharding? {
    if words.hasAny("no shard", "ddp", "data parallel", "replicated"), !words.hasAny("full shard") { return .ddp }
    if words.hasAny("zero3", "zero 3", "stage 3", "stage3", " z3 ") { return .zero3 }
    if words.hasAny("zero2", "zero 2", "stage 2", "stage2", " z2 ") { return .zero2 }
    if words.hasAny("zero1", "zero 1", "stage 1", "stage1", "distributed optimizer") { return .zero1 }
    if words.hasAny("fsdp2", "fsdp 2") { return .fsdp2 }
    if words.hasAny("fsdp", "fully shard", "full shard") { return .fsdp }
    return nil
  }
}
