import Bookkeeping
import Modeling

// Shape letters here: T tokens, K input width, N output width, r rank.

extension TorchModel {
  /// LoHa: `result + x · ((w1_a·w1_b) * (w2_a·w2_b) * s)ᵀ`; the whole change of weight, [N, K], is kept for the input's
  /// gradient, and backward makes its factors again.
  ///
  /// Source: peft/tuners/loha/layer.py, `HadaWeight` and `Linear._get_delta_activations`.
  func hadamard(_ tape: inout Tape, _ linear: TorchWeights.Linear, _ x: Tensor, _ name: String) -> Tensor {
    let shape: Shape = [linear.module.output, linear.module.input]
    let format = policy.adapterFormat
    let products = [1, 2].map { tape.open(name + ".hada_w\($0)", shape, format, .workspace) }
    let both = tape.open(name + ".hada_product", shape, format, .workspace)
    for tensor in products { tape.drop(tensor) }
    let change = tape.apply(
      name + ".hada_weight", to: linear.added, shape: shape, format: format, account: .workspace,
      saving: linear.added
    ) { tape, arriving, edges in
      func borrow(_ tape: inout Tape) -> Tensor { tape.openFlow(edges[0], shape, format) }
      let scaled = borrow(&tape)
      var gradients: [Tensor?] = []
      var earlier = Tensor.void
      for pair in [0, 2] {
        let other = borrow(&tape)
        let factor = borrow(&tape)
        tape.drop(other)
        tape.drop(earlier)
        gradients += [tape.open(edges[pair]), tape.open(edges[pair + 1])]
        earlier = factor
      }
      tape.drop(earlier)
      tape.drop(scaled)
      return gradients
    }
    tape.drop(both)
    return addChange(&tape, linear, x, change, name)
  }

  /// LoKr: `result + x · ((w1 ⊗ w2) * s)ᵀ`, the Kronecker product made whole.
  ///
  /// Source: peft/tuners/lokr/layer.py, `get_delta_weight`, `make_kron`; torch aten/native/LinearAlgebra.cpp, `kron`.
  func kronecker(
    _ tape: inout Tape, _ linear: TorchWeights.Linear, _ lokr: LoKr, _ x: Tensor, _ name: String
  ) -> Tensor {
    let module = linear.module
    let shape: Shape = [module.output, module.input]
    let (small, large) = lokr.factorShapes(of: module)
    var second = linear.added(1)
    if lokr.isLargeFactored(of: module) {
      second = product(
        &tape, name + ".lokr_w2", linear.added(1), linear.added(2), width: large.extents[1])
    } else {
      tape.retain(second)
    }
    let first = linear.added(0)
    let format = first.format.promoted(with: second.format)
    let whole = tape.apply(
      name + ".lokr_kron", to: [first, second], shape: shape, format: format, account: .workspace,
      saving: [first, second]
    ) { tape, _, edges in
      // Each factor's gradient is a product of the whole size, summed.
      let products = [tape.openFlow(edges[0], shape, format), tape.openFlow(edges[1], shape, format)]
      return zip(products, edges).map { product, edge in
        let gradient = tape.open(edge)
        tape.drop(product)
        return gradient
      }
    }
    tape.drop(second)
    _ = small
    let change = tape.scale(name + ".lokr_weight", whole)
    tape.drop(whole)
    return addChange(&tape, linear, x, change, name)
  }

  /// `result + F.linear(x, change)`; takes over the reference to `change`.
  private func addChange(
    _ tape: inout Tape, _ linear: TorchWeights.Linear, _ x: Tensor, _ change: Tensor, _ name: String
  ) -> Tensor {
    let base = baseProduct(&tape, linear, x, name + ".base")
    let input = tape.cast(name + ".adapter_input", x, to: policy.adapterFormat)
    let addend = product(&tape, name + ".change", input, change, width: linear.module.output)
    tape.drop(input)
    tape.drop(change)
    let sum = tape.add(name + ".sum", base, addend)
    tape.drop(addend)
    tape.drop(base)
    let result = tape.cast(name, sum, to: x.format)
    tape.drop(sum)
    return result
  }
}
