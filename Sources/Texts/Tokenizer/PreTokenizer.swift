/// How text is cut into the pieces that merges cannot cross: the `pre_tokenizer` of a tokenizer.
indirect enum PreTokenizer: Sendable {
  /// Bytes as printable scalars, after a split by GPT-2's expression where there is one.
  case byteLevel(addsPrefixSpace: Bool, split: Pattern?)
  /// Spaces as a visible mark, perhaps one more in front, perhaps a piece for each.
  case metaspace(mark: Unicode.Scalar, prepends: PrependScheme, splits: Bool)
  case digits(individually: Bool)
  case split(TextPattern, SplitBehavior, isInverted: Bool)
  case sequence([PreTokenizer])

  /// GPT-2's expression, which ``byteLevel`` splits by.
  static let gpt2Expression =
    #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

  /// Before which pieces the mark of ``metaspace`` is put.
  enum PrependScheme: String, Sendable {
    case always, first, never
  }

  /// A stretch of text on its way to the model.
  struct Piece {
    var scalars: ArraySlice<Unicode.Scalar>
    /// Whether it begins where the whole text begins.
    var isFirst: Bool
  }

  func apply(_ pieces: [Piece]) -> [Piece] {
    switch self {
    case .sequence(let parts): return parts.reduce(pieces) { $1.apply($0) }
    case .byteLevel(let addsPrefixSpace, let pattern):
      return pieces.flatMap { piece in
        var piece = piece
        if addsPrefixSpace, piece.scalars.first != " " { piece.scalars = ([" "] + piece.scalars)[...] }
        let cut =
          pattern.map { SplitBehavior.isolated.cut(piece, at: $0.matches(in: piece.scalars)) } ?? [piece]
        return cut.map { Piece(scalars: ByteAlphabet.spelled($0.scalars), isFirst: $0.isFirst) }
      }
    case .metaspace(let mark, let prepends, let splits):
      return pieces.flatMap { piece in
        var scalars = piece.scalars.map { $0 == " " ? mark : $0 }
        let isWanted = prepends == .always || prepends == .first && piece.isFirst
        if isWanted, scalars.first != mark { scalars.insert(mark, at: 0) }
        let marked = Piece(scalars: scalars[...], isFirst: piece.isFirst)
        guard splits else { return [marked] }
        return SplitBehavior.mergedWithNext.cut(marked, at: TextPattern.literal([mark]).matches(in: marked.scalars))
      }
    case .digits(let individually):
      return pieces.flatMap { piece in
        let places = piece.scalars.indices.filter { piece.scalars[$0].isNumeric }.map { $0..<$0 + 1 }
        return (individually ? SplitBehavior.isolated : .contiguous).cut(piece, at: places)
      }
    case .split(let pattern, let behavior, let isInverted):
      return pieces.flatMap { piece in
        let matches = pattern.matches(in: piece.scalars)
        return behavior.cut(piece, at: isInverted ? piece.scalars.indices.gaps(between: matches) : matches)
      }
    }
  }
}

/// What becomes of the delimiters of a split, with the names that `tokenizers` gives.
enum SplitBehavior: String, Sendable {
  case removed = "Removed"
  case isolated = "Isolated"
  case mergedWithPrevious = "MergedWithPrevious"
  case mergedWithNext = "MergedWithNext"
  case contiguous = "Contiguous"

  /// `piece` in parts, given its delimiters in order; no part is empty.
  func cut(_ piece: PreTokenizer.Piece, at delimiters: [Range<Int>]) -> [PreTokenizer.Piece] {
    let whole = piece.scalars.indices
    var parts: [Range<Int>] = []
    switch self {
    case .removed: parts = whole.gaps(between: delimiters)
    case .isolated: parts = (delimiters + whole.gaps(between: delimiters)).sorted { $0.lowerBound < $1.lowerBound }
    case .contiguous:
      var joined: [Range<Int>] = []
      for delimiter in delimiters {
        if let last = joined.last, last.upperBound == delimiter.lowerBound {
          joined[joined.count - 1] = last.lowerBound..<delimiter.upperBound
        } else {
          joined.append(delimiter)
        }
      }
      return SplitBehavior.isolated.cut(piece, at: joined)
    case .mergedWithPrevious:
      var start = whole.lowerBound
      for delimiter in delimiters {
        parts.append(start..<delimiter.upperBound)
        start = delimiter.upperBound
      }
      parts.append(start..<whole.upperBound)
    case .mergedWithNext:
      var start = whole.lowerBound
      for delimiter in delimiters {
        parts.append(start..<delimiter.lowerBound)
        start = delimiter.lowerBound
      }
      parts.append(start..<whole.upperBound)
    }
    return parts.filter { !$0.isEmpty }.map {
      PreTokenizer.Piece(scalars: piece.scalars[$0], isFirst: piece.isFirst && $0.lowerBound == whole.lowerBound)
    }
  }
}

extension Range<Int> {
  /// What `ranges`, in order, leave of this one.
  fileprivate func gaps(between ranges: [Range<Int>]) -> [Range<Int>] {
    var gaps: [Range<Int>] = []
    var start = lowerBound
    for range in ranges {
      if start < range.lowerBound { gaps.append(start..<range.lowerBound) }
      start = range.upperBound
    }
    if start < upperBound { gaps.append(start..<upperBound) }
    return gaps
  }
}
