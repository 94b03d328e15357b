import Bookkeeping
import Modeling

/// Takes the names of a model's tensors apart.
struct TensorNames {
  private let spec: ModelSpec
  private let parameters: [String: Parameter]
  private let modules: [String: LinearModule]

  init(_ spec: ModelSpec) {
    self.spec = spec
    // LitGPT and Megatron hold queries, keys and values in one weight; LitGPT has a head of its own.
    parameters = Dictionary(
      (spec.parameters + spec.litGPTParameters + spec.megatronParameters).map { ($0.name, $0) },
      uniquingKeysWith: { first, _ in first })
    modules = Dictionary(
      (0..<spec.layerCount).flatMap {
        spec.linearModules($0) + spec.litGPTModules($0) + spec.megatronModules($0)
      }.map { ($0.name, $0) },
      uniquingKeysWith: { first, _ in first })
  }

  func parts(of name: String) -> TensorNameParts {
    var words = name.split(separator: ".").map(String.init)
    var flows = 0
    while words.last == "flow" {
      words.removeLast()
      flows += 1
    }
    let (pattern, layer) = TensorNames.starred(name)
    if let (key, subject) = parameter(words) {
      return TensorNameParts(pattern: pattern, layer: layer, key: key, subject: subject, flows: flows)
    }
    if words.count > 2, ["layers", "chunks"].contains(words[0]), Int(words[1]) != nil { words.removeFirst(2) }
    // Units and buckets of a step that is spread over GPUs.
    if words.first == "root" { words.removeFirst() }
    if ["zero", "ddp"].contains(words.first) { words = words.map { Int($0) == nil ? $0 : "*" } }
    let (key, subject) = activation(words.joined(separator: "."))
    return TensorNameParts(pattern: pattern, layer: layer, key: key, subject: subject, flows: flows)
  }

  /// The name with a star in place of its layer's number, and that number.
  private static func starred(_ name: String) -> (pattern: String, layer: Int?) {
    var words = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    for place in words.indices.dropFirst() where ["layers", "h", "chunks"].contains(words[place - 1]) {
      guard let number = Int(words[place]) else { continue }
      words[place] = "*"
      return (words.joined(separator: "."), number)
    }
    return (name, nil)
  }

  // MARK: Parameters

  private func parameter(_ words: [String]) -> (String, TensorSubject)? {
    for count in stride(from: words.count, to: 0, by: -1) {
      let head = words[..<count].joined(separator: ".")
      let rest = words[count...].joined(separator: ".")
      func key(_ stem: String) -> String { rest.isEmpty ? stem : stem + "." + rest }
      if let parameter = parameters[head] {
        let (shapes, kind) = shapes(of: parameter)
        return (key("{parameter}"), .parameter(shapes, kind: kind))
      }
      // transformers 5 stacks a layer's experts.
      if head.hasSuffix("experts.gate_up_proj") || head.hasSuffix("experts.up_proj") {
        let inner: Extent = head.hasSuffix("gate_up_proj") ? .twice(.F) : .F
        return (key("{parameter}"), .parameter([[.E, inner, .H]], kind: .expert))
      }
      if head.hasSuffix("experts.down_proj") {
        return (key("{parameter}"), .parameter([[.E, .H, .F]], kind: .expert))
      }
      for (suffix, kind) in [(".lora_A.weight", ParameterKind.adapterDown), (".lora_B.weight", .adapterUp)] {
        guard head.hasSuffix(suffix), let module = modules[String(head.dropLast(suffix.count))] else { continue }
        let (input, output) = TensorNames.extents(of: module.role)
        return (
          key("{parameter}"), .parameter([kind == .adapterDown ? [.r, input] : [output, .r]], kind: kind)
        )
      }
    }
    return nil
  }

  private func shapes(of parameter: Parameter) -> ([[Extent]], ParameterKind) {
    switch parameter.role {
    case .embedding: return ([[.V, .H], [.blocks128(.V), .H]], .embedding)
    case .positionEmbedding: return ([[.P, .H]], .positions)
    case .linear(let role):
      let (input, output) = TensorNames.extents(of: role)
      return ([spec.architecture == .gpt2 ? [input, output] : [output, input]], .linear)
    case .linearBias(let role): return ([[TensorNames.extents(of: role).output]], .linearBias)
    case .norm(let place), .normBias(let place):
      return ([[place == .query || place == .key ? .D : .H]], .norm)
    case .router: return ([[.E, .H]], .router)
    case .expert(let role, _):
      let (input, output) = TensorNames.extents(of: role)
      return ([[output == .I ? .F : output, input == .I ? .F : input]], .expert)
    case .head: return ([[.V, .H], [.blocks128(.V), .H]], .head)
    case .headBias: return ([[.V]], .head)
    }
  }

  static func extents(of role: Parameter.Linear) -> (input: Extent, output: Extent) {
    switch role {
    case .query: (.H, .q)
    case .key, .value: (.H, .k)
    case .queryKeyValue: (.H, .sum([.q, .twice(.k)]))
    case .output: (.q, .H)
    case .gate, .up: (.H, .I)
    case .gateUp: (.H, .twice(.I))
    case .down: (.I, .H)
    case .sharedGate: (.H, .number(1))
    }
  }

  // MARK: Activations

  /// What linear layers' results are called, in the walks and in the engine.
  private static let linears: [String: Parameter.Linear] = [
    "q": .query, "k": .key, "v": .value, "qkv": .queryKeyValue, "attention_output": .output, "gate": .gate,
    "up": .up, "gate_up": .gateUp, "down": .down, "query": .query, "key": .key, "value": .value,
  ]
  /// What norms' results are called.
  private static let norms = [
    "attention_norm.normed", "mlp_norm.normed", "query_norm.normed", "key_norm.normed", "attention_output_norm",
    "mlp_output_norm", "final_norm.normed", "final_norm", "attention_norm", "mlp_norm", "query_norm", "key_norm",
  ]

  private func activation(_ name: String) -> (String, TensorSubject) {
    if TensorTable.rules[name] != nil { return (name, .other) }
    for norm in TensorNames.norms where name == norm || name.hasPrefix(norm + ".") {
      let isHead = norm.hasPrefix("query") || norm.hasPrefix("key")
      let rows: [[Extent]] =
        isHead
        ? [[.b, .A, .s], [.b, .K, .s], [.product([.T, .A])], [.product([.T, .K])]]
        : [[.b, .s], [.T], [.b, .z]]
      return ("{norm}" + name.dropFirst(norm.count), .norm(rows: rows, width: isHead ? .D : .H))
    }
    let head = String(name.prefix { $0 != "." })
    let rest = String(name.dropFirst(head.count))
    if let role = TensorNames.linears[head] {
      let (input, output) = TensorNames.extents(of: role)
      return ("{linear}" + rest, .linear(input: input, output: output))
    }
    // The engine calls what an adapter makes by its module.
    if let module = spec.linearModules(0).first(where: { $0.shortName == head }) {
      let (input, output) = TensorNames.extents(of: module.role)
      return ("{linear}" + rest, .linear(input: input, output: output))
    }
    return (name, .other)
  }
}
