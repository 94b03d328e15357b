import ArgumentParser
import Bookkeeping
import Modeling

/// The ways to store a frozen base, by the names that `--quant` takes.
enum QuantizationName: String, CaseIterable, ExpressibleByArgument {
  case nf4, fp4, int8
  case gptq2, gptq3, gptq4, gptq8
  case awq4
  case hqq1, hqq2, hqq3, hqq4, hqq8
  case torchaoNF4 = "torchao-nf4"
  case int8wo, int4wo
  case none
  /// Of a GGUF file, which Transformers makes whole.
  case gguf
}

/// What `--quant`, `--double-quant`, `--group-size` and `--act-order` say together.
struct QuantizationFlags {
  let name: QuantizationName?
  let isDouble: Bool?
  let groupSize: Int?
  let isActOrdered: Bool

  /// - Returns: `nil` where none of them says anything; `nil` inside where no quantization is wanted.
  func quantization() throws -> Quantization?? {
    guard let name else {
      if let groupSize { throw UsageError.groupSizeWithoutQuantization(groupSize) }
      if isActOrdered { throw UsageError.actOrder(of: "a base that is not named") }
      return isDouble.map { .some(.nf4(double: $0)) }
    }
    if isDouble == true, ![.nf4, .fp4].contains(name) {
      throw UsageError.doubleQuantization(of: name == .none ? "a base that is not quantized" : name.rawValue)
    }
    if isActOrdered, ![.gptq2, .gptq3, .gptq4, .gptq8].contains(name) { throw UsageError.actOrder(of: name.rawValue) }
    switch name {
    case .nf4, .fp4:
      return .some(
        try .bitsandbytes(name == .nf4 ? .nf4 : .fp4, double: isDouble ?? true, blockSize: groupSize ?? 64))
    case .gptq2: return .some(try gptq(2))
    case .gptq3: return .some(try gptq(3))
    case .gptq4: return .some(try gptq(4))
    case .gptq8: return .some(try gptq(8))
    case .awq4: return .some(try .awq(groupSize: group(128)))
    case .hqq1: return .some(try .hqq(bits: 1, groupSize: group(64)))
    case .hqq2: return .some(try .hqq(bits: 2, groupSize: group(64)))
    case .hqq3: return .some(try .hqq(bits: 3, groupSize: group(64)))
    case .hqq4: return .some(try .hqq(bits: 4, groupSize: group(64)))
    case .hqq8: return .some(try .hqq(bits: 8, groupSize: group(64)))
    case .int4wo: return .some(try .torchaoInt4(groupSize: groupSize ?? 128))
    case .int8: return .some(try ungrouped(.int8))
    case .torchaoNF4: return .some(try ungrouped(.torchaoNF4))
    case .int8wo: return .some(try ungrouped(.torchaoInt8))
    case .none: return .some(try ungrouped(nil))
    case .gguf: throw UsageError.wholeOnLoad
    }
  }

  private func gptq(_ bits: Int) throws -> Quantization {
    try .gptq(bits: bits, groupSize: group(128), isActOrdered: isActOrdered)
  }

  /// −1 stands for a whole row, as in `group_size` of checkpoints.
  private func group(_ fallback: Int) -> Int? {
    let size = groupSize ?? fallback
    return size == -1 ? nil : size
  }

  private func ungrouped(_ quantization: Quantization?) throws -> Quantization? {
    if let groupSize { throw UsageError.groupSizeWithoutQuantization(groupSize) }
    return quantization
  }
}
