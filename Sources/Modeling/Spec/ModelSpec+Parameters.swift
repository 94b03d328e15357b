import Bookkeeping

// Shape letters here: H hidden, q query width, k key/value width, I intermediate, V vocabulary, D head dimension.

extension ModelSpec {
  /// Every parameter of the checkpoint, in the order of the forward pass; a tied head is not listed again.
  ///
  /// Planner, engine and header readers all read this one list.
  public var parameters: [Parameter] {
    leadingParameters + (0..<layerCount).flatMap(layerParameters) + trailingParameters
  }

  /// Parameters in all, a tied head counted once.
  public var parameterCount: Int {
    let inLayers = layerCount * layerParameters(0).reduce(0) { $0 + $1.count }
    return inLayers + (leadingParameters + trailingParameters).reduce(0) { $0 + $1.count }
  }

  /// The parameters outside the layers, in the order of the forward pass.
  public var outerParameters: [Parameter] { leadingParameters + trailingParameters }

  /// The head's module, which has a name even where it reuses the embedding table.
  public var headModule: String { names.head }

  private var leadingParameters: [Parameter] {
    let table = Parameter(name: names.embedding, shape: [vocabularySize, hiddenSize], role: .embedding)
    guard case .learned(let count) = positions else { return [table] }
    return [table, Parameter(name: names.positionEmbedding, shape: [count, hiddenSize], role: .positionEmbedding)]
  }

  private var trailingParameters: [Parameter] {
    var list = norm(.final, width: hiddenSize, layer: nil)
    if !tiesEmbeddings {
      list.append(Parameter(name: names.head + ".weight", shape: [vocabularySize, hiddenSize], role: .head))
    }
    if headHasBias { list.append(Parameter(name: names.head + ".bias", shape: [vocabularySize], role: .headBias)) }
    return list
  }

  /// Parameters of one decoder layer in forward order.
  public func layerParameters(_ layer: Int) -> [Parameter] {
    var list = norm(.attention, width: hiddenSize, layer: layer)
    for role in attentionRoles { list += linear(role, layer: layer) }
    if attention.normalizesQueryAndKey {
      list += norm(.query, width: attention.headDimension, layer: layer)
      list += norm(.key, width: attention.headDimension, layer: layer)
    }
    list += linear(.output, layer: layer)
    if normalization.normalizesOutputs { list += norm(.attentionOutput, width: hiddenSize, layer: layer) }
    if !(normalization.isParallel && normalization.sharesParallelNorm) {
      list += norm(.mlp, width: hiddenSize, layer: layer)
    }
    if let experts = feedForward.experts {
      list.append(
        Parameter(
          name: names.layer(layer) + names.router + ".weight", shape: [experts.count, hiddenSize], role: .router,
          layer: layer))
      for index in 0..<experts.count {
        for role in feedForwardRoles {
          let (input, output) = extents(of: role, inner: experts.intermediateSize)
          list.append(
            Parameter(
              name: names.layer(layer) + names.expert(index, role) + ".weight", shape: [output, input],
              role: .expert(role, index: index), layer: layer))
        }
      }
      for role in sharedRoles { list += linear(role, layer: layer) }
    } else {
      for role in feedForwardRoles { list += linear(role, layer: layer) }
    }
    if normalization.normalizesOutputs { list += norm(.mlpOutput, width: hiddenSize, layer: layer) }
    return list
  }

  /// The linear layers of one decoder layer that adapters and quantization see, experts not included.
  public func linearModules(_ layer: Int) -> [LinearModule] {
    let roles = attentionRoles + [.output] + (feedForward.experts == nil ? feedForwardRoles : sharedRoles)
    return roles.map { module($0, layer: layer) }
  }

  /// The linear layers of a layer's experts, where they are modules of their own.
  public func expertModules(_ layer: Int) -> [LinearModule] {
    layerParameters(layer).compactMap { parameter in
      guard case .expert(let role, _?) = parameter.role else { return nil }
      return LinearModule(
        name: String(parameter.name.dropLast(".weight".count)), role: role, layer: layer,
        input: parameter.shape.extents.last ?? 0, output: parameter.shape.extents.first ?? 0, hasBias: false)
    }
  }

  /// One linear layer of a decoder layer.
  public func module(_ role: Parameter.Linear, layer: Int) -> LinearModule {
    let shared = feedForward.experts?.sharedIntermediateSize
    let (input, output) = extents(of: role, inner: shared ?? feedForward.intermediateSize)
    return LinearModule(
      name: names.layer(layer) + names.linear(role), role: role, layer: layer, input: input, output: output,
      hasBias: hasBias(role))
  }

  /// The projections before attention, in the order in which they run.
  public var attentionRoles: [Parameter.Linear] {
    attention.fusesProjections ? [.queryKeyValue] : [.query, .key, .value]
  }

  /// The linear layers of the feed-forward network, in the order in which they run.
  public var feedForwardRoles: [Parameter.Linear] {
    if !feedForward.isGated { return [.up, .down] }
    return feedForward.fusesGateAndUp ? [.gateUp, .down] : [.gate, .up, .down]
  }

  /// The linear layers of an expert that every token visits, and its gate.
  public var sharedRoles: [Parameter.Linear] {
    feedForward.experts?.sharedIntermediateSize == nil ? [] : feedForwardRoles + [.sharedGate]
  }

  /// The full name of a norm's weight.
  public func normName(_ place: Parameter.Norm, layer: Int?) -> String {
    (layer.map { names.layer($0) } ?? "") + names.norm(place) + ".weight"
  }

  /// The full name of the embedding table.
  public var embeddingName: String { names.embedding }

  /// The full name of the head's weight; the embedding's where the two are tied.
  public var headName: String { tiesEmbeddings ? names.embedding : names.head + ".weight" }

  private func hasBias(_ role: Parameter.Linear) -> Bool {
    switch role {
    case .query, .key, .value, .queryKeyValue: attention.hasProjectionBias
    case .output: attention.hasOutputBias
    case .gate, .up, .gateUp, .down: feedForward.hasBias
    case .sharedGate: false
    }
  }

  private func extents(of role: Parameter.Linear, inner: Int) -> (input: Int, output: Int) {
    switch role {
    case .query: (hiddenSize, attention.queryWidth)
    case .key, .value: (hiddenSize, attention.keyValueWidth)
    case .queryKeyValue: (hiddenSize, attention.queryWidth + 2 * attention.keyValueWidth)
    case .output: (attention.queryWidth, hiddenSize)
    case .gate, .up: (hiddenSize, inner)
    case .gateUp: (hiddenSize, 2 * inner)
    case .down: (inner, hiddenSize)
    case .sharedGate: (hiddenSize, 1)
    }
  }

  private func linear(_ role: Parameter.Linear, layer: Int) -> [Parameter] {
    let module = module(role, layer: layer)
    // GPT-2's Conv1D stores its weight the other way round.
    let shape: Shape =
      architecture == .gpt2 ? [module.input, module.output] : [module.output, module.input]
    let weight = Parameter(name: module.name + ".weight", shape: shape, role: .linear(role), layer: layer)
    guard module.hasBias else { return [weight] }
    let bias = Parameter(name: module.name + ".bias", shape: [module.output], role: .linearBias(role), layer: layer)
    return [weight, bias]
  }

  private func norm(_ place: Parameter.Norm, width: Int, layer: Int?) -> [Parameter] {
    let name = normName(place, layer: layer)
    let weight = Parameter(name: name, shape: [width], role: .norm(place), layer: layer)
    guard normalization.kind == .layer else { return [weight] }
    let biasName = name.dropLast("weight".count) + "bias"
    return [weight, Parameter(name: String(biasName), shape: [width], role: .normBias(place), layer: layer)]
  }
}
