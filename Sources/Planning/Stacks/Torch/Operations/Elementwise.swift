import Bookkeeping

// Elementwise operations of torch and the views between them (aten, tools/autograd/derivatives.yaml).

extension Tape {
  /// `x.to(format)`: nothing where the format is the same already.
  mutating func cast(_ name: String, _ x: Tensor, to format: ScalarFormat, account: Account = .activations) -> Tensor {
    guard x.format != format else {
      retain(x)
      return x
    }
    return apply(name, to: [x], shape: x.shape, format: format, account: account, rule: Rules.fresh)
  }

  /// `a + b` of tensors of one shape; keeps nothing.
  mutating func add(_ name: String, _ a: Tensor, _ b: Tensor, account: Account = .activations) -> Tensor {
    apply(
      name, to: [a, b], shape: a.shape, format: a.format.promoted(with: b.format), account: account,
      rule: Rules.passing)
  }

  /// `a * b`, either of which may be broadcast to the other's shape; keeps each operand for the other's gradient.
  mutating func multiply(_ name: String, _ a: Tensor, _ b: Tensor) -> Tensor {
    var saving: [Tensor] = []
    if b.needsGradient { saving.append(a) }
    if a.needsGradient { saving.append(b) }
    let shape = a.count >= b.count ? a.shape : b.shape
    let format = a.format.promoted(with: b.format)
    return apply(name, to: [a, b], shape: shape, format: format, saving: saving) { tape, _, edges in
      // Whole products first; sums and casts to the inputs' own shapes after them (`validate_outputs`).
      let products = edges.map { edge -> Tensor? in
        guard edge.isNeeded else { return nil }
        let isFinal = edge.shape.count == shape.count && edge.format == format
        return isFinal ? tape.open(edge) : tape.openFlow(edge, shape, format)
      }
      return zip(products, edges).map { product, edge in
        guard let product else { return nil }
        guard edge.shape.count != shape.count || edge.format != format else { return product }
        let gradient = tape.open(edge)
        tape.drop(product)
        return gradient
      }
    }
  }

  /// `a / b` with a number b in a tensor: keeps b, and a where b has a gradient, −gradient·a/b² summed.
  mutating func divide(_ name: String, _ a: Tensor, by b: Tensor) -> Tensor {
    let format = a.format
    return apply(
      name, to: [a, b], shape: a.shape, format: format, saving: b.needsGradient ? [a, b] : [b]
    ) { tape, _, edges in
      let gradient = edges[0].isNeeded ? tape.open(edges[0]) : nil
      guard edges[1].isNeeded else { return [gradient, nil] }
      // Quotient by quotient: −gradient, a/b, that over b, and their product.
      let negated = tape.openFlow(edges[1], edges[0].shape, format)
      let once = tape.openFlow(edges[1], edges[0].shape, format)
      let twice = tape.openFlow(edges[1], edges[0].shape, format)
      tape.drop(once)
      let product = tape.openFlow(edges[1], edges[0].shape, format)
      tape.drop(twice)
      tape.drop(negated)
      let sum = tape.open(edges[1])
      tape.drop(product)
      return [gradient, sum]
    }
  }

  /// `a += b`: a's storage, with the gradient of both passing through; takes over the reference to `a`.
  mutating func addInPlace(_ a: Tensor, _ b: Tensor) -> Tensor {
    guard !isStopped, a.needsGradient || b.needsGradient else { return a }
    var sum = a
    sum.source = record([a, b], saved: [], outputs: 1, rule: Rules.passing)
    return sum
  }

  /// `x * number`, or any other operation whose backward needs only the arriving gradient and makes a new one.
  mutating func scale(_ name: String, _ x: Tensor) -> Tensor {
    apply(name, to: [x], shape: x.shape, format: x.format, rule: Rules.fresh)
  }

  /// `x + number`: the gradient passes through.
  mutating func shift(_ name: String, _ x: Tensor, account: Account = .activations) -> Tensor {
    apply(name, to: [x], shape: x.shape, format: x.format, account: account, rule: Rules.passing)
  }

  /// `x.pow(n)`: backward is gradient · (n · x^(n−1)), with both factors of the right side in memory.
  mutating func power(_ name: String, _ x: Tensor) -> Tensor {
    apply(name, to: [x], shape: x.shape, format: x.format, saving: [x]) { tape, _, edges in
      let power = tape.openFlow(edges[0], edges[0].shape, edges[0].format)
      let scaled = tape.openFlow(edges[0], edges[0].shape, edges[0].format)
      let gradient = tape.open(edges[0])
      tape.drop(scaled)
      tape.drop(power)
      return [gradient]
    }
  }

  /// The mean over the last dimension.
  mutating func mean(_ name: String, _ x: Tensor, _ shape: Shape) -> Tensor {
    apply(name, to: [x], shape: shape, format: x.format, rule: Rules.fresh)
  }

  /// `torch.rsqrt(x)`: keeps its result; backward is −½ · gradient · result³.
  mutating func reciprocalRoot(_ name: String, _ x: Tensor) -> Tensor {
    apply(name, to: [x], shape: x.shape, format: x.format, savesOutput: true) { tape, _, edges in
      let cube = tape.openFlow(edges[0], edges[0].shape, edges[0].format)
      let scaled = tape.openFlow(edges[0], edges[0].shape, edges[0].format)
      let gradient = tape.open(edges[0])
      tape.drop(scaled)
      tape.drop(cube)
      return [gradient]
    }
  }

  /// A function whose backward kernel reads its input: SiLU, GELU, ReLU.
  mutating func activation(_ name: String, _ x: Tensor) -> Tensor {
    apply(name, to: [x], shape: x.shape, format: x.format, saving: [x], rule: Rules.fresh)
  }

  /// A function whose backward reads its result: tanh, softmax.
  mutating func resultKeeping(_ name: String, _ x: Tensor, format: ScalarFormat) -> Tensor {
    apply(name, to: [x], shape: x.shape, format: format, savesOutput: true, rule: Rules.fresh)
  }

  /// `F.dropout`: a mask of a byte an element is kept (aten/native/cuda/Dropout.cu).
  mutating func dropout(_ name: String, maskName: String, _ x: Tensor) -> Tensor {
    let mask = open(maskName, x.shape, .bool)
    let output = apply(name, to: [x], shape: x.shape, format: x.format, saving: [mask], rule: Rules.fresh)
    drop(mask)
    return output
  }

  /// A copy in another layout: `contiguous`, `clone`, `repeat_kv`'s reshape of an expanded view.
  ///
  /// The gradient passes through; that of an expanded view is summed to a tensor of its own.
  mutating func copy(_ name: String, _ x: Tensor, _ shape: Shape) -> Tensor {
    apply(name, to: [x], shape: shape, format: x.format, rule: Rules.passing)
  }

  // MARK: Views

  /// A slice: free forward; backward fills a tensor of the whole input's shape.
  mutating func slice(_ x: Tensor, _ shape: Shape) -> Tensor { view(x, as: shape, rule: Rules.fresh) }

  /// `view`, `transpose`: free both ways, as long as the gradient comes back in a layout that can be viewed back.
  mutating func reshape(_ x: Tensor, _ shape: Shape) -> Tensor { view(x, as: shape, rule: Rules.viewing) }

  /// Parts of one tensor, each a view; backward concatenates their gradients.
  mutating func split(_ x: Tensor, _ shapes: [Shape]) -> [Tensor] {
    for _ in shapes { retain(x) }
    guard x.needsGradient, !isStopped else { return shapes.map(x.viewed) }
    let source = record([x], saved: [], outputs: shapes.count, rule: Rules.fresh)
    return shapes.enumerated().map { index, shape in
      var part = x.viewed(as: shape)
      if case .node(let node, _) = source { part.source = .node(node, output: index) } else { part.source = source }
      return part
    }
  }

  /// `torch.cat`: backward hands out views of the arriving gradient.
  mutating func concatenate(
    _ name: String, _ parts: [Tensor], _ shape: Shape, account: Account = .activations
  ) -> Tensor {
    apply(
      name, to: parts, shape: shape, format: parts.first?.format ?? .bf16, account: account, rule: Rules.viewing)
  }
}

extension ScalarFormat {
  /// torch's type promotion among floating-point formats.
  func promoted(with other: ScalarFormat) -> ScalarFormat {
    self == other ? self : .fp32
  }
}
