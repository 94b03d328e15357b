/// How the frozen base is stored.
public enum Quantization: Hashable, Sendable {
  /// 4-bit codes with absmax per 64 weights, itself quantized where `double`.
  case nf4(double: Bool)
  case fp4(double: Bool)
  /// LLM.int8(): a byte a weight and an fp32 scale a row (Dettmers et al. 2022, <https://arxiv.org/abs/2208.07339>).
  case int8

  public var text: String {
    switch self {
    case .nf4(let double): double ? "nf4+dq" : "nf4"
    case .fp4(let double): double ? "fp4+dq" : "fp4"
    case .int8: "int8"
    }
  }
}
