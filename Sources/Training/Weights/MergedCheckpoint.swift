import Bookkeeping
import Kernels
public import Modeling

// Shape letters here: I input width, O output width, r rank.

/// A base and its adapter made one: W + scale·B·A, in a folder that Transformers loads without PEFT.
///
/// The base is read again in full precision, also where the adapter was trained beside a quantized one.
public enum MergedCheckpoint {
  /// Merges tensor by tensor: what is in memory is the adapter and the base's largest tensor.
  ///
  /// - Parameters:
  ///   - base: the folder of the base, if it is one, for its tokenizer and configuration.
  ///   - progress: called after each tensor with the number written and the number in all.
  public static func write(
    _ spec: ModelSpec, weights: some WeightSource, adapter: AdapterFile, to folder: String,
    format: SafetensorsWriter.Format = .fp32, base: String? = nil, progress: (Int, Int) -> Void = { _, _ in }
  ) throws {
    let pairs = try adapter.pairs(for: spec)
    let scale = Float(adapter.config.lora.scale)
    let parameters = spec.parameters
    var writer = try CheckpointFolder.begin(spec, folder, format, base: base)
    for (index, parameter) in parameters.enumerated() {
      var values = [Float](repeating: 0, count: parameter.count)
      try weights.fill(parameter, into: values.mutableSpan)
      if parameter.name.hasSuffix(".weight"), let pair = pairs[String(parameter.name.dropLast(".weight".count))] {
        // W [O, I] += scale · B [O, r] · A [r, I]: the product that takes a gradient back through A.
        MatrixProduct.inputGradient(
          dy: pair.b.span, weight: pair.a.span, rows: pair.module.output, input: pair.module.input,
          output: adapter.config.lora.rank, scale: scale, accumulate: true, into: values.mutableSpan)
      }
      try writer.write(values.span)
      progress(index + 1, parameters.count)
    }
    try writer.finish()
  }
}
