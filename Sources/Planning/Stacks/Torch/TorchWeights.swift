import Bookkeeping
import Modeling

/// The resident tensors of a model as torch holds them.
struct TorchWeights {
  /// A linear module: its base, and its adapter where it has one.
  struct Linear {
    let module: LinearModule
    let base: Base
    let bias: Tensor?
    let loraA: Tensor?
    let loraB: Tensor?

    enum Base {
      case plain(Tensor)
      case quantized(Quantization)
    }

    var hasAdapter: Bool { loraA != nil }
  }

  struct Norm {
    let weight: Tensor
    let bias: Tensor?
  }

  /// A mixture's tensors as transformers 5 keeps them: all experts of a layer in two tensors of rank 3.
  struct Mixture {
    let router: Tensor
    let gateUp: Tensor
    let down: Tensor
  }

  struct Layer {
    var linears: [Parameter.Linear: Linear] = [:]
    var norms: [Parameter.Norm: Norm] = [:]
    var mixture: Mixture?
  }

  var embedding = Tensor.void
  var positionEmbedding: Tensor?
  var layers: [Layer] = []
  var finalNorm: Norm?
  var head = Tensor.void
  var headBias: Tensor?
}
