extension RecipeRequest {
  /// This request with its gaps filled from another one: flags win over a file.
  ///
  /// A setting of the other request goes where this one takes away what it belongs to: adapters under another method,
  /// the ways of a stack under another stack, the walk of an optimizer under another optimizer.
  public func filled(from other: RecipeRequest) -> RecipeRequest {
    var merged = other
    merged.method = method ?? mergedMethod(other)
    merged.dropStrays(of: merged.method, besides: method)
    if let stack, stack != other.stack { merged.choices = nil }
    if optimizer != nil { merged.optimizerImplementation = nil }
    take(\.rank, &merged)
    take(\.alpha, &merged)
    take(\.loraDropout, &merged)
    take(\.targets, &merged)
    take(\.decomposesWeights, &merged)
    take(\.stabilizesRank, &merged)
    take(\.modulesToSave, &merged)
    take(\.trainedLayers, &merged)
    take(\.trainedModules, &merged)
    take(\.extraModules, &merged)
    take(\.virtualTokens, &merged)
    take(\.encoderWidth, &merged)
    take(\.blockSize, &merged)
    take(\.quantization, &merged)
    take(\.weightFormat, &merged)
    take(\.adapterFormat, &merged)
    take(\.precision, &merged)
    take(\.optimizer, &merged)
    take(\.optimizerImplementation, &merged)
    take(\.optimizerRank, &merged)
    take(\.learningRate, &merged)
    take(\.weightDecay, &merged)
    take(\.microBatch, &merged)
    take(\.sequence, &merged)
    take(\.accumulation, &merged)
    take(\.usesGradientCheckpointing, &merged)
    take(\.layersPerCheckpoint, &merged)
    take(\.stepsInBackward, &merged)
    take(\.attention, &merged)
    take(\.loss, &merged)
    take(\.stack, &merged)
    take(\.choices, &merged)
    take(\.parallelism, &merged)
    take(\.devices, &merged)
    take(\.sharding, &merged)
    take(\.lengths, &merged)
    take(\.runtime, &merged)
    merged.shardingSettings = mergedSettings(other)
    return merged
  }

  private func take<Value>(_ path: WritableKeyPath<RecipeRequest, Value?>, _ merged: inout RecipeRequest) {
    if let value = self[keyPath: path] { merged[keyPath: path] = value }
  }

  /// The other's method, quantized or not as this request says.
  private func mergedMethod(_ other: RecipeRequest) -> Method.Name? {
    switch (other.method, quantization) {
    case (.lora?, .some(.some)): .qlora
    case (.qlora?, .some(.none)): .lora
    default: other.method
    }
  }

  /// Forgets what a file says about another method than the one that was asked for.
  private mutating func dropStrays(of method: Method.Name?, besides asked: Method.Name?) {
    guard let method, let asked else { return }
    if !method.hasLoRA {
      (decomposesWeights, stabilizesRank, modulesToSave) = (nil, nil, nil)
      if method != .adalora { loraDropout = nil }
    }
    // Asked for as plain LoRA or QLoRA, it has no magnitudes.
    if asked == .lora || asked == .qlora { decomposesWeights = nil }
    if !method.hasRank { (rank, alpha) = (nil, nil) }
    if !method.hasTargets { targets = nil }
    if !method.takesQuantizedBase { quantization = nil }
    if method != .freeze { (trainedLayers, trainedModules, extraModules) = (nil, nil, nil) }
    if ![.prompt, .pTuning, .prefix].contains(method) { virtualTokens = nil }
    if method != .pTuning { encoderWidth = nil }
    if ![.oft, .boft].contains(method) { blockSize = nil }
  }

  /// The other's settings with those of this request that are not the software's defaults.
  private func mergedSettings(_ other: RecipeRequest) -> ShardingSettings? {
    guard let shardingSettings else { return other.shardingSettings }
    guard var merged = other.shardingSettings else { return shardingSettings }
    let plain = ShardingSettings()
    if shardingSettings.offload != plain.offload { merged.offload = shardingSettings.offload }
    if let format = shardingSettings.reduceFormat { merged.reduceFormat = format }
    if shardingSettings.reduceBucketElements != plain.reduceBucketElements {
      merged.reduceBucketElements = shardingSettings.reduceBucketElements
    }
    if shardingSettings.tensorParallelSize > 1 { merged.tensorParallelSize = shardingSettings.tensorParallelSize }
    if shardingSettings.usesSequenceParallel { merged.usesSequenceParallel = true }
    if shardingSettings.keepsGradientsUnsharded { merged.keepsGradientsUnsharded = true }
    return merged
  }
}
