import Bookkeeping
import Kernels
import Modeling

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

/// Cosines and sines of every position and frequency, `[S, D/2]` each.
final class RotaryTables {
  let cosine: Tensor<Float>
  let sine: Tensor<Float>

  init(_ spec: ModelSpec, sequence: Int, in arena: Arena) throws(ArenaError) {
    let pairs = spec.attention.headDimension / 2
    var cosine: Tensor<Float> = try arena.open(TensorName.cosineTable, .batch, [sequence, pairs])
    var sine: Tensor<Float> = try arena.open(TensorName.sineTable, .batch, [sequence, pairs])
    let frequencies = RotaryTables.inverseFrequencies(spec)
    RotaryEmbedding.fillTables(
      inverseFrequencies: frequencies.span, positions: sequence, attentionScaling: 1, cosine: cosine.mutableSpan,
      sine: sine.mutableSpan)
    self.cosine = cosine
    self.sine = sine
  }

  /// theta^(-2i/D), scaled as the model says, in fp32 as Transformers computes them
  /// (`modeling_rope_utils.py`, `_compute_default_rope_parameters` and `_compute_llama3_parameters`).
  static func inverseFrequencies(_ spec: ModelSpec) -> [Float] {
    guard case .rotary(let rotary) = spec.positions else { return [] }
    let dimension = spec.attention.headDimension
    let plain = (0..<dimension / 2).map { index in
      1 / Float(pow(rotary.theta, Double(Float(2 * index) / Float(dimension))))
    }
    switch rotary.scaling {
    case .none, .other: return plain
    case .linear(let factor): return plain.map { $0 / Float(factor) }
    case .llama3(let factor, let low, let high, let original):
      return plain.map { frequency in
        let wavelength = 2 * Double.pi / Double(frequency)
        if wavelength > Double(original) / low { return frequency / Float(factor) }
        if wavelength < Double(original) / high { return frequency }
        let smooth = Float((Double(original) / wavelength - low) / (high - low))
        return (1 - smooth) * frequency / Float(factor) + smooth * frequency
      }
    }
  }
}
