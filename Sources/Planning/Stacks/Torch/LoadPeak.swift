import Bookkeeping
import Modeling

/// The most live bytes between an empty device and the first step.
///
/// Weights are taken one after the other, in the order of the forward pass: the source tensor and what quantization
/// makes of it stand side by side (transformers integrations/bitsandbytes.py, `Bnb4bitQuantize.convert`; bitsandbytes
/// functional.py, `quantize_4bit`), then `prepare_model_for_kbit_training` casts what is left, again one by one. The
/// loader's threads may hold a few tensors more in flight. GPTQ's and AWQ's checkpoints are packed already: they load as
/// they are.
enum LoadPeak {
  static func bytes(_ loader: TorchLoader) -> Bytes? {
    guard let quantization = loader.policy.quantization else { return nil }
    let source = loader.policy.weightFormat
    var live = Bytes.zero
    var peak = Bytes.zero
    for parameter in loader.spec.parameters {
      let plain = source.storage(of: parameter.count)
      guard case .linear = parameter.role else {
        live += plain
        peak = max(peak, live)
        continue
      }
      let stored = loader.parts(of: parameter).reduce(Bytes.zero) { $0 + $1.bytes }
      let beside = quantization.isLoadedPacked ? .zero : plain + transient(of: parameter, as: quantization)
      peak = max(peak, live + stored + beside)
      live += stored
    }
    guard loader.policy.isPrepared else { return peak }
    for parameter in loader.spec.parameters {
      if case .linear = parameter.role { continue }
      let whole = ScalarFormat.fp32.storage(of: parameter.count)
      peak = max(peak, live + whole)
      live += whole - source.storage(of: parameter.count)
    }
    return peak
  }

  /// What making a quantized weight borrows beside the source and the result.
  ///
  /// bitsandbytes: fp32 absmax, and the same less its mean, before they are quantized themselves. HQQ: an fp32 copy of
  /// the weight, and its codes before they are packed, in fp32 too (hqq/core/quantize.py, `Quantizer.quantize`); its
  /// search for better zeros on a GPU works on parts of a weight and is not counted.
  private static func transient(of parameter: Parameter, as quantization: Quantization) -> Bytes {
    switch quantization {
    case .nf4, .fp4, .blockwise:
      guard let blocks = quantization.blocks, blocks.isDouble else { return .zero }
      return 2 * ScalarFormat.fp32.storage(of: (parameter.count + blocks.blockSize - 1) / blocks.blockSize)
    case .hqq: return 2 * ScalarFormat.fp32.storage(of: parameter.count)
    case .int8, .gptq, .awq, .torchaoNF4, .torchaoInt8, .torchaoInt4: return .zero
    }
  }
}
