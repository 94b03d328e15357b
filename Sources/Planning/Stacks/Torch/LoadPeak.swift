import Bookkeeping
import Modeling

/// The most live bytes between an empty device and the first step.
///
/// Weights are taken one after the other, in the order of the forward pass: the source tensor and what quantization
/// makes of it stand side by side (transformers integrations/bitsandbytes.py, `Bnb4bitQuantize.convert`; bitsandbytes
/// functional.py, `quantize_4bit`), then `prepare_model_for_kbit_training` casts what is left, again one by one. The
/// loader's threads may hold a few tensors more in flight.
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
      let stored = storage(of: parameter, as: quantization)
      peak = max(peak, live + plain + stored.total + stored.transient)
      live += stored.total
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

  /// What one weight becomes, and what making it borrows: fp32 absmax, and the same less its mean, before they are
  /// quantized themselves.
  private static func storage(
    of parameter: Parameter, as quantization: Quantization
  ) -> (total: Bytes, transient: Bytes) {
    let blocks: BlockQuantization
    switch quantization {
    case .nf4(let double): blocks = BlockQuantization(codes: .nf4, isDouble: double)
    case .fp4(let double): blocks = BlockQuantization(codes: .fp4, isDouble: double)
    case .int8:
      let rows = parameter.shape.extents.first ?? 1
      return (ScalarFormat.int8.storage(of: parameter.count) + ScalarFormat.fp32.storage(of: rows), .zero)
    }
    let absmax = ScalarFormat.fp32.storage(of: (parameter.count + blocks.blockSize - 1) / blocks.blockSize)
    return (
      blocks.parts(of: parameter.count).reduce(.zero) { $0 + $1.bytes }, blocks.isDouble ? 2 * absmax : .zero
    )
  }
}
