import Modeling

/// One extent of a shape in letters: what a doubter needs to put the numbers in.
indirect enum Extent: Hashable, Sendable {
  case letter(Letter)
  case number(Int)
  case product([Extent])
  case sum([Extent])
  /// Divided and rounded up: `⌈n/64⌉`.
  case blocks(Extent, of: Int)
  /// Divided and rounded down.
  case part(Extent, of: Int)
  case least(Extent, Int)
  case less(Extent, by: Int)

  /// The letters that shapes are written in.
  enum Letter: String, CaseIterable, Sendable {
    case b, s, T, N, H, I, q, k, V, A, K, D, d, r, P, E, a, R, F, t, z
  }

  /// The extent's size; `nil` where the model or the recipe has no such letter.
  func value(_ legend: Legend) -> Int? {
    switch self {
    case .letter(let letter): legend[letter]
    case .number(let number): number
    case .product(let factors): Extent.reduce(factors, legend, 1, *)
    case .sum(let terms): Extent.reduce(terms, legend, 0, +)
    case .blocks(let whole, let size): whole.value(legend).map { ($0 + size - 1) / size }
    case .part(let whole, let count): whole.value(legend).map { $0 / count }
    case .least(let whole, let limit): whole.value(legend).map { min($0, limit) }
    case .less(let whole, let count): whole.value(legend).map { max(1, $0 - count) }
    }
  }

  private static func reduce(
    _ list: [Extent], _ legend: Legend, _ start: Int, _ join: (Int, Int) -> Int
  ) -> Int? {
    var result = start
    for item in list {
      guard let value = item.value(legend) else { return nil }
      result = join(result, value)
    }
    return result
  }

  /// The extent in letters: `q+2·k`.
  var text: String {
    switch self {
    case .letter(let letter): letter.rawValue
    case .number(let number): "\(number)"
    case .product(let factors): factors.map(\.text).joined(separator: "·")
    case .sum(let terms): terms.map(\.text).joined(separator: "+")
    case .blocks(let whole, let size): "⌈\(whole.text)/\(size)⌉"
    case .part(let whole, let count): "\(whole.text)/\(count)"
    case .least(let whole, let limit): "min(\(whole.text), \(limit))"
    case .less(let whole, let count): "\(whole.text)−\(count)"
    }
  }

  var letters: [Letter] {
    switch self {
    case .letter(let letter): [letter]
    case .number: []
    case .product(let list), .sum(let list): list.flatMap(\.letters)
    case .blocks(let whole, _), .part(let whole, _), .least(let whole, _), .less(let whole, _): whole.letters
    }
  }
}

extension Extent {
  static let b = letter(.b), s = letter(.s), T = letter(.T), N = letter(.N), H = letter(.H), I = letter(.I)
  static let q = letter(.q), k = letter(.k), V = letter(.V), A = letter(.A), K = letter(.K), D = letter(.D)
  static let d = letter(.d), r = letter(.r), P = letter(.P), E = letter(.E), a = letter(.a), R = letter(.R),
    F = letter(.F)
  static let t = letter(.t), z = letter(.z)
  static let one = number(1)

  static func twice(_ extent: Extent) -> Extent { product([.number(2), extent]) }
}

/// What the letters of shapes stand for in one model and recipe.
struct Legend {
  private let values: [Extent.Letter: (value: Int, meaning: String)]

  /// - Parameter spec: what one GPU has of the model.
  init(_ spec: ModelSpec, _ recipe: Recipe) {
    let settings = recipe.parallelism.settings
    let own = settings.tensorParallelSize > 1 ? " of this GPU" : ""
    let (batch, attention) = (recipe.batch, spec.attention)
    var values: [Extent.Letter: (Int, String)] = [
      .b: (batch.microBatch, "sequences of a micro-batch"), .s: (batch.sequence, "tokens of a sequence, padded"),
      .T: (batch.tokens, "tokens of a micro-batch, b·s"),
      .N: (batch.microBatch * max(1, batch.sequence - 1), "tokens that have a next one, b·(s−1)"),
      .H: (spec.hiddenSize, "hidden size"),
      .I: (spec.feedForward.intermediateSize, "width inside the feed-forward network" + own),
      .q: (attention.queryWidth, "width of all query heads\(own), A·D"),
      .k: (attention.keyValueWidth, "width of all key (or value) heads\(own), K·D"),
      .V: (spec.vocabularySize, "vocabulary" + own), .A: (attention.heads, "query heads" + own),
      .K: (attention.keyValueHeads, "key and value heads" + own), .D: (attention.headDimension, "width of a head"),
    ]
    if settings.tensorParallelSize > 1 {
      values[.t] = (settings.tensorParallelSize, "GPUs that divide every product")
    }
    if settings.usesSequenceParallel {
      values[.z] = (batch.sequence / settings.tensorParallelSize, "tokens of a sequence on this GPU, s/t")
    }
    switch spec.positions {
    case .learned(let count): values[.P] = (count, "positions")
    case .rotary(let rotary):
      values[.d] = (
        max(2, Int(Double(attention.headDimension) * rotary.rotatedShare) / 2 * 2), "rotated width of a head"
      )
    }
    if let adapter = recipe.method.adapter { values[.r] = (adapter.rank, "rank of the adapters") }
    if let experts = spec.feedForward.experts {
      values[.E] = (experts.count, "experts")
      values[.a] = (experts.active, "experts that a token visits")
      values[.R] = (batch.tokens * experts.active, "rows that experts see, a·T")
      values[.F] = (experts.intermediateSize, "width inside an expert")
    }
    self.values = values
  }

  subscript(letter: Extent.Letter) -> Int? { values[letter]?.value }

  /// The legend's lines for the letters that are used, in their own order.
  func symbols(_ used: Set<Extent.Letter>) -> [PeakExplanation.Symbol] {
    Extent.Letter.allCases.filter(used.contains).compactMap { letter in
      values[letter].map {
        PeakExplanation.Symbol(letter: letter.rawValue, meaning: $0.meaning, value: $0.value)
      }
    }
  }
}
