import Bookkeeping
import Modeling

/// Why a kind of tensor is there: its shapes in letters, a sentence, and where that was read.
///
/// To explain a new tensor, put a rule for its name into the table of its family.
struct TensorRule: Sendable {
  /// The shapes that it can have, in letters; the one that the entry really has is printed.
  enum Form: Sendable {
    case fixed([[Extent]])
    /// The parameter's own, or the norm's input's.
    case own
    /// The parameter's own, or all its elements in a row, as quantized codes are stored.
    case stored
    /// One number a row, or a column, of the parameter.
    case rowMeans, columnMeans
    /// So many elements of the parameter a block.
    case blocks(Int)
    /// Blocks of blocks.
    case nested(Int, Int)
    /// So wide for every token.
    case tokens(Extent)
    /// As wide as the linear layer's input or output, for every token.
    case input, output
    /// One number a row of the norm's input.
    case rows
    /// The norm's width.
    case width
    /// A buffer whose size is the library's choice: its shape is a number of bytes or elements.
    case workspace
    /// One head's share for every head and token, as wide as this.
    case heads(Extent)
  }

  let form: Form
  /// Why it is alive.
  let reason: String
  /// File and function that the reason was read in.
  let source: String

  init(_ form: Form, _ reason: String, _ source: String) {
    self.form = form
    self.reason = reason
    self.source = source
  }

  init(_ extents: Extent..., because reason: String, _ source: String) {
    self.init(.fixed([extents]), reason, source)
  }

  /// Whether its shape has no letters.
  var isWorkspace: Bool { if case .workspace = form { true } else { false } }

  func shapes(for subject: TensorSubject) -> [[Extent]] {
    switch (form, subject) {
    case (.fixed(let shapes), _): shapes
    case (.own, .parameter(let shapes, _)): shapes
    case (.own, .norm(let rows, let width)): rows.map { $0 + [width] }
    case (.stored, .parameter(let shapes, _)): shapes + shapes.map { [.product($0)] }
    case (.rowMeans, .parameter(let shapes, _)): shapes.map { Array($0.dropLast()) }
    case (.columnMeans, .parameter(let shapes, _)): shapes.map { Array($0.dropLast(2)) + $0.suffix(1) }
    case (.blocks(let size), .parameter(let shapes, _)): shapes.map { [.blocks(.product($0), of: size)] }
    case (.nested(let size, let count), .parameter(let shapes, _)):
      shapes.map { [.blocks(.blocks(.product($0), of: size), of: count)] }
    case (.tokens(let width), _): TensorRule.tokens(width)
    case (.input, .linear(let input, _)): TensorRule.tokens(input)
    case (.output, .linear(_, let output)): TensorRule.tokens(output)
    case (.rows, .norm(let rows, _)): rows.map { $0 + [.one] } + rows
    case (.width, .norm(_, let width)): [[width]]
    case (.heads(let width), _): [[.b, .A, .s, width], [.b, .K, .s, width]]
    default: []
    }
  }

  private static func tokens(_ width: Extent) -> [[Extent]] {
    [[.b, .s, width], [.T, width], [.b, .z, width]]
  }
}

/// What a name belongs to, beside the rest of it that a table has a rule for.
enum TensorSubject {
  /// A parameter of the model, or an adapter's, with its shape in letters.
  case parameter([[Extent]], kind: ParameterKind)
  /// What a linear layer makes: its input and output width.
  case linear(input: Extent, output: Extent)
  /// What a norm makes: the shape of its input without the last extent, and that.
  case norm(rows: [[Extent]], width: Extent)
  case other
}

/// What a parameter is for.
enum ParameterKind: Equatable {
  case embedding, positions, linear, linearBias, norm, router, expert, head, adapterDown, adapterUp
}

/// A name taken apart: `layers.3.gate.lora_A.output.flow.flow`.
struct TensorNameParts {
  /// The name with a star for the number of its layer.
  let pattern: String
  let layer: Int?
  /// The key under which a table has its rule: `{linear}.lora_A.output`.
  let key: String
  let subject: TensorSubject
  /// How often it is the gradient of a gradient's name: `.flow` at its end.
  let flows: Int
}
