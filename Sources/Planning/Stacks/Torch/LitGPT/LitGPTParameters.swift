import Bookkeeping
import Modeling

extension ModelSpec {
  /// The parameters as LitGPT holds them: queries, keys and values in one weight, and a head of its own even where
  /// others tie it to the embedding (litgpt/model.py, `CausalSelfAttention`, `GPT`).
  var litGPTParameters: [Parameter] {
    var list: [Parameter] = []
    for parameter in parameters {
      switch parameter.role {
      case .linear(.query), .linear(.key), .linearBias(.query), .linearBias(.key): break
      case .linear(.value):
        guard let layer = parameter.layer else { continue }
        let module = litGPTProjection(layer)
        list.append(
          Parameter(
            name: module.name + ".weight", shape: [module.output, module.input], role: .linear(.queryKeyValue),
            layer: layer))
      case .linearBias(.value):
        guard let layer = parameter.layer else { continue }
        let module = litGPTProjection(layer)
        list.append(
          Parameter(
            name: module.name + ".bias", shape: [module.output], role: .linearBias(.queryKeyValue), layer: layer))
      default: list.append(parameter)
      }
    }
    if tiesEmbeddings {
      list.append(Parameter(name: "lm_head.weight", shape: [vocabularySize, hiddenSize], role: .head))
    }
    return list
  }

  /// The linear layers as LitGPT holds them.
  func litGPTModules(_ layer: Int) -> [LinearModule] {
    guard !attention.fusesProjections else { return linearModules(layer) }
    let rest = linearModules(layer).filter { ![.query, .key, .value].contains($0.role) }
    return [litGPTProjection(layer)] + rest
  }

  private func litGPTProjection(_ layer: Int) -> LinearModule {
    guard !attention.fusesProjections else { return module(.queryKeyValue, layer: layer) }
    let query = module(.query, layer: layer)
    let path = query.name.split(separator: ".").dropLast().joined(separator: ".")
    return LinearModule(
      name: path + ".qkv", role: .queryKeyValue, layer: layer, input: hiddenSize,
      output: attention.queryWidth + 2 * attention.keyValueWidth, hasBias: query.hasBias)
  }

  /// Widths of those of queries, keys and values that get an adapter, in that order; empty where none does.
  ///
  /// Targets name them as Transformers does (`q_proj`); the name of a fused projection stands for all three.
  func litGPTAdapterParts(_ targets: LoRA.Targets, _ fused: LinearModule) -> [Int] {
    let widths = [attention.queryWidth, attention.keyValueWidth, attention.keyValueWidth]
    let names = ["q_proj", "k_proj", "v_proj"]
    if targets.match(fused) { return widths }
    return zip(names, widths).compactMap { name, width in
      let path = fused.name.split(separator: ".").dropLast().joined(separator: ".")
      let module = LinearModule(
        name: path + "." + name, role: .queryKeyValue, layer: fused.layer, input: fused.input, output: width,
        hasBias: fused.hasBias)
      return targets.match(module) ? width : nil
    }
  }
}
