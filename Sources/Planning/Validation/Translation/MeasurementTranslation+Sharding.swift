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
    if words.has("offload") { throw Refusal(.sharding, "\(text): parameters that live on the host have no rule") }
    guard let sharding = MeasurementTranslation.sharding(words) else {
      if gpus == 1 || words.isEmpty || words.says("none") { return try single(gpus, words) }
      throw Refusal(.sharding, "\(text) has no rule")
    }
    guard gpus > 1 else {
      throw Refusal(.sharding, "\(text): sharding software on one GPU has no rule")
    }
    do { request.parallelism = try Parallelism(devices: gpus, sharding: sharding) } catch {
      throw Refusal(.sharding, "\(error)")
    }
    throw Refusal(.sharding, "\(text) over \(gpus) GPUs has no rule")
  }

  private mutating func single(_ gpus: Int, _ words: FreeText) throws(Refusal) {
    guard gpus > 1 else { return }
    throw Refusal(.sharding, "\(gpus) GPUs, and the row does not say how they share the step")
  }

  /// The kind that the words name; `nil` for none.
  static func sharding(_ words: FreeText) -> Sharding? {
    if words.hasAny("no shard", "ddp", "data parallel", "replicated"), !words.hasAny("full shard") { return .ddp }
    if words.hasAny("zero3", "zero 3", "stage 3", "stage3") { return .zero3 }
    if words.hasAny("zero2", "zero 2", "stage 2", "stage2") { return .zero2 }
    if words.hasAny("zero1", "zero 1", "stage 1", "stage1") { return .zero1 }
    if words.hasAny("fsdp", "fully shard", "full shard") { return .fsdp }
    return nil
  }
}
