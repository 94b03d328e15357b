import Bookkeeping
import Modeling

/// The resident tensors of a model as torch holds them.
struct TorchWeights {
  /// A linear module: its base, and what a method put around it.
  struct Linear {
    let module: LinearModule
    let base: Base
    let bias: Tensor?
    /// What the method added, in the order of ``ModuleWrapping/added(to:of:)``; empty where it left the module alone.
    let added: [Tensor]
    /// Widths of the parts of a fused projection that an adapter serves, in order; empty where it serves all of one.
    var adapterParts: [Int] = []

    enum Base {
      case plain(Tensor)
      /// bitsandbytes' `Linear4bit`.
      case fourBit(BlockQuantization)
      /// torchao's `NF4Tensor`.
      case torchaoNF4
      /// bitsandbytes' `Linear8bitLt`.
      case eightBit
      /// GPTQ, AWQ, HQQ or torchao.
      case packed(Quantization)
    }

    var isWrapped: Bool { !added.isEmpty }

    /// The factors of low-rank adapters, where that is what was added.
    var loraA: Tensor? { added.first }
    var loraB: Tensor? { added.count > 1 ? added[1] : nil }

    /// An added tensor by its place; void where there is none.
    func added(_ index: Int) -> Tensor { added.indices.contains(index) ? added[index] : .void }
  }

  struct Norm {
    let weight: Tensor
    let bias: Tensor?
  }

  /// A mixture's router, and its experts: all of a layer in two tensors of rank 3, or modules of their own.
  struct Mixture {
    let router: Tensor
    var gateUp = Tensor.void
    var down = Tensor.void
    /// PEFT's low-rank factors of each, A then B; empty without.
    var routerFactors: [Tensor] = []
    var gateUpFactors: [Tensor] = []
    var downFactors: [Tensor] = []
    var experts: [Expert] = []

    init(router: Tensor) { self.router = router }
  }

  /// One expert of three linear modules.
  struct Expert {
    let gate: Linear
    let up: Linear
    let down: Linear
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
  /// The head where it is quantized like any other linear layer.
  var quantizedHead: Linear?
  /// Cosines and sines of every position, where the model holds them as buffers.
  var rotaryTables: RotaryTables?
  var headBias: Tensor?
  /// Parameters of virtual tokens, in the order of ``VirtualTokens/added(to:)``.
  var prompts: [Tensor] = []
  /// Matrices that all of a method's layers share (VeRA's).
  var shared: [Tensor] = []
}
