public import Bookkeeping

// Shape letters here: K input width, N output width, g weights that share a scale, G groups of a row.

/// One tensor of a quantized weight.
public struct QuantizedPart: Hashable, Sendable {
  /// As the library calls it, put behind the weight's name; `nil` for the codes where they go by the weight's name.
  public let name: String?
  public let shape: Shape
  public let format: ScalarFormat
  public let account: Account

  init(_ name: String?, _ shape: Shape, _ format: ScalarFormat, _ account: Account = .quantizationConstants) {
    self.name = name
    self.shape = shape
    self.format = format
    self.account = account
  }

  public var bytes: Bytes { format.storage(of: shape.count) }
}

extension Quantization {
  /// What a weight [N, K] is stored as.
  ///
  /// - Parameter compute: the format that the library computes in, in which some keep their scales.
  public func parts(output n: Int, input k: Int, compute: ScalarFormat) -> [QuantizedPart] {
    switch self {
    case .nf4, .fp4, .blockwise: blocks.map { bitsandbytesParts($0, count: n * k) } ?? []
    case .int8:
      [QuantizedPart(nil, [n, k], .int8, .weights), QuantizedPart("row_scales", [n], .fp32)]
    case .gptq(let groups): gptqParts(groups, n, k)
    case .awq(let groups): awqParts(groups, n, k)
    case .hqq(let groups): hqqParts(groups, n, k, compute)
    case .torchaoNF4: torchaoNF4Parts(n * k, compute)
    case .torchaoInt8:
      // torchao quantization/quantize_/workflows/int8/int8_tensor.py, `Int8Tensor.from_hp`: by row, scales in fp32.
      [
        QuantizedPart("qdata", [n, k], .int8, .weights), QuantizedPart("scale", [n, 1], .fp32),
        QuantizedPart("zero_point", [n, 1], .int8),
      ]
    case .torchaoInt4(let groups):
      [
        QuantizedPart("qdata", [n, (k + 1) / 2], .uint8, .weights),
        QuantizedPart("scale", [groups.count(in: k), n], compute),
        QuantizedPart("zero_point", [groups.count(in: k), n], compute),
      ]
    }
  }

  private func bitsandbytesParts(_ blocks: BlockQuantization, count: Int) -> [QuantizedPart] {
    blocks.parts(of: count).map { part in
      QuantizedPart(part.kind == .codes ? nil : part.kind.torchName, part.shape, part.format, part.account)
    }
  }

  /// GPTQ: 32/bits codes of one output in an int32, zero points packed along the output, scales in fp16.
  ///
  /// Source: gptqmodel nn_modules/qlinear, `GPTQQuantLinear._register_gptq_buffers`.
  private func gptqParts(_ groups: GroupQuantization, _ n: Int, _ k: Int) -> [QuantizedPart] {
    [
      QuantizedPart("qweight", [k / 32 * groups.bits, n], .int32, .weights),
      QuantizedPart("qzeros", [groups.count(in: k), n / 32 * groups.bits], .int32),
      QuantizedPart("scales", [groups.count(in: k), n], .fp16),
      QuantizedPart("g_idx", [k], .int32),
    ]
  }

  /// awq/modules/linear/gemm.py, `WQLinear_GEMM`: eight codes of one input in an int32.
  private func awqParts(_ groups: GroupQuantization, _ n: Int, _ k: Int) -> [QuantizedPart] {
    [
      QuantizedPart("qweight", [k, n / 8], .int32, .weights),
      QuantizedPart("qzeros", [groups.count(in: k), n / 8], .int32),
      QuantizedPart("scales", [groups.count(in: k), n], .fp16),
    ]
  }

  /// hqq/core/bitpack.py: whole groups side by side in a byte, ten of 3 bits in an int32; hqq/core/quantize.py,
  /// `Quantizer.to_inplace`: scale and zero in the compute type.
  private func hqqParts(_ groups: GroupQuantization, _ n: Int, _ k: Int, _ compute: ScalarFormat) -> [QuantizedPart] {
    let size = groups.groupSize ?? k
    let count = (n * k + size - 1) / size
    let perWord = groups.bits == 3 ? 10 : 8 / groups.bits
    let format: ScalarFormat = groups.bits == 3 ? .int32 : .uint8
    return [
      QuantizedPart("W_q", [(count + perWord - 1) / perWord, size], format, .weights),
      QuantizedPart("scale", [count, 1], compute), QuantizedPart("zero", [count, 1], compute),
    ]
  }

  /// torchao quantization/quantize\_/workflows/nf4/nf4_tensor.py, `NF4Tensor`: blocks of 64, 256 scales a factor.
  private func torchaoNF4Parts(_ count: Int, _ compute: ScalarFormat) -> [QuantizedPart] {
    let scalers = (count + 63) / 64
    return [
      QuantizedPart("quantized_data", [(count + 1) / 2], .uint8, .weights),
      QuantizedPart("quantized_scalers", [scalers], .int8),
      QuantizedPart("quantization_factor", [(scalers + 255) / 256], compute),
      QuantizedPart("scaler_mean", [], compute), QuantizedPart("nf4", [16], compute),
    ]
  }
}

extension GroupQuantization {
  /// Groups of a row of `input` weights.
  func count(in input: Int) -> Int {
    guard let groupSize else { return 1 }
    return (input + groupSize - 1) / groupSize
  }
}

extension BlockQuantization.Part.Kind {
  /// As bitsandbytes' `QuantState` names it.
  var torchName: String {
    switch self {
    case .codes: "codes"
    case .absmax: "absmax"
    case .nestedAbsmax: "nested_absmax"
    case .offset: "nested_offset"
    case .codeTable: "quant_map"
    case .nestedCodeTable: "nested_quant_map"
    }
  }
}
