public import Bookkeeping

/// How the frozen base is stored.
public enum Quantization: Hashable, Sendable {
  /// bitsandbytes' 4-bit codes with absmax per 64 weights, itself quantized where `double`.
  case nf4(double: Bool)
  case fp4(double: Bool)
  /// The same in blocks of another size.
  case blockwise(BlockQuantization)
  /// LLM.int8(): a byte a weight and an fp32 scale a row (Dettmers et al. 2022, <https://arxiv.org/abs/2208.07339>).
  case int8
  /// Codes rounded against second-order statistics, packed down the input (Frantar et al. 2022,
  /// <https://arxiv.org/abs/2210.17323>).
  case gptq(GroupQuantization)
  /// Activation-aware codes, packed along the output (Lin et al. 2023, <https://arxiv.org/abs/2306.00978>).
  case awq(GroupQuantization)
  /// Half-quadratic quantization (Badri and Shaji 2023, <https://mobiusml.github.io/hqq_blog/>).
  case hqq(GroupQuantization)
  /// torchao's NF4: absmax per 64 weights in int8, 256 of which share a factor.
  case torchaoNF4
  /// torchao's weight-only int8: a scale a row.
  case torchaoInt8
  /// torchao's weight-only int4, for inference.
  case torchaoInt4(GroupQuantization)

  /// The 4-bit blocks of bitsandbytes, where it is they.
  public var blocks: BlockQuantization? {
    switch self {
    case .nf4(let double): BlockQuantization(codes: .nf4, isDouble: double)
    case .fp4(let double): BlockQuantization(codes: .fp4, isDouble: double)
    case .blockwise(let blocks): blocks
    case .int8, .gptq, .awq, .hqq, .torchaoNF4, .torchaoInt8, .torchaoInt4: nil
    }
  }

  /// bitsandbytes' blocks of any size; blocks of 64 are plain ``nf4(double:)`` and ``fp4(double:)``.
  public static func bitsandbytes(
    _ codes: ScalarFormat, double: Bool, blockSize: Int = 64
  ) throws(RecipeError) -> Quantization {
    guard codes == .nf4 || codes == .fp4 else { throw .unknown("quant", codes.rawValue, known: ["nf4", "fp4"]) }
    guard blockSize != 64 else { return codes == .nf4 ? .nf4(double: double) : .fp4(double: double) }
    // bitsandbytes/backends/cuda/ops.py, `quantize_4bit`: the sizes that have a kernel.
    guard [32, 128, 256, 512, 1024, 2048, 4096].contains(blockSize) else {
      throw .outOfRange("group-size", "\(blockSize)", "a power of two from 32 to 4096 for \(codes.rawValue)")
    }
    return .blockwise(BlockQuantization(codes: codes, isDouble: double, blockSize: blockSize))
  }

  /// Whether `prepare_model_for_kbit_training` casts what is left of the model to fp32.
  ///
  /// peft/utils/other.py: not for GPTQ, AQLM, EETQ, HQQ and torchao; AWQ is not among the exceptions.
  public var isUpcastByKbitPreparation: Bool {
    switch self {
    case .nf4, .fp4, .blockwise, .int8, .awq: true
    case .gptq, .hqq, .torchaoNF4, .torchaoInt8, .torchaoInt4: false
    }
  }

  /// Whether the checkpoint is quantized already, so that nothing is quantized while it is loaded.
  public var isLoadedPacked: Bool {
    switch self {
    case .gptq, .awq: true
    case .nf4, .fp4, .blockwise, .int8, .hqq, .torchaoNF4, .torchaoInt8, .torchaoInt4: false
    }
  }

  public var text: String {
    switch self {
    case .nf4(let double): double ? "nf4+dq" : "nf4"
    case .fp4(let double): double ? "fp4+dq" : "fp4"
    case .blockwise(let blocks):
      "\(blocks.codes.rawValue)\(blocks.isDouble ? "+dq" : "") in blocks of \(blocks.blockSize)"
    case .int8: "int8"
    case .gptq(let groups): "gptq\(groups.bits), \(groups.text)"
    case .awq(let groups): "awq\(groups.bits), \(groups.text)"
    case .hqq(let groups): "hqq\(groups.bits), \(groups.text)"
    case .torchaoNF4: "torchao-nf4"
    case .torchaoInt8: "int8wo"
    case .torchaoInt4(let groups): "int4wo, \(groups.text)"
    }
  }
}

/// Codes of a few bits whose scales are shared by groups of weights along the input.
public struct GroupQuantization: Hashable, Sendable {
  public let bits: Int
  /// Weights that share a scale; `nil` where a whole row does (`group_size=-1`).
  public let groupSize: Int?
  /// Whether weights are grouped by importance rather than by place (GPTQ's `desc_act`).
  public let isActOrdered: Bool

  fileprivate init(bits: Int, groupSize: Int?, isActOrdered: Bool = false) {
    self.bits = bits
    self.groupSize = groupSize
    self.isActOrdered = isActOrdered
  }

  var text: String {
    (groupSize.map { "groups of \($0)" } ?? "one group a row") + (isActOrdered ? ", act-order" : "")
  }
}

extension Quantization {
  /// GPTQ as checkpoints have it: 2, 3, 4 or 8 bits, groups of 128 unless said (gptqmodel
  /// nn_modules/qlinear/torch.py, `SUPPORTS_BITS`, `SUPPORTS_GROUP_SIZE`).
  public static func gptq(
    bits: Int, groupSize: Int? = 128, isActOrdered: Bool = false
  ) throws(RecipeError) -> Quantization {
    guard [2, 3, 4, 8].contains(bits) else { throw .outOfRange("quant", "gptq\(bits)", "gptq2, gptq3, gptq4 or gptq8") }
    try check(groupSize, among: [16, 32, 64, 128, 256, 512, 1024])
    return .gptq(GroupQuantization(bits: bits, groupSize: groupSize, isActOrdered: isActOrdered))
  }

  /// AWQ: 4 bits (gptqmodel nn_modules/qlinear/gemm_awq.py).
  public static func awq(groupSize: Int? = 128) throws(RecipeError) -> Quantization {
    try check(groupSize, among: [16, 32, 64, 128])
    return .awq(GroupQuantization(bits: 4, groupSize: groupSize))
  }

  /// HQQ: 1, 2, 3, 4 or 8 bits, groups of 64 unless said (hqq/core/quantize.py, `hqq_base_quant_config`).
  public static func hqq(bits: Int, groupSize: Int? = 64) throws(RecipeError) -> Quantization {
    guard [1, 2, 3, 4, 8].contains(bits) else {
      throw .outOfRange("quant", "hqq\(bits)", "hqq1, hqq2, hqq3, hqq4 or hqq8")
    }
    if let groupSize {
      guard groupSize > 0, groupSize.isMultiple(of: 8), groupSize <= 8192 else {
        throw .outOfRange("group-size", "\(groupSize)", "a multiple of 8 up to 8192 for hqq")
      }
    }
    return .hqq(GroupQuantization(bits: bits, groupSize: groupSize))
  }

  /// torchao's int4: groups of 128 unless said (torchao quantization/quant_api.py, `Int4WeightOnlyConfig`).
  public static func torchaoInt4(groupSize: Int = 128) throws(RecipeError) -> Quantization {
    try check(groupSize, among: [32, 64, 128, 256])
    return .torchaoInt4(GroupQuantization(bits: 4, groupSize: groupSize))
  }

  private static func check(_ groupSize: Int?, among sizes: [Int]) throws(RecipeError) {
    guard let groupSize, !sizes.contains(groupSize) else { return }
    throw .outOfRange(
      "group-size", "\(groupSize)", "one of \(sizes.map(String.init).joined(separator: ", ")), or -1 for a whole row")
  }
}
