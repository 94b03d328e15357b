public import Bookkeeping

/// Which parameters train, and what wraps the modules that don't.
public enum Method: Hashable, Sendable {
  /// Every parameter trains.
  case full
  /// Part of the model trains as it is: some layers, the head, the biases.
  case partial(PartialTraining)
  /// Low-rank adapters on a frozen base, with their variants (DoRA, rsLoRA).
  case lora(LoRA)
  /// Low-rank adapters on a frozen, quantized base (Dettmers et al. 2023, <https://arxiv.org/abs/2305.14314>).
  case qlora(LoRA, Quantization)
  /// Other adapters around modules of a frozen base, quantized or not.
  case wrapped(Wrapper, Quantization?)
  /// Trained virtual tokens before every sequence of a frozen base, quantized or not.
  case prompted(VirtualTokens, Quantization?)

  /// As the command line says it.
  public enum Name: String, CaseIterable, Hashable, Sendable, Codable {
    case full, freeze, head, bitfit, lora, qlora, dora, ia3
    case lnTuning = "ln-tuning"
    case prompt
    case pTuning = "p-tuning"
    case prefix, vera, oft, boft, loha, lokr, adalora
  }

  public var name: Name {
    switch self {
    case .full: .full
    case .partial(let part): part.name
    case .lora(let lora): lora.decomposesWeights ? .dora : .lora
    case .qlora(let lora, _): lora.decomposesWeights ? .dora : .qlora
    case .wrapped(let wrapper, _): wrapper.name
    case .prompted(let tokens, _): tokens.name
    }
  }

  /// The low-rank adapters, if that is what it trains.
  public var adapter: LoRA? {
    switch self {
    case .lora(let lora), .qlora(let lora, _): lora
    case .full, .partial, .wrapped, .prompted: nil
    }
  }

  public var quantization: Quantization? {
    switch self {
    case .full, .partial, .lora: nil
    case .qlora(_, let quantization): quantization
    case .wrapped(_, let quantization), .prompted(_, let quantization): quantization
    }
  }

  /// What wraps linear layers, if anything does.
  public var wrapping: (any ModuleWrapping)? {
    switch self {
    case .full, .partial, .prompted: nil
    case .lora(let lora), .qlora(let lora, _): lora
    case .wrapped(let wrapper, _): wrapper.wrapping
    }
  }

  public var virtualTokens: VirtualTokens? {
    if case .prompted(let tokens, _) = self { tokens } else { nil }
  }

  /// Whether anything is added to the model, or all that trains is the model's own.
  public var addsParameters: Bool {
    switch self {
    case .full, .partial: false
    case .lora, .qlora, .wrapped, .prompted: true
    }
  }

  /// Whether a parameter of the checkpoint trains itself.
  public func trains(_ parameter: Parameter, of spec: ModelSpec) -> Bool {
    switch self {
    case .full: true
    case .partial(let part): part.trains(parameter, of: spec)
    case .lora, .qlora, .wrapped, .prompted: false
    }
  }

  /// Whether a trained copy of a parameter stands beside it and is used in its place.
  public func copies(_ parameter: Parameter, of spec: ModelSpec) -> Bool {
    switch self {
    case .full, .partial, .prompted: false
    case .lora(let lora), .qlora(let lora, _):
      lora.modulesToSave.contains { spec.isModule($0, of: parameter) }
    case .wrapped(let wrapper, _): wrapper.copies(parameter)
    }
  }
}

/// A parameter that a method adds to a module.
public struct AddedParameter: Hashable, Sendable {
  /// What stands behind the module's name: `lora_A.weight`.
  public let suffix: String
  public let shape: Shape
  /// Whether it trains; a fixed matrix doesn't.
  public let trains: Bool
  /// Its format, where it isn't that of the adapters.
  public let format: ScalarFormat?

  public init(_ suffix: String, _ shape: Shape, trains: Bool = true, format: ScalarFormat? = nil) {
    self.suffix = suffix
    self.shape = shape
    self.trains = trains
    self.format = format
  }
}

/// A rule that wraps linear layers: which, and what it adds to each.
public protocol ModuleWrapping: Sendable {
  var targets: LoRA.Targets { get }
  /// What is added to `module`, in the order in which PEFT makes it.
  func added(to module: LinearModule, of spec: ModelSpec) -> [AddedParameter]
}

extension ModelSpec {
  /// Whether `name` is, or is the end of, the module that a parameter is in (`lm_head`, `embed_tokens`).
  ///
  /// A head that reuses the embedding table is a module of its own all the same.
  public func isModule(_ name: String, of parameter: Parameter) -> Bool {
    let module = parameter.name.split(separator: ".").dropLast().joined(separator: ".")
    return module == name || module.hasSuffix("." + name)
  }
}
