/// Adapters around modules that are not low-rank products beside them.
public enum Wrapper: Hashable, Sendable {
  case ia3(IA3)
  case lnTuning(LNTuning)
  case vera(VeRA)
  case oft(OFT)
  case boft(BOFT)
  case loha(LoHa)
  case lokr(LoKr)
  case adalora(AdaLoRA)

  var name: Method.Name {
    switch self {
    case .ia3: .ia3
    case .lnTuning: .lnTuning
    case .vera: .vera
    case .oft: .oft
    case .boft: .boft
    case .loha: .loha
    case .lokr: .lokr
    case .adalora: .adalora
    }
  }

  /// What it puts around linear layers; `nil` for norms.
  public var wrapping: (any ModuleWrapping)? {
    switch self {
    case .ia3(let wrapper): wrapper
    case .lnTuning: nil
    case .vera(let wrapper): wrapper
    case .oft(let wrapper): wrapper
    case .boft(let wrapper): wrapper
    case .loha(let wrapper): wrapper
    case .lokr(let wrapper): wrapper
    case .adalora(let wrapper): wrapper
    }
  }

  /// Whether PEFT has it for bitsandbytes' 4-bit and 8-bit layers too.
  ///
  /// Source: peft/tuners: ia3/bnb.py, adalora/bnb.py, and `resolve_quantization_backend` in vera, oft and boft; loha and
  /// lokr know `nn.Linear` alone (`layers_mapping`); norms are not quantized.
  public var runsOnQuantized: Bool {
    switch self {
    case .ia3, .lnTuning, .vera, .oft, .boft, .adalora: true
    case .loha, .lokr: false
    }
  }

  func copies(_ parameter: Parameter) -> Bool {
    if case .lnTuning(let tuning) = self { tuning.copies(parameter) } else { false }
  }
}
